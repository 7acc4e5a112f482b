/** A node's steps and their times, told from what its console prints. */
import { parseEvent } from './installer-event.ts';
import type { Span } from './types.ts';

type Outcome = NonNullable<Span['outcome']>;

/** `[    19.6] Unpack the image`: the installer's clock has one decimal, the kernel's six. What is indented explains. */
const INSTALLER_LINE = /^\[ *\d+\.\d\] (\S.*)$/;
/** Steps are titled in words; warnings, which are not indented either, quote and point. */
const TITLE = /^[A-Z][\w ,/%-]+$/;
/** May stand behind a login prompt. */
const AGENT_LINE = /slipway: \[(\d+)\/\d+\] ([^:]+): (.*)$/;
const AGENT_END = /^(already-done|changed) \((\d+\.\d) s\)$/;
const STEP_ID = /^[a-z][a-z0-9-]*$/;

interface Current extends Span {
  /** What tells it from other steps of the same program. */
  readonly key: string;
}

/**
 * Fed with a console's lines as they come, in the order they come. Understands the installer's text, its events
 * (`slipway.events=1`) and the agent.
 */
export class ConsoleSpans {
  readonly #ended: Span[] = [];
  #current: Current | undefined;

  /** In the order they began; the last one may still run. */
  get spans(): readonly Span[] {
    return this.#current === undefined ? this.#ended : [...this.#ended, spanOf(this.#current)];
  }

  /** `at`: when the line was printed, in seconds since the run began. */
  line(text: string, at: number): void {
    const [, said] = INSTALLER_LINE.exec(text) ?? [];
    const [, position, name, rest] = AGENT_LINE.exec(text) ?? [];
    if (text.startsWith('{')) this.#event(text, at);
    else if (said !== undefined) this.#installerSaid(said, at);
    else if (position !== undefined && name !== undefined && rest !== undefined) {
      this.#agentSaid(position, name, rest, at);
    } else if (/slipway: failed /.test(text)) this.end(at, 'failed');
    else if (/slipway: installed /.test(text)) this.end(at, 'changed');
  }

  /** The machine has ended, or was ended: so has the step that ran, without an outcome unless one is known. */
  end(at: number, outcome?: Outcome): void {
    if (this.#current === undefined) return;
    const ended = { ...spanOf(this.#current), to: Math.max(at, this.#current.from) };
    this.#ended.push(outcome === undefined ? ended : { ...ended, outcome });
    this.#current = undefined;
  }

  #begin(by: Span['by'], key: string, step: string, title: string, at: number): void {
    this.end(at, 'changed');
    this.#current = { by, key, step, title, from: at };
  }

  #installerSaid(said: string, at: number): void {
    if (/^installing \S+/.test(said)) this.#begin('installer', said, 'prepare', 'Read the kickstart', at);
    else if (TITLE.test(said)) this.#begin('installer', said, slug(said), said, at);
  }

  #agentSaid(position: string, name: string, rest: string, at: number): void {
    const [, outcome, seconds] = AGENT_END.exec(rest) ?? [];
    // The agent says nothing while a step looks, so a step that has nothing to do is heard of at its end only.
    const from = seconds === undefined ? at : Math.max(this.#ended.at(-1)?.to ?? 0, at - Number(seconds));
    if (this.#current?.by !== 'agent' || this.#current.key !== position) {
      this.#begin('agent', position, STEP_ID.test(name) ? name : slug(name), name, from);
    }
    if (this.#current !== undefined) this.#current = named(this.#current, name);
    if (outcome === 'already-done' || outcome === 'changed') this.end(at, outcome);
    else if (rest.startsWith('failed (')) this.end(at, 'failed');
  }

  #event(text: string, at: number): void {
    const event = parseEvent(text);
    if (event?.kind === 'said') {
      if (this.#current?.by === 'installer' && TITLE.test(event.line)) {
        this.#current = { ...this.#current, title: event.line };
      }
    } else if (event?.kind === 'step') {
      if (this.#current?.key !== event.id) this.#begin('installer', event.id, event.id, words(event.id), at);
      if (isOutcome(event.state)) this.end(at, event.state);
    }
  }
}

const spanOf = ({ by, step, title, from }: Current): Span => ({ by, step, title, from });

/** A step calls itself by its id in what it says, and by its title at its beginning and end. */
const named = (current: Current, name: string): Current =>
  STEP_ID.test(name) ? { ...current, step: name } : { ...current, title: name };

const isOutcome = (state: string): state is Outcome => ['already-done', 'changed', 'failed'].includes(state);

const slug = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

const words = (id: string): string => `${id.charAt(0).toUpperCase()}${id.slice(1).replaceAll('-', ' ')}`;

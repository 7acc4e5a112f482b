/** What `lab apply` runs on a node, and what it reads out of the answer. */
import type { JournalContent } from '../../engine/journal.ts';

export interface Upgrade {
  /** NAME-VERSION-RELEASE.ARCH, as `rpm -q` prints it. */
  readonly package: string;
  /** Run this step alone, once those before it hold. */
  readonly only?: string;
}

export type StepOutcome = 'already-done' | 'changed' | 'failed';

export interface StepResult {
  readonly id: string;
  readonly outcome: StepOutcome;
  readonly seconds: number;
}

/** What an agent has done. */
export interface AgentReport {
  /** Whether the node did not have the package already. */
  readonly upgraded: boolean;
  /** In the order they were run. */
  readonly steps: readonly StepResult[];
  /** Why the run has not verified all that was asked for. */
  readonly problem?: string;
}

const BEGUN = 'slipway-apply: begun';
const UPGRADED = 'slipway-apply: upgraded';
const JOURNAL = 'slipway-apply: journal';

/**
 * A line for the shell of a node; the package comes on its standard input. Ends as the agent did. Without `--nopostun` an
 * upgrade starts the agent's unit anew, whose run would not be ours to watch. A former state of a step is an older
 * release, hence `--oldpackage`.
 */
export function upgradeScript({ package: name, only }: Upgrade): string {
  return [
    'set -e',
    `echo '${BEGUN}'`,
    'file=/run/slipway-apply.rpm',
    'cat >"$file"',
    'systemctl stop slipway-agent.service',
    `if [ "$(rpm -q slipway-postinstall)" != ${name} ]; then`,
    '  rpm --upgrade --oldpackage --nopostun "$file"',
    '  systemctl daemon-reload',
    `  echo '${UPGRADED}'`,
    'fi',
    'rm -f "$file"',
    'code=0',
    `slipway-agent run${only === undefined ? '' : ` --only ${only}`} || code=$?`,
    `echo '${JOURNAL}'`,
    'cat /var/lib/slipway/journal.json || :',
    'exit "$code"',
  ].join('\n');
}

/** How the agent says that a step has ended; how long one has taken that failed, it does not say. */
const STEP_END =
  /^slipway: \[\d+\/\d+\] (.+?): (?:(already-done|changed) \((\d+\.\d) s\)$|(failed) \([a-z-]+\): )/;
const OUTCOMES: readonly StepOutcome[] = ['already-done', 'changed', 'failed'];

/** Follows the script's output, line by line as it comes. */
export class UpgradeReader {
  readonly #steps: StepResult[] = [];
  readonly #journal: string[] = [];
  #stage: 'login' | 'upgrade' | 'journal' = 'login';
  #upgraded = false;
  #verdict: string | undefined;
  /** When the last step ended, or what came before the first. */
  #since = 0;

  /** Whether the node has let us in. */
  get begun(): boolean {
    return this.#stage !== 'login';
  }

  /** `at`: when the line came, in seconds since any beginning. */
  line(text: string, at: number): void {
    if (this.#stage === 'journal') this.#journal.push(text);
    else if (text === JOURNAL) this.#stage = 'journal';
    else if (text === BEGUN || text === UPGRADED) {
      this.#stage = 'upgrade';
      this.#upgraded ||= text === UPGRADED;
      this.#since = at;
    } else this.#agentSaid(text, at);
  }

  #agentSaid(text: string, at: number): void {
    this.#verdict = /^slipway: failed \S+: (.*)$/.exec(text)?.[1] ?? this.#verdict;
    const [, title = '', verified, took, failed] = STEP_END.exec(text) ?? [];
    const outcome = OUTCOMES.find((each) => each === (verified ?? failed));
    if (outcome === undefined) return;
    this.#steps.push({ id: title, outcome, seconds: took === undefined ? at - this.#since : Number(took) });
    this.#since = at;
  }

  /** What came of it; `exitCode` is that of the script. */
  report(exitCode: number, stderr: string): AgentReport {
    const ended = this.#steps;
    const ids = idsOf(this.#journal.join('\n'));
    // The agent prints titles. Its journal has ids, and the same steps in the same order.
    const steps =
      ids.length === ended.length ? ended.map((step, i) => ({ ...step, id: ids[i] ?? '' })) : ended;
    const problem = exitCode === 0 ? undefined : this.#problem(exitCode, stderr);
    return { upgraded: this.#upgraded, steps, ...(problem === undefined ? {} : { problem }) };
  }

  #problem(exitCode: number, stderr: string): string {
    if (this.#verdict !== undefined) return this.#verdict;
    const said = stderr.trim();
    if (said !== '') return said;
    return this.#stage === 'journal'
      ? `the agent was stopped before its verdict (exit code ${exitCode})`
      : `the upgrade ended with exit code ${exitCode}`;
  }
}

/** Ids of the last run's steps in the order they were run; empty when this is no journal. */
function idsOf(journal: string): readonly string[] {
  try {
    const { run, steps }: JournalContent = JSON.parse(journal);
    return Object.entries(steps)
      .filter(([, { at }]) => at >= run.startedAt)
      .sort(([, a], [, b]) => (a.at < b.at ? -1 : Number(a.at > b.at)))
      .map(([id]) => id);
  } catch {
    return []; // the script did not get there
  }
}

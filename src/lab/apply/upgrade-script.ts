/** What `lab apply` runs on a node, and what it reads out of the answer. */
import { ConsoleSpans } from '../evidence/console-spans.ts';

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

const UPGRADED = 'slipway-apply: upgraded';
const STATUS = 'slipway-apply: status';

/**
 * A line for the shell of a node; the package comes on its standard input. Ends as the agent did. An upgrade restarts
 * the agent's unit, which is stopped again: its run would not be ours to watch. A former state of a step is an older
 * release, hence `--oldpackage`.
 */
export function upgradeScript({ package: name, only }: Upgrade): string {
  return [
    'set -e',
    'file=/run/slipway-apply.rpm',
    'cat >"$file"',
    `if [ "$(rpm -q slipway-postinstall)" != ${name} ]; then`,
    '  rpm --upgrade --oldpackage "$file"',
    `  echo '${UPGRADED}'`,
    'fi',
    'rm -f "$file"',
    'systemctl stop slipway-agent.service',
    'code=0',
    `slipway-agent run${only === undefined ? '' : ` --only ${only}`} || code=$?`,
    `echo '${STATUS}'`,
    'slipway-agent status --json || :',
    'exit "$code"',
  ].join('\n');
}

/** Follows the script's output, line by line as it comes. */
export class UpgradeReader {
  readonly #spans = new ConsoleSpans();
  readonly #status: string[] = [];
  #upgraded = false;
  #inStatus = false;
  #verdict: string | undefined;

  /** `at`: when the line came, in seconds since any beginning. */
  line(text: string, at: number): void {
    if (this.#inStatus) this.#status.push(text);
    else if (text === UPGRADED) this.#upgraded = true;
    else if (text === STATUS) this.#inStatus = true;
    else {
      this.#verdict = /^slipway: failed \S+: (.*)$/.exec(text)?.[1] ?? this.#verdict;
      this.#spans.line(text, at);
    }
  }

  /** What came of it; `exitCode` is that of the script. */
  report(exitCode: number, stderr: string): AgentReport {
    const titles = titlesOf(this.#status.join('\n'));
    const steps = this.#spans.spans.flatMap(({ step, title, from, to, outcome }) =>
      to === undefined || outcome === undefined
        ? []
        : { id: titles.get(title) ?? step, outcome, seconds: to - from },
    );
    const problem = exitCode === 0 ? undefined : this.#problem(exitCode, stderr);
    return { upgraded: this.#upgraded, steps, ...(problem === undefined ? {} : { problem }) };
  }

  #problem(exitCode: number, stderr: string): string {
    if (this.#verdict !== undefined) return this.#verdict;
    const said = stderr.trim();
    if (said !== '') return said;
    return this.#inStatus
      ? `the agent was stopped before its verdict (exit code ${exitCode})`
      : `the upgrade ended with exit code ${exitCode}`;
  }
}

/** Ids of steps by their titles, from `slipway-agent status --json`; empty when there is none. */
function titlesOf(json: string): ReadonlyMap<string, string> {
  try {
    const { steps }: { readonly steps: readonly { readonly id: string; readonly title: string }[] } =
      JSON.parse(json);
    return new Map(steps.map(({ id, title }) => [title, id]));
  } catch {
    return new Map(); // the script did not get there
  }
}

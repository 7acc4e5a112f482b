/** What is said about a failed installation: one result line on every console, and what helps to understand it. */
import { CommandError } from '../engine/command.ts';
import { type FailureClass, StepFailure } from '../engine/failure.ts';
import { failedLine } from '../engine/lines.ts';
import { formatProblems, InputError, type Problem } from '../errors/problem.ts';
import { withoutSecrets } from '../kickstart/secrets.ts';
import { ScriptRefusal } from './scripts.ts';

/** A step that failed, with its name. */
export class FailedStep extends StepFailure {
  readonly step: string;

  constructor(step: string, ...[failureClass, message, remedy]: ConstructorParameters<typeof StepFailure>) {
    super(failureClass, message, remedy);
    this.step = step;
  }
}

export interface FailureReport {
  /** Lines for every console and the log; at most one of them is a result line. */
  readonly say: readonly string[];
  /** Lines for the log only. */
  readonly note: readonly string[];
}

/** Name of what goes before the first step. */
const BEFORE_STEPS = 'read-kickstart';

/** @param node the node's name as far as it is known */
export function reportFailure(error: unknown, node: string): FailureReport {
  const failed = (failureClass: FailureClass, step: string, message: string): string =>
    failedLine(node, failureClass, step, message);
  if (error instanceof InputError) {
    // A caret line shows the kickstart's own words, and those may be a password.
    const { problems, sources } = withoutSecrets(error.problems, error.sources);
    const text = formatProblems(problems, sources).split('\n');
    return { say: [...text, failed('config-invalid', BEFORE_STEPS, firstProblem(problems))], note: [] };
  }
  if (error instanceof StepFailure) {
    const step = error instanceof FailedStep ? error.step : BEFORE_STEPS;
    const line = failed(error.failureClass, step, error.message);
    const remedy = error.remedy === undefined ? [] : [`  ${error.remedy}`];
    // The script has said it on every console already, and one failure is one line.
    return error instanceof ScriptRefusal
      ? { say: remedy, note: [line] }
      : { say: [line, ...remedy], note: [] };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    say: [failed('verify-failed', 'installer', message)],
    note: [
      ...(error instanceof CommandError ? error.stderr.split('\n') : []),
      ...(error instanceof Error ? (error.stack ?? '').split('\n') : []),
    ].filter((line) => line !== ''),
  };
}

function firstProblem(problems: readonly Problem[]): string {
  const [first, ...more] = problems;
  if (first === undefined) return 'the kickstart cannot be used';
  const rest = more.length === 0 ? '' : `, and ${more.length} more`;
  return `${first.file}:${first.line}:${first.column}: ${first.message}${rest}`;
}

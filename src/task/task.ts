import type { Context } from '../host/context.ts';
import type { ToolNeed } from '../host/tools.ts';

/** A piece of work with a name: inputs in, outputs back, nothing shared and nothing mutated in between. */
export interface Task<In, Out> {
  /** Short and stable: `rpm`. Names the log file and the events. */
  readonly name: string;
  /** For people: "Build the RPMs". */
  readonly title: string;
  /** Checked for all tasks before the first one runs. */
  readonly tools: readonly ToolNeed[];
  run(input: In, context: Context, say: (line: string) => void): Promise<Out>;
  /** A few words on the result: "2 packages, reused". */
  summary?(out: Out): string;
}

/** What a pipeline shows of a task, whatever its inputs and outputs are. */
export type TaskLabel = Pick<Task<never, unknown>, 'name' | 'title' | 'tools'>;

/** A task that did not make it: which one, where its log is, and as `cause` the reason. */
export class TaskFailure extends Error {
  readonly task: string;
  /** Absolute path of the full log, when one was written. */
  readonly log: string | undefined;

  constructor(task: string, log: string | undefined, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'TaskFailure';
    this.task = task;
    this.log = log;
  }
}

/** Why a step failed, in the words that decide what happens next (retry, wait, stop). */
export type FailureClass =
  | 'transient'
  | 'waiting-peer'
  | 'waiting-operator'
  | 'timeout'
  | 'needs-reboot'
  | 'refused-foreign-data'
  | 'config-invalid'
  | 'verify-failed';

/** A step's failure: its class, one sentence of what is wrong, and what the operator can do. */
export class StepFailure extends Error {
  readonly failureClass: FailureClass;
  readonly remedy: string | undefined;

  constructor(failureClass: FailureClass, message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StepFailure';
    this.failureClass = failureClass;
    this.remedy = remedy;
  }
}

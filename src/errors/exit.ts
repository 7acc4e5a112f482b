/** The failures `cli.ts` knows how to print. Everything else is our own bug and exits 70 with a stack trace. */

/** A program, a kernel feature or room on this machine is missing: exit code 2. */
export class MissingError extends Error {
  /** What to do about it, copy-pasteable where possible. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MissingError';
    this.hint = hint;
  }
}

/** A build step or a proof failed for a reason outside our code: exit code 3. */
export class FailedError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FailedError';
    this.hint = hint;
  }
}

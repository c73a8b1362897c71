/**
 * An error whose message is written for users: it says what happened, where, and what to do next. It holds no secret
 * and nothing of a client library's error. Commands print it without a stack trace; cycles report it.
 */
export abstract class ExplainedError extends Error {}

/**
 * Something that the user can fix. The command ends with exit code 1.
 */
export class UserError extends ExplainedError {
  override readonly name: string = 'UserError';
}

/** The command line does not say enough. The command ends with exit code 2, and has asked no server. */
export class UsageError extends UserError {
  override readonly name = 'UsageError';
}

/** The command has done its work, and found the ends not in step. The command ends with exit code 3. */
export class NotInStepError extends ExplainedError {
  override readonly name = 'NotInStepError';
}

/** The command has printed its answer, and only its exit code is left to say: 1 failed, 3 something differs or waits. */
export class QuietEnd extends ExplainedError {
  override readonly name = 'QuietEnd';

  constructor(readonly exitCode: 1 | 3) {
    super(`exit code ${exitCode}`);
  }
}

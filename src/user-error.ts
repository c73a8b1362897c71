/**
 * Something the user can mend. The message says what happened, where, and what to do next; the command prints it
 * without a stack trace and ends with exit code 1.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/** The command line does not say enough. The command ends with exit code 2, and has asked no server. */
export class UsageError extends UserError {
  override readonly name = 'UsageError';
}

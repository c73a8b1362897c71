/**
 * Something the user can mend. The message says what happened, where, and what to do next; the command prints it
 * without a stack trace and ends with exit code 1.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

import { inspect } from 'node:util';

/** Everything that a log or a reporter could show of an error. */
export function exposed(error: unknown): string {
  const own = error instanceof Error ? Object.getOwnPropertyNames(error) : [];
  return [
    String(error),
    inspect(error, { depth: Infinity, showHidden: true }),
    JSON.stringify(error),
    JSON.stringify(error, own),
    error instanceof Error ? error.stack : '',
  ].join('\n');
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not rejected');
}

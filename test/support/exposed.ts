import { inspect } from 'node:util';

/** All texts of an error that a log or a reporter could show. */
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

/** The reason of a rejected promise. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not rejected');
}

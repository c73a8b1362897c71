import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * A condition the user can do something about. Its message is all that is shown: what happened, where, and
 * what to do next. Anything else that is thrown is a bug of ours and keeps its stack trace.
 */
export class Problem extends Error {
  name = 'Problem';
}

/**
 * Runs a command line's main function, if the module with that URL is the one that node was told to run. A
 * Problem becomes its message and exit code 1.
 */
export async function runMain(moduleUrl, main) {
  // realpath, because the module's URL has no symbolic links in it and argv may.
  if (process.argv[1] === undefined || fs.realpathSync(process.argv[1]) !== fileURLToPath(moduleUrl)) return;
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof Problem ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** What every command of dev/ begins with. Plain Node: it runs before any npm package is installed. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
// Not by name: a Node.js without parseArgs must get as far as the message that it is too old.
import util from 'node:util';

/** The checkout's top folder. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * A condition that the user can repair. Only its message is shown: what happened, where, and what to do next. Every
 * other error is a bug of ours and keeps its stack trace.
 */
export class Problem extends Error {
  name = 'Problem';
}

/**
 * Runs a command's main function, if node was started with the module of that URL. A Problem becomes its message and
 * exit code 1.
 */
export async function runMain(moduleUrl, main) {
  // The module's URL has no symbolic links in it; argv may have some.
  if (process.argv[1] === undefined || fs.realpathSync(process.argv[1]) !== fileURLToPath(moduleUrl)) return;
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof Problem ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/**
 * Reads the flags of a command. If help was asked for or a flag is unknown, it prints the help and returns the exit
 * code only.
 *
 * @param {import('node:util').ParseArgsConfig['options']} options without `help`
 * @param {string} help
 * @returns {{ flags?: Record<string, unknown>, exitCode: number }}
 */
export function readFlags(options, help) {
  try {
    const flags = util.parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    }).values;
    if (!flags.help) return { flags, exitCode: 0 };
    console.log(help);
    return { exitCode: 0 };
  } catch (error) {
    console.error(`error: ${error.message}\n\n${help}`);
    return { exitCode: 2 };
  }
}

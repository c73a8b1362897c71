// As a whole: an old Node.js without parseArgs must get as far as being told that it is too old.
import util from 'node:util';

/**
 * Reads the flags of a script. Where there is nothing to be done, because help was asked for or a flag is unknown,
 * says so and gives the exit code instead.
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

import { Option, type Command } from 'commander';
import { screenOf, type Screen } from './status/layout';
import type { Options } from './options';

/**
 * How a command prints its result: `human`, text for a terminal; `json`, one object; `jsonl`, a line for each finding and
 * one with the sums; `github`, Markdown for a comment on a pull request.
 */
export type Format = 'human' | 'json' | 'jsonl' | 'github';

/** Adds `--output`, and `--json` as a short form. */
export function withOutput(command: Command, formats: readonly Format[]): Command {
  return command
    .addOption(new Option('--output <format>', 'how to print the result (default: human)').choices(formats))
    .addOption(new Option('--json', 'the same as --output json').conflicts('output'));
}

export function formatOf(options: Options): Format {
  if (options['json'] === true) return 'json';
  return (options['output'] as Format | undefined) ?? 'human';
}

/** The terminal of the results. */
export const resultScreen = (): Screen => screenOf(process.stdout, process.env);

/** One JSON object in each line. */
export function jsonLines(objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join('\n');
}

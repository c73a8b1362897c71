import { createInterface } from 'node:readline/promises';
import { UsageError, UserError } from '../errors';
import type { Options } from './options';

/** How an operator agrees to an action that another cycle cannot undo. */
export type Consent = { kind: 'set'; set: string } | { kind: 'yes' } | { kind: 'ask' };

export interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream & { isTTY?: boolean };
}

const STANDARD: Terminal = { input: process.stdin, output: process.stderr };

/** To be called before any request to a server. @throws UsageError without a set and without a terminal to ask on */
export function consentOf(options: Options, command: string, terminal = STANDARD): Consent {
  const set = options['set'];
  if (typeof set === 'string') return { kind: 'set', set };
  if (options['yes'] === true) return { kind: 'yes' };
  if (terminal.input.isTTY === true && terminal.output.isTTY === true) return { kind: 'ask' };
  throw new UsageError(
    `${command} asks before it acts, but this is not a terminal: name the set with --set HASH ` +
      '("vsync plan -c FILE" shows it), or give --yes to approve what waits now',
  );
}

/** Only "yes" agrees; Ctrl-C, Ctrl-D and everything else do not. @throws UserError if the answer is not "yes" */
export async function ask(question: string, { input, output } = STANDARD): Promise<void> {
  const lines = createInterface({ input, output });
  // Settles before the question is rejected, unlike events.once.
  const closed = new Promise<string>((resolve) => {
    lines.once('close', () => {
      resolve('');
    });
  });
  try {
    const answer = await Promise.race([lines.question(`${question} Type yes to go on: `), closed]);
    if (answer.trim().toLowerCase() !== 'yes') throw new UserError('not confirmed: nothing was changed');
  } finally {
    lines.close();
  }
}

/*
 * The deletes or orphans that an operator approves are a set of paths, named by the sha256 of the paths. So only the
 * set that was shown is approved, and never one that has changed since.
 */

/** With fewer hex digits another set could match by chance: one digit matches one set in 16. */
const DIGITS = 12;

const NAME = new RegExp(`^[0-9a-f]{${DIGITS},64}$`, 'i');

export const SET_NAME = `at least ${DIGITS} hex digits, as "vsync plan" and "vsync status" show them`;

export const shortSet = (hash: string): string => hash.slice(0, DIGITS);

export const isSetName = (text: string): boolean => NAME.test(text);

export const isNamed = (hash: string, name: string): boolean =>
  isSetName(name) && hash.startsWith(name.toLowerCase());

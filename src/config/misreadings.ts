import type { Key } from './keys';
import { coerce, textOf } from './settings';
import type { Written } from './syntax-problem';

/*
 * The original reads `name: 2024_01` as 202401 and `numBuckets: 016` as 14, and so does vsync. Few people expect
 * it, so a warning says how the value was read.
 */

/** How the numbers and words without quotes of a file are written, by their section or list, and their name in it. */
export type PlainValues = WeakMap<object, Map<string, Written>>;

/**
 * Warnings of values that are read as something else than what is written. They hold no secret.
 *
 * @param written how the value is written, if it is plain
 * @param plain how the entries of a list are written
 */
export function misreadings(
  key: Key,
  source: string,
  value: unknown,
  written?: Written,
  plain?: PlainValues,
): string[] {
  switch (key.kind) {
    case 'text':
      return ofText(key.path, source, value, written, key.secret);
    case 'list':
      return Array.isArray(value)
        ? value.flatMap((entry: unknown, position) =>
            ofText(
              `${key.path}[${position}]`,
              source,
              entry,
              plain?.get(value)?.get(String(position)),
              key.secret,
            ),
          )
        : ofText(key.path, source, value, written, key.secret);
    case 'number':
      return ofNumber(key, source, value, written);
    case 'boolean':
    case 'duration':
    case 'rules':
    case 'section':
      return [];
  }
}

function ofText(
  path: string,
  source: string,
  value: unknown,
  written: Written | undefined,
  isSecret: boolean,
): string[] {
  const text = textOf(value);
  if (written === undefined || typeof text !== 'string' || text === written.text) return [];
  const kind = typeof value === 'boolean' ? 'a boolean' : 'a number';
  const read = isSecret ? 'other text than what is written' : `the text "${text}"`;
  return [
    `${path} (${source}, line ${written.line()}) is read as ${kind}, and so as ${read}; put it in quotes to keep ` +
      'what is written',
  ];
}

/** A number that is not as people count: octal, hexadecimal, binary, or with "_". */
function ofNumber(key: Key, source: string, value: unknown, written: Written | undefined): string[] {
  const text = written?.text ?? value;
  const number = coerce(key, value);
  if (typeof text !== 'string' || typeof number !== 'number') return [];
  if (!/^[-+]?0[xob]|_/i.test(text) && Number(text) === number) return [];
  const where = written === undefined ? source : `${source}, line ${written.line()}`;
  return [
    `${key.path} (${where}) is read as ${number}; write it as a decimal number, without "_" or "0" in front`,
  ];
}

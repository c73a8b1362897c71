/* What the parsers of all file formats share: problems, remarks, and numbers as the original reads them. */

/** A text cannot be parsed. The message contains the place and the reason. It quotes no text, which may contain secrets. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';

  /**
   * @param text the whole text
   * @param offset of the problem in it, in UTF-16 units
   * @param what what is wrong there
   */
  constructor(text: string, offset: number, what: string) {
    const before = text.slice(0, offset).split('\n');
    super(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${what}`);
  }
}

/** How a value is written in the file. */
export interface Written {
  readonly text: string;
  /** A function, because counting lines is slow and seldom needed. */
  readonly line: () => number;
}

/** How the numbers and words without quotes of a file are written: by section or list, then by name in it. */
export type PlainValues = WeakMap<object, Map<string, Written>>;

/** What a parser reports while it reads. */
export interface Remarks {
  /** A key is written again. */
  readonly repeated?: (line: number) => void;
  /** A "<<" replaces keys that its section has before it. */
  readonly replaced?: (line: number, names: readonly string[]) => void;
  /** A number or a word without quotes became `holder[name]`, which is not text. The holder is a section or a list. */
  readonly plain?: (holder: object, name: string, written: Written) => void;
}

/** @param offset as for {@link SyntaxProblem} */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

const INTEGER = /^[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/;

/**
 * Reads an integer as Go's strconv.ParseInt(text, 0, 64) does: "017" is 15, "0x10" is 16, "0b11" is 3, "1_000" is 1000.
 *
 * @returns undefined if the text is not an integer, or needs more than 64 bits
 */
export function goInteger(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const literal = text.replace(/[+_-]/g, '');
  const size = BigInt(literal.replace(/^0(?=\d)/, '0o'));
  const value = text.startsWith('-') ? -size : size;
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** As a number if that loses nothing. */
export function plainNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Writes a number as Go's strconv.FormatFloat(value, 'f', -1, 64) does: all digits, no exponent. */
export function goText(value: number | bigint): string {
  // JSON has a zero with a sign.
  const text = Object.is(value, -0) ? '-0' : String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

import { printParseErrorCode, visit } from 'jsonc-parser';

/* What the parsers of all file formats share: problems, numbers as the original reads them, and JSON. */

/** A text cannot be parsed. The message contains the place and the reason. It quotes no text, which may contain secrets. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';

  /** @param offset in the whole text, in UTF-16 units */
  constructor(text: string, offset: number, what: string) {
    const before = text.slice(0, offset).split('\n');
    super(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${what}`);
  }
}

/** A number or a boolean without quotes, and how it is written: its text matters where a key takes text. */
export class Unquoted {
  constructor(
    readonly value: number | bigint | boolean,
    readonly text: string,
    /** A function, because counting lines is slow and seldom needed. */
    readonly line: () => number,
  ) {}
}

/** The value itself, also of an {@link Unquoted}. */
export function withoutMark(value: unknown): unknown {
  return value instanceof Unquoted ? value.value : value;
}

/** What a parser does besides reading. */
export interface ParseOptions {
  /** A key is written again. */
  readonly repeated?: (line: number) => void;
  /** A "<<" replaces keys that its section has before it. */
  readonly replaced?: (line: number, names: readonly string[]) => void;
  /** Wraps values without quotes into {@link Unquoted}; not in JSON. */
  readonly marksUnquoted?: boolean;
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

const INTEGER = /^[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/;

/**
 * Reads an integer as Go's strconv.ParseInt(text, 0, 64) does: "017" is 15, "0x10" is 16, "0b11" is 3, "1_000" is 1000.
 * Undefined if the text is not an integer, or needs more than 64 bits.
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
export function goText(value: number | bigint | boolean): string {
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

/**
 * Reads JSON; of two equal keys the later one counts. Node's own message for malformed JSON quotes the text around the
 * error, and not every version contains the position. So a library finds the position, and the words are ours.
 *
 * @throws SyntaxProblem
 */
export function parseJson(text: string, options?: ParseOptions): unknown {
  const problem = firstProblem(text, options);
  try {
    return JSON.parse(text);
  } catch {
    throw problem ?? new SyntaxProblem(text, 0, 'is not JSON');
  }
}

const VALUE = 'a value is missing or malformed';
const STRING = 'text in double quotes is not ended, or contains a character that must be escaped';

/** By the library's name of the error; `close` is the end of the object or list around it. */
const MESSAGES: Readonly<Record<string, (close: string) => string>> = {
  PropertyNameExpected: () => 'a key in double quotes is missing',
  ColonExpected: () => '":" is missing',
  CommaExpected: (close) => `"," or "${close}" is missing`,
  CloseBraceExpected: () => '"," or "}" is missing',
  CloseBracketExpected: () => '"," or "]" is missing',
  EndOfFileExpected: () => 'there is more text after the end',
  InvalidCommentToken: () => 'comments are not allowed in JSON',
  UnexpectedEndOfString: () => STRING,
  InvalidEscapeCharacter: () => STRING,
  InvalidUnicode: () => STRING,
  InvalidCharacter: () => STRING,
};

function firstProblem(text: string, options?: ParseOptions): SyntaxProblem | undefined {
  const around: { readonly close: string; readonly keys: Set<string> }[] = [];
  const begin = (close: string) => () => void around.push({ close, keys: new Set() });
  const end = (): void => void around.pop();
  let problem: SyntaxProblem | undefined;
  visit(
    text,
    {
      onObjectBegin: begin('}'),
      onObjectEnd: end,
      onArrayBegin: begin(']'),
      onArrayEnd: end,
      onObjectProperty: (name, offset) => {
        const keys = around.at(-1)?.keys;
        if (keys?.has(name)) options?.repeated?.(lineAt(text, offset));
        keys?.add(name);
      },
      onLiteralValue: (_value, offset, length) => {
        // The library reads 01 as two numbers.
        if (/[\w.+-]/.test(text.charAt(offset + length))) problem ??= new SyntaxProblem(text, offset, VALUE);
      },
      onError: (code, offset) => {
        const message = MESSAGES[printParseErrorCode(code)]?.(around.at(-1)?.close ?? '');
        problem ??= new SyntaxProblem(text, offset, message ?? VALUE);
      },
    },
    { disallowComments: true },
  );
  return problem;
}

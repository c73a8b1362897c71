import {
  goInteger,
  lineAt,
  parseJson,
  plainNumber,
  type ParseOptions,
  SyntaxProblem,
  Unquoted,
} from './syntax';

/**
 * Reads HCL of version 1, as the original does: the format of Consul's and Vault's own configuration files. `${…}` stays
 * text. A block that is written several times becomes a list, repeated lists are joined, and of two plain values of one key
 * the later one counts. docs/decisions/0003-commonjs-and-toolchain.md has the reason against a library. @throws SyntaxProblem
 */
export function parseHcl(text: string, options: ParseOptions = {}): unknown {
  // As in the original, JSON is HCL too.
  if (text.trimStart().startsWith('{')) return parseJson(text, options);
  return new Parser(text, options).body('');
}

const SPACE = /(?:[ \t\r\n]|#[^\n]*|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;
const IDENTIFIER = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const NUMBER = /(?:-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|\.\d+(?:[eE][+-]?\d+)?)(?![\w.])/y;
/** Up to the end of the text, of an escape or of a `${`. */
const PLAIN_TEXT = /(?:[^"\\\n$]|\$(?!\{))*/y;
const ESCAPE = /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/y;
const HERE_DOCUMENT = /<<(-?)([\p{L}_\p{Nd}]+)\r?\n([^]*?\n)?([ \t]*)\2\r*\n/uy;

const OPEN_BRACE = 'after "${" it goes on to the next "}"; write "$\\x7b" if "${" is part of the text';

const ESCAPED: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

class Parser {
  private offset = 0;

  constructor(
    private readonly text: string,
    private readonly options: ParseOptions,
  ) {}

  /** Everything up to `close`, which is "" for the end of the file. */
  body(close: '' | '}'): unknown {
    const entries = new Map<string, unknown>();
    while (this.peek() !== close) {
      this.entry(entries);
      this.take(',');
    }
    this.offset += close.length;
    // Not by assignment, which has another meaning for a key "__proto__".
    return Object.fromEntries(entries);
  }

  /** `key = value`, `key { … }` or `key "label" { … }`, which means `key { label { … } }`. */
  private entry(entries: Map<string, unknown>): void {
    const start = this.offset;
    const key = this.key();
    const labels: string[] = [];
    while (this.peek() !== '=' && this.peek() !== '{') labels.push(this.key());
    const isAttribute = this.take('=');
    if (isAttribute && labels.length > 0) this.fail('"{" is missing', this.offset - 1);
    const labelled = (inner: unknown, label: string): unknown => Object.fromEntries([[label, inner]]);
    if (!isAttribute) this.take('{');
    const value = isAttribute ? this.value() : labels.reduceRight(labelled, this.body('}'));
    entries.set(key, this.joined(entries.get(key), value, start));
  }

  /** The value of a key that may be written a second time. */
  private joined(before: unknown, now: unknown, start: number): unknown {
    if (before === undefined) return now;
    const isPlain = (value: unknown): boolean => typeof value !== 'object' || value instanceof Unquoted;
    if (isPlain(before) && isPlain(now)) {
      this.options.repeated?.(lineAt(this.text, start));
      return now;
    }
    if (isPlain(before) || isPlain(now))
      this.fail('the key is written twice, as a section or list and as a plain value', start);
    return [before, now].flat();
  }

  private key(): string {
    if (this.peek() === '"') return this.string();
    return (
      this.match(IDENTIFIER)?.[0] ?? this.fail(this.peek() === '' ? '"}" is missing' : 'a key is missing')
    );
  }

  private value(): unknown {
    const next = this.peek();
    const start = this.offset;
    if (next === '"') return this.string();
    if (this.take('{')) return this.body('}');
    if (this.take('[')) return this.list();
    if (next === '<') return this.hereDocument();
    const number = this.match(NUMBER)?.[0];
    if (number !== undefined) {
      const value = this.number(number, start);
      if (this.options.marksUnquoted !== true) return value;
      return new Unquoted(value, number, () => lineAt(this.text, start));
    }
    const word = this.match(IDENTIFIER)?.[0];
    if (word === 'true' || word === 'false') return word === 'true';
    return this.fail('a value is missing or malformed; text needs double quotes', start);
  }

  private number(text: string, start: number): number | bigint {
    if (!/^-?(0[xX]|\d+$)/.test(text)) return Number(text);
    const integer = goInteger(text);
    if (integer === undefined)
      this.fail('a number that begins with "0" is octal, and no number has more than 64 bits', start);
    return plainNumber(integer);
  }

  private list(): unknown {
    const values: unknown[] = [];
    while (!this.take(']')) {
      if (this.take(',')) continue;
      values.push(this.value());
      if (!this.take(',') && this.peek() !== ']') this.fail('"," or "]" is missing');
    }
    return values;
  }

  private string(): string {
    const start = this.offset++;
    let text = '';
    let isInterpolated = false;
    for (;;) {
      text += this.match(PLAIN_TEXT)?.[0] ?? '';
      const next = this.text.charAt(this.offset);
      if (next === '"') break;
      if (next === '\\') text += this.escape(start);
      else if (next === '$') {
        text += this.interpolation();
        isInterpolated = true;
      } else {
        const hint = isInterpolated ? `; ${OPEN_BRACE}` : '';
        this.fail(`text in double quotes is not ended on its line${hint}`, start);
      }
    }
    this.offset++;
    return text;
  }

  private escape(start: number): string {
    const [, char, hex, short, long, octal = ''] = this.match(ESCAPE) ?? [];
    if (char !== undefined) return ESCAPED[char] ?? char;
    const code = hex ?? short ?? long;
    const point = code === undefined ? parseInt(octal, 8) : parseInt(code, 16);
    if (!(point <= 0x10ffff)) this.fail('a "\\" in this text escapes nothing; write "\\\\"', start);
    return String.fromCodePoint(point);
  }

  /** `${…}` has no meaning here, but quotes and line ends in it do not end the text. */
  private interpolation(): string {
    const begin = this.offset;
    let braces = 0;
    do {
      const char = this.text.charAt(this.offset++);
      if (char === '') this.fail(`text in double quotes is not ended: ${OPEN_BRACE}`, begin);
      if (char === '\\') this.offset++;
      if (char === '{') braces++;
      if (char === '}') braces--;
    } while (braces > 0 || this.offset === begin + 1);
    return this.text.slice(begin, this.offset);
  }

  /** As in version 1, `<<` keeps the spaces before the end mark, and `<<-` removes as many from each line. */
  private hereDocument(): string {
    const [, dash, , lines = '', indent = ''] =
      this.match(HERE_DOCUMENT) ?? this.fail('text after "<<" is not ended by its mark on a line of its own');
    // The line end after the mark ends the entry.
    if (dash === '') return lines + indent;
    const each = lines.split('\n').slice(0, -1);
    if (!each.every((line) => line.startsWith(indent))) return lines;
    return each.map((line) => `${line.slice(indent.length)}\n`).join('');
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.offset++;
    return true;
  }

  /** The next character after spaces and comments; "" at the end. */
  private peek(): string {
    this.match(SPACE);
    if (this.text.startsWith('/*', this.offset)) this.fail('a comment is not ended');
    return this.text.charAt(this.offset);
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.offset;
    const match = pattern.exec(this.text);
    if (match) this.offset = pattern.lastIndex;
    return match;
  }

  private fail(what: string, offset = this.offset): never {
    throw new SyntaxProblem(this.text, offset, what);
  }
}

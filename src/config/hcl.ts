import { parseJson } from './json';
import { SyntaxProblem } from './syntax-problem';

/**
 * Reads the HCL that the original takes: version 1, as of Consul's and Vault's own configuration files. Read
 * here are attributes, blocks, lists, objects, comments and text in double quotes; `${` has no meaning; "here
 * documents" are refused. A block that stands there several times becomes a list. There are libraries, but
 * they are large, unmaintained, read version 2 only, and either name no line or are asynchronous.
 *
 * @throws SyntaxProblem
 */
export function parseHcl(text: string): unknown {
  // As in the original: JSON is HCL too.
  if (text.trimStart().startsWith('{')) return parseJson(text);
  return new Parser(text).file();
}

const SPACE = /(?:[ \t\r\n]|#[^\n]*|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;
const IDENTIFIER = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const STRING = /"((?:[^"\\\n]|\\[^\n])*)"/y;
const ESCAPE = /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|)/g;

const ESCAPED: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Entries of an object. `blocks` are the keys that were written as blocks, which may be repeated. */
interface Body {
  readonly entries: Map<string, unknown>;
  readonly blocks: Set<string>;
}

class Parser {
  private offset = 0;

  constructor(private readonly text: string) {}

  file(): unknown {
    return this.body('');
  }

  /** Everything up to `close`, which is "" for the end of the file. */
  private body(close: '' | '}'): unknown {
    const body: Body = { entries: new Map(), blocks: new Set() };
    while (this.peek() !== close) {
      this.entry(body);
      this.take(',');
    }
    this.offset += close.length;
    // Not by assignment, which would do something else for a key "__proto__".
    return Object.fromEntries(body.entries);
  }

  /** `key = value`, `key { … }` or `key "label" { … }`, which stands for `key { label { … } }`. */
  private entry(body: Body): void {
    const start = this.offset;
    const key = this.key();
    const labels: string[] = [];
    while (this.peek() !== '=' && this.peek() !== '{') labels.push(this.key());
    if (this.take('=')) {
      if (labels.length > 0) this.fail('"{" is missing', this.offset - 1);
      if (body.entries.has(key)) this.fail('the key stands there twice', start);
      body.entries.set(key, this.value());
      return;
    }
    this.take('{');
    const block = labels.reduceRight<unknown>(
      (inner, label) => Object.fromEntries([[label, inner]]),
      this.body('}'),
    );
    const before = body.entries.get(key);
    if (before === undefined) body.entries.set(key, block);
    else if (!body.blocks.has(key)) this.fail('the key stands there twice', start);
    else body.entries.set(key, [...(Array.isArray(before) ? (before as unknown[]) : [before]), block]);
    body.blocks.add(key);
  }

  private key(): string {
    if (this.peek() === '"') return this.string();
    return (
      this.match(IDENTIFIER)?.[0] ?? this.fail(this.peek() === '' ? '"}" is missing' : 'a key is missing')
    );
  }

  private value(): unknown {
    const next = this.peek();
    if (next === '"') return this.string();
    if (this.take('{')) return this.body('}');
    if (this.take('[')) return this.list();
    if (this.text.startsWith('<<', this.offset))
      this.fail('write the text in double quotes, not behind "<<"');
    const number = this.match(NUMBER);
    if (number) return Number(number[0]);
    const start = this.offset;
    const word = this.match(IDENTIFIER)?.[0];
    if (word === 'true' || word === 'false') return word === 'true';
    return this.fail('a value is missing or malformed; text stands in double quotes', start);
  }

  private list(): unknown[] {
    const values: unknown[] = [];
    while (!this.take(']')) {
      values.push(this.value());
      if (!this.take(',') && this.peek() !== ']') this.fail('"," or "]" is missing');
    }
    return values;
  }

  private string(): string {
    const start = this.offset;
    const inside = this.match(STRING)?.[1] ?? this.fail('text in double quotes is not ended on its line');
    return inside.replace(
      ESCAPE,
      (_all, char?: string, hex?: string, short?: string, long?: string, octal?: string) => {
        if (char !== undefined) return ESCAPED[char] ?? char;
        const code = hex ?? short ?? long;
        const point = code === undefined ? parseInt(octal ?? '', 8) : parseInt(code, 16);
        if (!(point <= 0x10ffff)) this.fail('a "\\" in this text escapes nothing; write "\\\\"', start);
        return String.fromCodePoint(point);
      },
    );
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.offset++;
    return true;
  }

  /** The next character that is neither space nor comment; "" at the end. */
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

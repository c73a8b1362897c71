import { lineAt, SyntaxProblem, type Remarks } from './syntax-problem';

/**
 * Reads JSON; of two equal keys the later one counts. Node's own message for malformed JSON quotes the text
 * around the error, and not all versions name the position; so the place is looked for here.
 *
 * @throws SyntaxProblem
 */
export function parseJson(text: string, remarks?: Remarks): unknown {
  const scanner = new Scanner(text, remarks);
  scanner.value();
  scanner.end();
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxProblem(text, 0, 'is not JSON');
  }
}

// eslint-disable-next-line no-control-regex -- JSON itself forbids control characters in text
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;
const SPACE = /[ \t\r\n]*/y;

/** Walks over JSON and stops with a {@link SyntaxProblem} where it is malformed. */
class Scanner {
  private offset = 0;

  constructor(
    private readonly text: string,
    private readonly remarks?: Remarks,
  ) {}

  value(): void {
    if (this.take('{')) this.members('}', true);
    else if (this.take('[')) this.members(']', false);
    else if (this.peek() === '"') this.string();
    else if (!this.match(SCALAR)) this.fail('a value is missing or malformed');
  }

  end(): void {
    if (this.peek() !== '') this.fail('there is something behind the end');
  }

  private members(close: string, withKeys: boolean): void {
    if (this.take(close)) return;
    const keys = new Set<string>();
    do {
      if (withKeys) this.keyAndColon(keys);
      this.value();
    } while (this.take(','));
    if (!this.take(close)) this.fail(`"," or "${close}" is missing`);
  }

  private keyAndColon(keys: Set<string>): void {
    if (this.peek() !== '"') this.fail('a key in double quotes is missing');
    const start = this.offset;
    this.string();
    const key = String(JSON.parse(this.text.slice(start, this.offset)));
    if (keys.has(key)) this.remarks?.repeated?.(lineAt(this.text, start));
    keys.add(key);
    if (!this.take(':')) this.fail('":" is missing');
  }

  private string(): void {
    if (!this.match(STRING))
      this.fail('text in double quotes is not ended, or holds a character to be escaped');
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.offset++;
    return true;
  }

  /** The next character that is no space; "" at the end. */
  private peek(): string {
    this.match(SPACE);
    return this.text.charAt(this.offset);
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.offset;
    if (!pattern.test(this.text)) return false;
    this.offset = pattern.lastIndex;
    return true;
  }

  private fail(what: string): never {
    throw new SyntaxProblem(this.text, this.offset, what);
  }
}

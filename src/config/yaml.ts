import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseAllDocuments,
  parseDocument,
  type Document,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { MAX_YAML_DEPTH, MAX_YAML_VALUES } from '../limits';
import { goInteger, lineAt, plainNumber, type ParseOptions, SyntaxProblem, Unquoted } from './syntax';

/**
 * Reads one YAML document of version 1.2, for files of other programs; anchors and "<<" work. The library's messages quote
 * the text around the error, so only its error code is passed on. @throws SyntaxProblem
 */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text, {
    prettyErrors: false,
    merge: true,
    // Else the library prints a section that is a key in a warning. A forgotten quote can make one, with a secret in it.
    stringKeys: true,
    logLevel: 'error',
  });
  refuseProblems(text, [...document.errors, ...document.warnings]);
  try {
    return document.toJS();
  } catch {
    // The library resolves aliases only here.
    throw new SyntaxProblem(text, 0, BAD_ALIAS);
  }
}

/**
 * Reads YAML as the original vsync does with yaml.v2 of Go, which is close to YAML 1.1. `yes`, `no`, `on`, `off`, `y` and
 * `n` are booleans, `017` is 15, `0x10`, `0b11` and `1_000` are numbers; `1:30`, `1e3` and a date are text. A "<<" replaces
 * the keys before it, and not those after it. Of two equal keys the later one counts, of several documents the first. The
 * library's own schema for 1.1 differs in most of that. So the library only parses, and the values are resolved here.
 *
 * @throws SyntaxProblem
 */
export function parseYaml11(text: string, options: ParseOptions = {}): unknown {
  // The schema "failsafe" makes every scalar a string.
  const [document] = parseAllDocuments(text, {
    prettyErrors: false,
    schema: 'failsafe',
    uniqueKeys: false,
    stringKeys: true,
    logLevel: 'error',
  }) as Document.Parsed[];
  if (document === undefined) return null;
  const warnings = document.warnings.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED');
  refuseProblems(text, [...document.errors, ...warnings]);
  return new Resolver(text, document, options).value(document.contents);
}

const BAD_ALIAS = 'is not YAML (an alias without its anchor, or too many of them)';

/** The values of plain words, in all their spellings. */
const WORDS: readonly [value: boolean | null | number, words: readonly string[]][] = [
  [true, 'y Y yes Yes YES true True TRUE on On ON'.split(' ')],
  [false, 'n N no No NO false False FALSE off Off OFF'.split(' ')],
  [null, ['~', 'null', 'Null', 'NULL', '']],
  [NaN, ['.nan', '.NaN', '.NAN']],
  [Infinity, '.inf .Inf .INF +.inf +.Inf +.INF'.split(' ')],
  [-Infinity, ['-.inf', '-.Inf', '-.INF']],
];

const TAG = 'tag:yaml.org,2002:';

class Resolver {
  private values = 0;

  constructor(
    private readonly text: string,
    private readonly document: Document.Parsed,
    private readonly options: ParseOptions,
  ) {}

  /** @param depth sections and lists around it */
  value(node: unknown, depth = 0): unknown {
    if (++this.values > MAX_YAML_VALUES || depth > MAX_YAML_DEPTH) this.fail(undefined, BAD_ALIAS);
    if (isAlias(node)) return this.value(node.resolve(this.document) ?? this.fail(node, BAD_ALIAS), depth);
    if (isSeq(node)) return node.items.map((item) => this.value(item, depth + 1));
    if (isMap(node)) return Object.fromEntries(this.members(node, depth + 1));
    return isScalar(node) ? this.scalar(node) : null;
  }

  private members(map: YAMLMap, depth: number): Map<string, unknown> {
    const members = new Map<string, unknown>();
    const own = new Set<string>();
    for (const { key, value } of map.items.filter((item) => isPair(item))) {
      if (isMerge(key)) {
        const merged = this.merged(value, depth);
        const replaced = new Set(merged.map(([name]) => name).filter((name) => own.has(name)));
        if (replaced.size > 0) this.options.replaced?.(this.lineOf(key), [...replaced]);
        for (const [name, value] of merged) members.set(name, value);
      } else if (isScalar(key)) {
        const name = String(key.value);
        if (own.has(name)) this.options.repeated?.(this.lineOf(key));
        own.add(name);
        members.set(name, this.value(value, depth));
      }
    }
    return members;
  }

  /** The members that a "<<" adds; of several maps in a list the earlier one counts. */
  private merged(node: unknown, depth: number): [string, unknown][] {
    const target = isAlias(node) ? node.resolve(this.document) : node;
    if (++this.values <= MAX_YAML_VALUES && depth <= MAX_YAML_DEPTH) {
      if (isMap(target)) return [...this.members(target, depth + 1)];
      if (isSeq(target)) return [...target.items].reverse().flatMap((item) => this.merged(item, depth + 1));
    }
    return this.fail(node, 'is not YAML ("<<" takes a section or a list of them)');
  }

  private scalar(node: Scalar): unknown {
    const text = textOf(node);
    const tag = node.tag?.startsWith(TAG) ? node.tag.slice(TAG.length) : node.tag;
    // A tag such as !!int shows that the value is meant so: only a value without one is marked.
    if (tag === undefined || tag === '') return node.type === 'PLAIN' ? this.marked(node, text) : text;
    // The library decodes it to bytes, the original to text.
    if (tag === 'binary') return Buffer.from(text, 'base64').toString();
    const isOfTag = OF_TAG.get(tag);
    if (isOfTag === undefined) return text;
    const value = plainValue(text);
    return isOfTag(value) ? value : this.fail(node, `is not YAML (a value that is not of its "!!${tag}")`);
  }

  private marked(node: Scalar, text: string): unknown {
    const value = plainValue(text);
    if (this.options.marksUnquoted !== true || typeof value === 'string' || value === null) return value;
    return new Unquoted(value, text, () => this.lineOf(node));
  }

  private lineOf(node: unknown): number {
    return lineAt(this.text, offsetOf(node));
  }

  private fail(node: unknown, what: string): never {
    throw new SyntaxProblem(this.text, offsetOf(node), what);
  }
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function textOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? '');
}

function plainValue(text: string): string | number | bigint | boolean | null {
  const word = WORDS.find(([, words]) => words.includes(text));
  if (word !== undefined) return word[0];
  if (/^\.\d+([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (!/^[-+\d]/.test(text)) return text;
  // As in the original, a date is text.
  const digits = text.replaceAll('_', '');
  const integer = goInteger(digits) ?? unsigned64(digits);
  if (integer !== undefined) return plainNumber(integer);
  return /^[-+]?\d*\.?\d+([eE][-+]\d+)?$/.test(digits) ? Number(digits) : text;
}

function unsigned64(digits: string): bigint | undefined {
  if (!/^[1-9]\d{18,19}$/.test(digits)) return undefined;
  const value = BigInt(digits);
  return value < 2n ** 64n ? value : undefined;
}

/** Whether a value is of the tag that it is written with. */
const OF_TAG: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['int', (value: unknown) => typeof value === 'bigint' || Number.isInteger(value)],
  ['float', (value: unknown) => typeof value === 'bigint' || typeof value === 'number'],
  ['bool', (value: unknown) => typeof value === 'boolean'],
  ['null', (value: unknown) => value === null],
]);

function isMerge(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && (key.tag === `${TAG}merge` || key.type === 'PLAIN');
}

function refuseProblems(
  text: string,
  [problem]: readonly { readonly pos: readonly [number, number]; readonly code: string }[],
): void {
  if (problem === undefined) return;
  // "BAD_INDENT" becomes "bad indent".
  const words = problem.code.toLowerCase().replaceAll('_', ' ');
  throw new SyntaxProblem(text, problem.pos[0], `is not YAML (${words})`);
}

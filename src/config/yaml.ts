import {
  isAlias,
  isMap,
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
import { goInteger, lineAt, plainNumber, type Remarks, SyntaxProblem, type Written } from './syntax';

/**
 * Reads one YAML document of version 1.2, for files of other programs; anchors and "<<" work. The library's messages quote
 * the text around the error, so only its error code is passed on.
 *
 * @throws SyntaxProblem
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
 * the keys before it, and not those after it. Of two equal keys the later one counts, of several documents the first.
 *
 * The library's own schema for 1.1 differs in most of that. So the library only parses, and the values are resolved here.
 *
 * @throws SyntaxProblem
 */
export function parseYaml11(text: string, remarks?: Remarks): unknown {
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
  return new Resolver(text, document, remarks).value(document.contents);
}

const BAD_ALIAS = 'is not YAML (an alias without its anchor, or too many of them)';

/** The values of plain words, in all their spellings. */
const WORDS: ReadonlyMap<string, boolean | null | number> = new Map(
  (
    [
      [true, 'y Y yes Yes YES true True TRUE on On ON'],
      [false, 'n N no No NO false False FALSE off Off OFF'],
      [null, '~ null Null NULL'],
      [NaN, '.nan .NaN .NAN'],
      [Infinity, '.inf .Inf .INF +.inf +.Inf +.INF'],
      [-Infinity, '-.inf -.Inf -.INF'],
    ] as const
  ).flatMap(([value, words]) =>
    words.split(' ').map((word): [string, boolean | null | number] => [word, value]),
  ),
);

const TAG = 'tag:yaml.org,2002:';

/** A value in a section or a list. */
interface Member {
  readonly value: unknown;
  /** Set for a plain scalar that did not become text. */
  readonly written: Written | undefined;
}

class Resolver {
  private values = 0;

  constructor(
    private readonly text: string,
    private readonly document: Document.Parsed,
    private readonly remarks?: Remarks,
  ) {}

  /** @param depth sections and lists around it */
  value(node: unknown, depth = 0): unknown {
    if (++this.values > MAX_YAML_VALUES || depth > MAX_YAML_DEPTH)
      throw new SyntaxProblem(this.text, 0, BAD_ALIAS);
    if (isAlias(node)) {
      const target = node.resolve(this.document);
      if (target === undefined) throw new SyntaxProblem(this.text, node.range?.[0] ?? 0, BAD_ALIAS);
      return this.value(target, depth);
    }
    if (isSeq(node)) {
      const members = node.items.map((item) => this.member(item, depth + 1));
      return this.reported(
        members.map(({ value }) => value),
        members.entries(),
      );
    }
    if (isMap(node)) {
      const members = this.members(node, depth + 1);
      const values = [...members].map(([name, { value }]) => [name, value] as const);
      return this.reported(Object.fromEntries(values), members);
    }
    return isScalar(node) ? this.scalar(node) : null;
  }

  private reported<T extends object>(holder: T, members: Iterable<[string | number, Member]>): T {
    for (const [name, { written }] of members)
      if (written !== undefined) this.remarks?.plain?.(holder, String(name), written);
    return holder;
  }

  private member(node: unknown, depth: number): Member {
    const value = this.value(node, depth);
    const target = isAlias(node) ? node.resolve(this.document) : node;
    const isText = !['boolean', 'number', 'bigint'].includes(typeof value);
    // A tag such as !!int shows that the value is meant so.
    if (isText || !isScalar(target) || target.type !== 'PLAIN' || target.tag)
      return { value, written: undefined };
    return { value, written: { text: textOf(target), line: () => lineAt(this.text, offsetOf(target)) } };
  }

  private members(map: YAMLMap, depth: number): Map<string, Member> {
    const members = new Map<string, Member>();
    const own = new Set<string>();
    for (const { key, value } of map.items.filter((item) => isPair(item))) {
      if (isMerge(key)) {
        const merged = this.merged(value, depth);
        const replaced = new Set(merged.map(([name]) => name).filter((name) => own.has(name)));
        if (replaced.size > 0) this.remarks?.replaced?.(lineAt(this.text, offsetOf(key)), [...replaced]);
        for (const [name, member] of merged) members.set(name, member);
      } else if (isScalar(key)) {
        const name = String(key.value);
        if (own.has(name)) this.remarks?.repeated?.(lineAt(this.text, offsetOf(key)));
        own.add(name);
        members.set(name, this.member(value, depth));
      }
    }
    return members;
  }

  /** The members that a "<<" adds; of several maps in a list the earlier one counts. */
  private merged(node: unknown, depth: number): [string, Member][] {
    const target = isAlias(node) ? node.resolve(this.document) : node;
    if (++this.values <= MAX_YAML_VALUES && depth <= MAX_YAML_DEPTH) {
      if (isMap(target)) return [...this.members(target, depth + 1)];
      if (isSeq(target)) return [...target.items].reverse().flatMap((item) => this.merged(item, depth + 1));
    }
    throw new SyntaxProblem(
      this.text,
      offsetOf(node),
      'is not YAML ("<<" takes a section or a list of them)',
    );
  }

  private scalar(node: Scalar): unknown {
    const text = textOf(node);
    const tag = node.tag?.startsWith(TAG) ? node.tag.slice(TAG.length) : node.tag;
    if (tag === undefined || tag === '') return node.type === 'PLAIN' ? plainValue(text) : text;
    // The library decodes it to bytes, the original to text.
    if (tag === 'binary') return Buffer.from(text, 'base64').toString();
    const isOfTag = OF_TAG.get(tag);
    if (isOfTag === undefined) return text;
    const value = plainValue(text);
    if (isOfTag(value)) return value;
    const what = `is not YAML (a value that is not of its "!!${tag}")`;
    throw new SyntaxProblem(this.text, offsetOf(node), what);
  }
}

function textOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? '');
}

function plainValue(text: string): unknown {
  if (text === '') return null;
  const word = WORDS.get(text);
  if (word !== undefined) return word;
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

function offsetOf(node: unknown): number {
  return isScalar(node) || isAlias(node) || isMap(node) || isSeq(node) ? (node.range?.[0] ?? 0) : 0;
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

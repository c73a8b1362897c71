import { z } from 'zod';
import { destinationConfigSchema } from './schema';

/** A section has keys of its own, `rules` is a list of sections. A `number` may also be a word. */
export type KeyKind = 'text' | 'duration' | 'number' | 'boolean' | 'list' | 'rules' | 'section';

/** A key of the configuration, as read from the schema. */
export interface Key {
  /** Dotted path, "" for the whole. Below a list of rules, the number of the rule is left out. */
  readonly path: string;
  readonly kind: KeyKind;
  /** The keys below, by name in lower case. `temporal.tls` is a boolean and has keys below as well. */
  readonly children: ReadonlyMap<string, Key>;
  readonly description: string | undefined;
  /** In the form that a file has; undefined if there is none. The default of `name` is the role. */
  readonly defaultValue: unknown;
  /** Its value must never be shown. */
  readonly secret: boolean;
  /** Checks a value of this key alone, and gives it its normal form. */
  readonly schema: z.ZodType;
}

/** Every key of both roles: the keys of an origin are a part of those of a destination. */
export const rootKey: Key = keyOf('', destinationConfigSchema);

/** Every key with its path, each section before its keys, in the order of the schema. */
export function allKeys(key: Key = rootKey): Key[] {
  return [...key.children.values()].flatMap((child) => [child, ...allKeys(child)]);
}

/** Every key that takes a value; a list of rules counts as one. In the order of the schema. */
export function valueKeys(): Key[] {
  const keys = allKeys();
  const rules = keys.filter(({ kind }) => kind === 'rules');
  return keys.filter(
    ({ kind, path }) => kind !== 'section' && !rules.some((rule) => path.startsWith(`${rule.path}.`)),
  );
}

/** Keys of old versions that are refused, and what to write instead (contract of vsync 0.3.0). */
export const REPLACED_KEYS: ReadonlyMap<string, string> = new Map([
  ['syncpath', 'origin.syncPath and destination.syncPath'],
  ['origin.dc', 'origin.consul.dc'],
  ['destination.dc', 'destination.consul.dc'],
  ['datapaths', 'origin.mounts and destination.mounts'],
]);

type AnySchema = z.core.$ZodType;

function keyOf(path: string, schema: AnySchema): Key {
  const { core, description, secret, defaultValue } = unwrapped(schema);
  if (!(schema instanceof z.ZodType)) throw new Error(`the schema of ${path} cannot check anything`);
  return { path, ...shapeOf(path, core), description, secret, defaultValue, schema };
}

/** The schema inside of its wrappers (optional, default, pipe), with their descriptions; the outermost wins. */
function unwrapped(
  schema: AnySchema,
): Pick<Key, 'description' | 'secret' | 'defaultValue'> & { core: AnySchema } {
  let core = schema;
  let description: string | undefined;
  let defaultValue: unknown;
  let secret = false;
  for (;;) {
    const meta = z.globalRegistry.get(core);
    description ??= meta?.description;
    secret ||= meta?.['secret'] === true;
    if (core instanceof z.ZodDefault || core instanceof z.ZodPrefault) {
      defaultValue ??= core.def.defaultValue;
      core = core.def.innerType;
    } else if (core instanceof z.ZodOptional) core = core.def.innerType;
    else if (core instanceof z.ZodPipe) core = core.in;
    else return { core, description, secret, defaultValue };
  }
}

type Shape = Pick<Key, 'kind' | 'children'>;

function shapeOf(path: string, schema: AnySchema): Shape {
  const leaf = (kind: KeyKind): Shape => ({ kind, children: new Map() });
  if (schema instanceof z.ZodObject) return { kind: 'section', children: childrenOf(path, schema.shape) };
  if (schema instanceof z.ZodArray) {
    const element = shapeOf(path, unwrapped(schema.element).core);
    return element.kind === 'section' ? { ...element, kind: 'rules' } : leaf('list');
  }
  if (schema instanceof z.ZodUnion) {
    const options = schema.options.map((option) => shapeOf(path, unwrapped(option).core));
    const section = options.find(({ kind }) => kind === 'section');
    const value = options.find(({ kind }) => kind !== 'section');
    return { kind: value?.kind ?? 'section', children: section?.children ?? new Map() };
  }
  if (schema instanceof z.ZodNumber) return leaf('number');
  if (schema instanceof z.ZodBoolean) return leaf('boolean');
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum || schema instanceof z.ZodLiteral) {
    return leaf(z.globalRegistry.get(schema)?.['duration'] === true ? 'duration' : 'text');
  }
  throw new Error(`the schema of ${path} is of a kind that no key has`);
}

function childrenOf(path: string, shape: Readonly<Record<string, AnySchema>>): Map<string, Key> {
  const keys = Object.entries(shape).map(([name, schema]) =>
    keyOf(path === '' ? name : `${path}.${name}`, schema),
  );
  return new Map(keys.map((key) => [nameOf(key).toLowerCase(), key]));
}

export function nameOf(key: Key): string {
  return key.path.slice(key.path.lastIndexOf('.') + 1);
}

/** The part of a name that may be shown: a forgotten space or quote can make a secret part of a key. */
export function printableKey(name: string): string {
  const plain = /^\w{0,30}/.exec(name)?.[0] ?? '';
  return plain === name ? name : `${plain}…`;
}

const NAMES: ReadonlySet<string> = new Set(allKeys().map((key) => nameOf(key).toLowerCase()));

/** {@link printableKey} for a name with dots: "vault.address" is shown, because each part is the name of a key. */
export function printableKeys(name: string): string {
  const isKnown = name.split('.').every((part) => NAMES.has(part.toLowerCase()));
  return isKnown ? name : printableKey(name);
}

/**
 * The known key that was probably meant by an unknown one, if any: a key with one or two typos, else a key with the same
 * last name in another section ("origin.token" for "origin.vault.token"). Upper and lower case do not matter.
 */
export function nearestKey(unknown: string, known: readonly string[]): string | undefined {
  const wanted = unknown.toLowerCase();
  const typos = Math.min(2, Math.floor(wanted.length / 2));
  const [nearest] = known
    .map((key) => ({ key, distance: editDistance(wanted, key.toLowerCase()) }))
    .filter(({ distance }) => distance <= typos)
    .sort((a, b) => a.distance - b.distance);
  if (nearest) return nearest.key;
  const part = (key: string, at: 0 | -1): string | undefined => key.toLowerCase().split('.').at(at);
  const namesakes = known.filter((key) => part(key, -1) === part(wanted, -1));
  return namesakes.find((key) => part(key, 0) === part(wanted, 0)) ?? namesakes[0];
}

/** Levenshtein distance: characters to insert, delete or replace to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (previous[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** A JSON Schema (draft 7, which editors support best), or a part of one. */
type Node = Record<string, unknown>;

/**
 * The JSON Schema of the configuration file, for editors. It serves both roles, so the section `destination` is not
 * required. It is stricter than the loader, which also takes keys in another case and text for numbers.
 */
export function configJsonSchema(): Node {
  const made: Node = z.toJSONSchema(destinationConfigSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      tidy(jsonSchema);
    },
  });
  const { $schema, properties, ...rest } = made;
  describeKeys(rootKey, made);
  return {
    $schema,
    title: 'Configuration of vsync',
    ...rest,
    required: ['origin'],
    properties: {
      $schema: { type: 'string', description: 'this JSON Schema, for editors; vsync does not read it' },
      ...(properties as Node),
    },
  };
}

/** Removes words that only our code reads, and what helps no editor. */
function tidy(node: Node): void {
  if (node['secret'] === true) node['writeOnly'] = true;
  delete node['secret'];
  delete node['duration'];
  // zod adds these to optional sections and whole numbers.
  if (JSON.stringify(node['default']) === '{}') delete node['default'];
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum'];
}

/** Adds the defaults that zod leaves out. A default that differs by role is removed. */
function describeKeys(section: Key, node: Node): void {
  for (const key of section.children.values()) {
    const child = propertiesOf(node)[nameOf(key)];
    if (child === undefined) throw new Error(`${key.path} is missing in the JSON Schema`);
    if (key.path === 'name') delete child['default'];
    else if (key.kind !== 'section' && key.defaultValue !== undefined) child['default'] = key.defaultValue;
    describeKeys(key, child);
  }
}

/** The keys below a section, a list of sections, or a value that may be a section. */
function propertiesOf(node: Node): Readonly<Record<string, Node | undefined>> {
  const options = (node['anyOf'] ?? [node['items'] ?? node]) as Node[];
  const section = options.find((option) => option['properties'] !== undefined);
  return (section?.['properties'] ?? {}) as Readonly<Record<string, Node | undefined>>;
}

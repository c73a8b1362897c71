import { z } from 'zod';
import { destinationConfigSchema } from './schema';

/** What a key takes: a section has keys of its own, `rules` is a list of sections. A `number` may also take a word. */
export type KeyKind = 'text' | 'duration' | 'number' | 'boolean' | 'list' | 'rules' | 'section';

/** A key of the configuration, as read from the schema. */
export interface Key {
  /** Dotted path, "" for the whole. Below a list of rules the rule's number is left out. */
  readonly path: string;
  readonly kind: KeyKind;
  /** The keys below, by name in lower case. `temporal.tls` is a boolean and has keys below nevertheless. */
  readonly children: ReadonlyMap<string, Key>;
  readonly description: string | undefined;
  /** As it would stand in a file; undefined if there is none. The default of `name` is the role. */
  readonly defaultValue: unknown;
  /** Its value must never be shown. */
  readonly secret: boolean;
  /** Checks a value of this key alone, and gives it its normal form. */
  readonly schema: z.ZodType;
}

/** Every key of both roles: the origin's are a part of the destination's. */
export const rootKey: Key = keyOf('', destinationConfigSchema);

/** Every key with its path, sections before what is in them, as in the schema. */
export function allKeys(key: Key = rootKey): Key[] {
  return [...key.children.values()].flatMap((child) => [child, ...allKeys(child)]);
}

/** Keys of old versions that are refused, and what to write instead (contract of vsync 0.3.0). */
export const REPLACED_KEYS: ReadonlyMap<string, string> = new Map([
  ['syncpath', 'origin.syncPath and destination.syncPath'],
  ['origin.dc', 'origin.consul.dc'],
  ['destination.dc', 'destination.consul.dc'],
  ['datapaths', 'origin.mounts and destination.mounts'],
]);

type AnySchema = z.core.$ZodType;

/** What the fields of the schema say about themselves, beside the description. */
function metaOf(schema: AnySchema): Readonly<Record<string, unknown>> {
  return z.globalRegistry.get(schema) ?? {};
}

function keyOf(path: string, schema: AnySchema): Key {
  const { core, description, secret, defaultValue } = unwrapped(schema);
  if (!(schema instanceof z.ZodType)) throw new Error(`the schema of ${path} cannot check anything`);
  return { path, ...shapeOf(path, core), description, secret, defaultValue, schema };
}

interface Unwrapped {
  readonly core: AnySchema;
  readonly description: string | undefined;
  readonly secret: boolean;
  readonly defaultValue: unknown;
}

/** Looks through what only wraps a schema, and collects what the wrappers say; the outermost wins. */
function unwrapped(schema: AnySchema): Unwrapped {
  const meta = z.globalRegistry.get(schema);
  const wrap = (inner: AnySchema, defaultValue?: unknown): Unwrapped => {
    const result = unwrapped(inner);
    return {
      core: result.core,
      description: meta?.description ?? result.description,
      secret: meta?.['secret'] === true || result.secret,
      defaultValue: defaultValue ?? result.defaultValue,
    };
  };
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return wrap(schema.def.innerType, schema.def.defaultValue);
  }
  if (schema instanceof z.ZodOptional) return wrap(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return wrap(schema.in);
  return {
    core: schema,
    description: meta?.description,
    secret: meta?.['secret'] === true,
    defaultValue: undefined,
  };
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
    return leaf(metaOf(schema)['duration'] === true ? 'duration' : 'text');
  }
  throw new Error(`the schema of ${path} is of a kind that no key has`);
}

function childrenOf(path: string, shape: Readonly<Record<string, AnySchema>>): Map<string, Key> {
  const keys = Object.entries(shape).map(([name, schema]) =>
    keyOf(path === '' ? name : `${path}.${name}`, schema),
  );
  return new Map(keys.map((key) => [nameOf(key).toLowerCase(), key]));
}

/** The last part of a key's path. */
export function nameOf(key: Key): string {
  return key.path.slice(key.path.lastIndexOf('.') + 1);
}

/** A forgotten space or quote can make a secret part of a key: what is no plain name is not shown. */
export function printableKey(name: string): string {
  const plain = /^\w{0,30}/.exec(name)?.[0] ?? '';
  return plain === name ? name : `${plain}…`;
}

const NAMES: ReadonlySet<string> = new Set(allKeys().map((key) => nameOf(key).toLowerCase()));

/** {@link printableKey} for a name of which each part may be a key's: "vault.address" is shown. */
export function printableKeys(name: string): string {
  const isKnown = name.split('.').every((part) => NAMES.has(part.toLowerCase()));
  return isKnown ? name : printableKey(name);
}

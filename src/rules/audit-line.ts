import { z } from 'zod';
import { storedNamespace } from './namespace';

/*
 * What of Vault's and OpenBao's audit log concerns an origin. An audit line may contain values: OpenBao writes numbers and
 * booleans of a secret in plain, Vault in the answer of a read. So a line is parsed in one function, which takes five
 * fields and drops the rest. Called by the receiver for each line that a listener hears.
 */

/** What of an audit log concerns an origin. */
export interface FeedScope {
  /** Normal namespace and mount, "ns/secret/", by mount of the configuration. */
  mounts: ReadonlyMap<string, string>;
  /** Whether settings are published (`syncMetadata`). */
  settings: boolean;
}

/** The scope of an origin. @param namespace of its Vault, in normal form */
export function feedScope(namespace: string, mounts: readonly string[], settings: boolean): FeedScope {
  const prefix = namespace === '' ? '' : `${namespace}/`;
  return { mounts: new Map(mounts.map((mount) => [mount, prefix + mount])), settings };
}

/** What may have changed of a secret. */
export type HintKind = 'value' | 'removed' | 'settings';

/** A change of one secret. */
interface LineOfChange {
  kind: HintKind;
  mount: string;
  /** Path in the mount. */
  rel: string;
  /** `request.id` */
  id: string;
}

/** What one audit line says. It holds nothing else of the line: lines may contain values. */
export type LineResult =
  /** Not a change, or not ours. */
  | { is: 'nothing' }
  | ({ is: 'hint' } & LineOfChange)
  /** The request line of a change: it becomes a hint if no response line follows. */
  | ({ is: 'asked' } & LineOfChange)
  /** The response is an error: the request line with this id is forgotten. */
  | { is: 'failed'; id: string }
  /** Mounts or namespaces changed. */
  | { is: 'mounts' }
  /** A snapshot was restored, or replication changed. */
  | { is: 'restored' }
  /** A read of a mount of the origin, as each cycle makes it. */
  | { is: 'own-proof'; id: string }
  | { is: 'unparsable' };

/** The servers' ids are UUIDs. A longer one is not theirs, and is not kept. */
const MAX_ID = 128;

/** A line as Vault and OpenBao write it; all other fields are dropped. */
const AuditLine = z.object({
  type: z.string(),
  // Only whether it is there: the text quotes requests.
  error: z
    .unknown()
    .optional()
    .transform((error) => error !== undefined && error !== null && error !== ''),
  request: z.object({
    id: z.string().max(MAX_ID),
    operation: z.string(),
    path: z.string(),
    namespace: z.object({ path: z.string().optional() }).nullish(),
  }),
});
type AuditLine = z.output<typeof AuditLine>;

/** Characters that the audit option `prefix` may put before the object. */
const MAX_PREFIX = 64;
const OPEN = '{'.charCodeAt(0);
const CLOSE = '}'.charCodeAt(0);
/** Blank, tab, line feed and carriage return. */
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

const MOUNT_QUESTION = 'sys/internal/ui/mounts/';
const CHANGES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete']);
/** A line without any of these is a read or a listing, as nearly all are: it is not parsed. */
const OF_INTEREST = [...[...CHANGES].map((operation) => `"${operation}"`), MOUNT_QUESTION].map((word) =>
  Buffer.from(word),
);

/**
 * What one line of an audit log says about an origin. Pure, and it never throws: an error could quote the line. OpenBao
 * writes numbers and booleans of a secret's value in plain, so everything but the fields above is dropped here.
 *
 * @param line without its line end; a prefix of the audit device may be before the object
 */
export function readAuditLine(line: Buffer, scope: FeedScope): LineResult {
  const text = objectIn(line);
  if (text === undefined) return { is: 'unparsable' };
  if (!OF_INTEREST.some((word) => text.includes(word))) return NOTHING;
  const parsed = AuditLine.safeParse(parsedJson(text));
  return parsed.success ? meaningOf(parsed.data, scope) : { is: 'unparsable' };
}

/** The bytes from the first "{" to the last "}", if they are a whole line. */
function objectIn(line: Buffer): Buffer | undefined {
  const start = line.indexOf(OPEN);
  let end = line.length;
  while (end > 0 && BLANKS.has(line[end - 1] ?? 0)) end--;
  if (start === -1 || start > MAX_PREFIX || line[end - 1] !== CLOSE) return undefined;
  return line.subarray(start, end);
}

function parsedJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

const NOTHING: LineResult = { is: 'nothing' };

function meaningOf({ type, error: isError, request }: AuditLine, scope: FeedScope): LineResult {
  const { id, operation, path } = request;
  const namespace = storedNamespace(request.namespace?.path ?? '');
  const whole = namespace === '' ? path : `${namespace}/${path}`;
  const isAnswer = type === 'response';
  if (path.startsWith(MOUNT_QUESTION)) {
    const asked = `${whole.replace(MOUNT_QUESTION, '').replace(/\/$/, '')}/`;
    const isOurs = [...scope.mounts.values()].includes(asked);
    return isOurs && isAnswer && !isError && operation === 'read' ? { is: 'own-proof', id } : NOTHING;
  }
  if (!CHANGES.has(operation)) return NOTHING;
  if (path.startsWith('sys/'))
    return isError ? NOTHING : ofSystem(path.slice(4), { namespace, isAnswer, scope });
  const change = changeOf(whole, operation, scope);
  if (change === undefined) return NOTHING;
  if (isError) return { is: 'failed', id };
  return { is: isAnswer ? 'hint' : 'asked', ...change, id };
}

/** @param path below `sys/` */
function ofSystem(
  path: string,
  { namespace, isAnswer, scope }: { namespace: string; isAnswer: boolean; scope: FeedScope },
): LineResult {
  // Its answer may be missing, because the log is restored too.
  if (/^(?:storage\/raft\/snapshot(?:-force)?$|replication\/)/.test(path)) return { is: 'restored' };
  if (!isAnswer) return NOTHING;
  // The body of a remount names the mounts; it is not read.
  if (/^(?:remount|namespaces)(?:\/|$)/.test(path)) return { is: 'mounts' };
  if (!path.startsWith('mounts/')) return NOTHING;
  const changed = `${namespace === '' ? '' : `${namespace}/`}${path.slice('mounts/'.length).replace(/\/$/, '')}/`;
  // Also "ns/secret/tune/", of the mount's settings.
  const isOurs = [...scope.mounts.values()].some((mount) => changed.startsWith(mount));
  return isOurs ? { is: 'mounts' } : NOTHING;
}

function changeOf(whole: string, operation: string, scope: FeedScope): Omit<LineOfChange, 'id'> | undefined {
  const place = placeOf(whole, scope.mounts);
  const kind = place && kindOf(place.part, operation, scope.settings);
  return kind && { kind, mount: place.mount, rel: place.rel };
}

/**
 * The secret that a path of KV version 2 is about: `secret/data/team/app` is part `data` and path `team/app` of the mount
 * `secret/`. Undefined outside of the mounts, and for a path that vsync could not ask for: it would ask again and again.
 */
export function placeOf(
  whole: string,
  mounts: FeedScope['mounts'],
): { mount: string; part: string; rel: string } | undefined {
  let best: { mount: string; start: string } | undefined;
  for (const [mount, start] of mounts) {
    if (whole.startsWith(start) && start.length > (best?.start.length ?? 0)) best = { mount, start };
  }
  if (best === undefined) return undefined;
  const [part = '', ...segments] = whole.slice(best.start.length).split('/');
  const isReadable = segments.length > 0 && !segments.some((segment) => ['', '.', '..'].includes(segment));
  return isReadable ? { mount: best.mount, part, rel: segments.join('/') } : undefined;
}

/** By the part of KV version 2 that a request is for. Settings of the mount and everything else are undefined. */
function kindOf(part: string, operation: string, settings: boolean): HintKind | undefined {
  const isWrite = operation === 'create' || operation === 'update';
  switch (part) {
    case 'data':
      return operation === 'delete' ? 'removed' : 'value';
    case 'metadata':
      if (operation === 'delete') return 'removed';
      return settings ? 'settings' : undefined;
    case 'delete':
    case 'destroy':
      return isWrite ? 'removed' : undefined;
    case 'undelete':
      return isWrite ? 'value' : undefined;
    default:
      return undefined;
  }
}

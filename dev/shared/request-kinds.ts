import type { SeenRequest } from './counting-proxy';

/** Number of requests of each kind. */
export type KindCounts = Record<string, number>;

/** What was written to a Consul. */
export interface ConsulWrites {
  /** Transactions, and single writes, that changed a key of the live sync info or the state. */
  transactions: number;
  /** Those keys, in the order in which they were written. */
  keys: string[];
  /** Staged values; one in several parts counts once. */
  staged: number;
}

/** Requests by kind, the kinds in alphabetical order. */
export function countKinds(
  requests: readonly SeenRequest[],
  kindOf: (seen: SeenRequest) => string,
): KindCounts {
  const counts: KindCounts = {};
  for (const kind of requests.map(kindOf).sort()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** What a request to Vault asks for. */
export function vaultKind({ method, url }: SeenRequest): string {
  const path = pathOf(url).replace(/^\/v1\//, '');
  if (path.startsWith('sys/internal/ui/mounts')) return 'mount';
  if (path.startsWith('sys/capabilities')) return 'capabilities';
  if (path.startsWith('sys/')) return 'server';
  if (path.startsWith('auth/')) return 'token';
  const [, area = ''] = path.split('/');
  if (method === 'LIST') return 'list';
  if (method === 'DELETE') return 'delete';
  if (method !== 'GET') return area === 'data' ? 'write value' : 'write metadata';
  return area === 'data' ? 'read value' : 'read metadata';
}

/** What a request to Consul asks for. */
export function consulKind({ method, url, body }: SeenRequest): string {
  const path = pathOf(url);
  if (path === '/v1/txn') return operationsOf(body).some(isWrite) ? 'transaction' : 'read transaction';
  if (!path.startsWith('/v1/kv/')) return 'agent';
  const query = new URLSearchParams(url.slice(path.length));
  if (method !== 'GET') return method === 'DELETE' ? 'delete' : 'write';
  if (query.has('keys')) return 'keys';
  return query.has('index') ? 'watch' : `read ${keyKind(keyOf(path))}`;
}

/** What was written, by the bodies of the transactions and the paths of single writes. */
export function consulWrites(requests: readonly SeenRequest[]): ConsulWrites {
  const staged = new Set<string>();
  const keys: string[] = [];
  let transactions = 0;
  for (const request of requests) {
    const written = keysWritten(request);
    for (const key of written) {
      const reference = stagedReference(key);
      if (reference === undefined) keys.push(key);
      else staged.add(reference);
    }
    if (written.some((key) => stagedReference(key) === undefined)) transactions++;
  }
  return { transactions, keys, staged: staged.size };
}

function keysWritten({ method, url, body }: SeenRequest): string[] {
  const path = pathOf(url);
  if (path === '/v1/txn')
    return operationsOf(body)
      .filter(isWrite)
      .map(({ key }) => key);
  return path.startsWith('/v1/kv/') && method !== 'GET' ? [keyOf(path)] : [];
}

interface Operation {
  verb: string;
  key: string;
}

/** @throws if the body is not a transaction: an incomplete count would be wrong */
function operationsOf(body: string): Operation[] {
  const operations = JSON.parse(body) as { KV: { Verb: string; Key: string } }[];
  return operations.map(({ KV: { Verb, Key } }) => ({ verb: Verb, key: Key }));
}

function isWrite({ verb }: Operation): boolean {
  return !/^(get|check)/.test(verb);
}

/** `<path>origin/staging/<reference>[/<part>]` */
function stagedReference(key: string): string | undefined {
  return /\/staging\/([^/]+)/.exec(key)?.[1];
}

/** A bucket's key ends in its number. */
function keyKind(key: string): string {
  if (stagedReference(key) !== undefined) return 'staged value';
  const last = key.split('/').at(-1) ?? '';
  return /^\d+$/.test(last) ? 'bucket' : last;
}

/** @param path below `/v1/kv/` */
function keyOf(path: string): string {
  return decodeURIComponent(path.slice('/v1/kv/'.length));
}

function pathOf(url: string): string {
  return url.replace(/\?.*/s, '');
}

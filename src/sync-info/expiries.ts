import { createHash } from 'node:crypto';
import { SyncInfoError } from '../rules/errors';
import type { Ends } from '../rules/expiry';
import { bytewise, wellFormed } from '../rules/paths';
import { IndexedBuckets } from './indexed-buckets';
import { jsonOf } from './store';
import type { KeyValueStore } from '../consul/key-value-store';

/**
 * When copies end by themselves: `<syncPath>destination/expiries/<bucket id>`, a bucket for each of the sync info that
 * has such copies. Beside the wire format, because the original knows nothing of it. There is no index: the state
 * says when the first of them is to be looked at.
 */
export class Expiries extends IndexedBuckets<Ends> {
  constructor(store: KeyValueStore, prefix: string) {
    super(store, prefix, { parse, serialize, hash });
  }

  /** There if any copy was ever noted: what a cycle that did not come to save its state is found by. */
  get markKey(): string {
    return `${this.prefix}any`;
  }

  async isMarked(signal?: AbortSignal): Promise<boolean> {
    return (await this.store.get(this.markKey, signal)) !== undefined;
  }

  /** To be called before the first bucket is written. */
  async mark(): Promise<void> {
    // That it is there already is as good.
    await this.store.commit([{ key: this.markKey, value: Buffer.from('{"v":1}'), expect: 0 }]);
  }

  /** Forgets everything: the buckets with these ids, then the mark. */
  async clear(ids: readonly number[], signal: AbortSignal): Promise<void> {
    for (const key of [...ids.map((id) => this.bucketKey(id)), this.markKey]) {
      const stored = await this.store.get(key, signal);
      if (stored !== undefined) await this.store.remove(key, stored.revision, signal);
    }
  }
}

function serialize(bucket: ReadonlyMap<string, Ends>): string {
  const members = [...bucket]
    .sort(([a], [b]) => bytewise(a, b))
    .map(
      ([path, { copy, original }]) =>
        `${JSON.stringify(wellFormed(path))}:${JSON.stringify([copy, original])}`,
    );
  return `{${members.join(',')}}`;
}

/** @throws SyncInfoError */
function parse(json: string): Map<string, Ends> {
  const value = jsonOf(Buffer.from(json));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyncInfoError('list of ends', 'it is not a JSON object of path to times');
  return new Map(
    Object.entries(value as Record<string, unknown>).map(([path, ends]) => {
      const [copy, original] = Array.isArray(ends) ? (ends as unknown[]) : [];
      if (typeof copy !== 'string' || typeof original !== 'string')
        throw new SyncInfoError('list of ends', `${JSON.stringify(path)}: must be two times`);
      return [path, { copy, original }];
    }),
  );
}

function hash(bucket: ReadonlyMap<string, Ends>): string {
  return createHash('sha256').update(serialize(bucket)).digest('hex');
}

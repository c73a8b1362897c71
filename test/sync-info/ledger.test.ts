import { CHECKPOINT_MS } from '../../src/limits';
import { hashBucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { Fence, readDirtyMarker } from '../../src/sync-info/commits';
import { Ledger, namedPaths, saveIndex, SETTINGS, VALUES, type OpenBucket } from '../../src/sync-info/ledger';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';

const { signal } = new AbortController();
const insight = (version: number): Insight => ({ version, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' });
const ONE = new Map([['s/data/one', insight(1)]]);
const TWO = new Map([...ONE, ['s/data/two', insight(2)]]);

/** A destination's sync info of one bucket, and the origin's. */
class Place {
  readonly store = new MemoryStore();
  readonly info = new SyncInfo(this.store, 'vsync/destination/');
  readonly originInfo = new SyncInfo(this.store, 'vsync/origin/');

  async write(
    info: SyncInfo,
    bucket: ReadonlyMap<string, Insight>,
    entry = hashBucket(bucket),
  ): Promise<void> {
    await this.store.commit([info.writeOfBucket(0, bucket, 0)]);
    await this.store.commit([info.writeOfIndex([entry], 0)]);
  }

  async open(beforeSave?: () => Promise<void>): Promise<OpenBucket<Insight>> {
    const { index: ownIndex, revision } = await this.info.readIndex();
    const { index: originIndex } = await this.originInfo.readIndex();
    const fence = new Fence(this.info, [{ key: this.info.indexKey, revision }]);
    const sides = { own: this.info, ownIndex, origin: this.originInfo, originIndex };
    return new Ledger(VALUES, sides, fence).open(0, signal, beforeSave && { beforeSave });
  }

  async openSettings(entry: string | undefined): Promise<OpenBucket<string>> {
    const sides = {
      own: this.info.settings,
      ownIndex: entry === undefined ? undefined : [entry],
      origin: this.originInfo.settings,
      originIndex: undefined,
    };
    const ifUnreadable = (): Map<string, string> => new Map([['s/data/one', 'unverified']]);
    return new Ledger(SETTINGS, sides, new Fence(this.info, [])).open(0, signal, { ifUnreadable });
  }
}

let place: Place;
beforeEach(() => (place = new Place()));
afterEach(() => jest.restoreAllMocks());

describe('Ledger.open', () => {
  it('trusts a bucket that fits its index', async () => {
    await place.write(place.info, ONE);
    const bucket = await place.open();
    expect(bucket.isTrusted).toBe(true);
    expect(bucket.claims).toEqual(ONE);
    expect(bucket.mayHave('s/data/two')).toBe(false);
  });

  it('keeps the names of a bucket that does not fit, and believes no claim', async () => {
    await place.write(place.info, ONE, '0'.repeat(64));
    const bucket = await place.open();
    expect(bucket.isTrusted).toBe(false);
    expect([...bucket.names.keys()]).toEqual(['s/data/one']);
    expect(bucket.claims.get('s/data/one')?.version).toBe(0);
    expect(bucket.mayHave('s/data/two')).toBe(true);
  });

  it('knows that a destination without the bucket has none of its secrets', async () => {
    const bucket = await place.open();
    expect([bucket.isTrusted, bucket.mayHave('s/data/one')]).toEqual([false, false]);
    bucket.claim('s/data/one', insight(1));
    await bucket.flush();
    expect(bucket.mayHave('s/data/two')).toBe(false);
  });

  it('gives no bucket of the origin that does not fit its index', async () => {
    await place.write(place.originInfo, ONE, '0'.repeat(64));
    expect((await place.open()).origin).toBeUndefined();
  });

  it('marks a bucket of the origin that fits an index published meanwhile', async () => {
    await place.write(place.originInfo, ONE);
    const { revision } = await place.originInfo.readBucket(0);
    const get = place.store.get.bind(place.store);
    jest.spyOn(place.store, 'get').mockImplementation(async (key) => {
      if (key === place.originInfo.bucketKey(0)) {
        place.store.get = get;
        await place.store.commit([place.originInfo.writeOfBucket(0, TWO, revision)]);
        place.store.put(place.originInfo.indexKey, JSON.stringify([hashBucket(TWO)]));
      }
      return get(key);
    });
    expect(await place.open()).toMatchObject({ isNewer: true, origin: TWO });
  });

  it('takes absent settings for an empty bucket, unless the index says otherwise', async () => {
    const { hash } = place.info.settings.format;
    expect((await place.openSettings(hash(new Map()))).claims.size).toBe(0);
    expect([...(await place.openSettings(hash(new Map([['s/data/one', 'x']])))).claims.values()]).toEqual([
      'unverified',
    ]);
    expect((await place.openSettings(undefined)).claims.size).toBe(1);
  });
});

describe('OpenBucket', () => {
  it('writes nothing while nothing changed', async () => {
    await place.write(place.info, ONE);
    const bucket = await place.open();
    const before = place.store.written.length;
    await bucket.flush();
    expect(place.store.written).toHaveLength(before);
  });

  it('writes the dirty marker before the first bucket, and what has to come before the claims', async () => {
    await place.write(place.info, ONE);
    const bucket = await place.open(async () => {
      await place.store.commit([{ key: 'before', value: Buffer.from(''), expect: 0 }]);
    });
    bucket.claim('s/data/two', insight(2));
    await bucket.flush();
    expect(place.store.written.slice(-3)).toEqual([
      'vsync/destination/unsaved',
      'before',
      'vsync/destination/0',
    ]);
    expect((await place.info.readBucket(0)).bucket).toEqual(TWO);
    expect(await readDirtyMarker(place.info)).not.toBe(0);
  });

  it('writes no dirty marker where there is no index yet', async () => {
    const bucket = await place.open();
    bucket.claim('s/data/one', insight(1));
    await bucket.flush();
    expect(await readDirtyMarker(place.info)).toBe(0);
  });

  it.each([
    ['the index was saved by another cycle', 'index'],
    ['the bucket was written by another process', '0'],
  ])('writes nothing after %s', async (_what, key) => {
    await place.write(place.info, ONE);
    const bucket = await place.open();
    bucket.unverify('s/data/one');
    const stored = await place.store.get(`vsync/destination/${key}`);
    place.store.put(`vsync/destination/${key}`, stored?.value ?? '');
    await expect(bucket.flush()).rejects.toMatchObject({ type: 'Conflict' });
    expect((await place.info.readBucket(0)).bucket).toEqual(ONE);
  });

  it('saves a checkpoint only when the last one is some seconds old', async () => {
    const bucket = await place.open();
    bucket.claim('s/data/one', insight(1));
    await bucket.checkpoint();
    expect((await place.info.readBucket(0)).revision).toBe(0);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + CHECKPOINT_MS);
    await bucket.checkpoint();
    expect((await place.info.readBucket(0)).bucket).toEqual(ONE);
  });

  it('keeps the name of a claim that is unverified, and drops a forgotten one', async () => {
    await place.write(place.info, TWO);
    const bucket = await place.open();
    bucket.unverify('s/data/one');
    bucket.unverify('s/data/never');
    bucket.forget('s/data/two');
    expect([...bucket.claims].map(([path, { version }]) => [path, version])).toEqual([['s/data/one', 0]]);
  });
});

describe('saveIndex', () => {
  const save = async (numBuckets: number, ids: number[], revision?: number) => {
    const stored = await place.info.readIndex();
    const toSave = { stored, revision: revision ?? stored.revision, numBuckets, ids };
    return saveIndex(VALUES, place.info, toSave, signal);
  };

  it('takes the hashes from what the buckets contain', async () => {
    await place.write(place.info, ONE, '0'.repeat(64));
    expect(await save(1, [0])).toEqual({ index: [hashBucket(ONE)], writes: 1 });
    expect(await save(1, [0])).toMatchObject({ writes: 0 });
  });

  it('writes a missing bucket as an empty one before the index that names it', async () => {
    expect(await save(2, [])).toMatchObject({ writes: 3 });
    expect(place.store.written.slice(-1)).toEqual(['vsync/destination/index']);
  });

  it('gives a damaged bucket an entry that no bucket fits', async () => {
    await place.write(place.info, ONE);
    place.store.put('vsync/destination/0', 'damaged');
    expect(await save(1, [0])).toMatchObject({ index: ['0'.repeat(64)] });
  });

  it('refuses to save after another cycle has', async () => {
    await place.write(place.info, ONE, '0'.repeat(64));
    await expect(save(1, [0], 1)).rejects.toMatchObject({ type: 'Conflict' });
  });
});

test('namedPaths reads every bucket, whether it fits or not', async () => {
  await place.write(place.info, TWO, '0'.repeat(64));
  expect(await namedPaths(place.info, 5, signal)).toEqual(['s/data/one', 's/data/two']);
});

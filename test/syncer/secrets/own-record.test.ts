import { fingerprintParts } from '../../../src/config/fingerprint';
import { loadConfig } from '../../../src/config/load';
import type { DestinationConfig } from '../../../src/config/schema';
import type { Insight } from '../../../src/rules/insight';
import { bucketId, hashBucket } from '../../../src/rules/bucket';
import type { DestinationState } from '../../../src/sync-info/state';
import { SyncInfo } from '../../../src/sync-info/sync-info';
import { readOwnRecord } from '../../../src/syncer/secrets/own-record';
import { configFile, removeConfigFiles, section } from '../../config/fixtures';
import { MemoryStore } from '../../support/memory-store';

const PATH = 'secret/data/app';
const CLAIM: Insight = { version: 3, updateTime: '2026-11-21T13:00:00Z', type: 'kvV2' };
const BUCKETS = 4;

let store: MemoryStore;
let info: SyncInfo;
let config: DestinationConfig;
const { signal } = new AbortController();

beforeEach(() => {
  store = new MemoryStore();
  info = new SyncInfo(store, 'vsync/destination/');
  const file = configFile({
    name: 'site1',
    origin: section(),
    destination: section({ include: ['secret/**'] }),
  });
  ({ config } = loadConfig('destination', { file, env: {} }));
});
afterAll(removeConfigFiles);

const id = bucketId(PATH, BUCKETS);

/** Stores the claims of the bucket of the path, and an index that it fits. */
function save(claims: ReadonlyMap<string, Insight> = new Map([[PATH, CLAIM]])): void {
  const index = Array.from({ length: BUCKETS }, (_, one) => hashBucket(one === id ? claims : new Map()));
  store.put(info.bucketKey(id), info.writeOfBucket(id, claims, 0).value);
  store.put(info.indexKey, info.writeOfIndex(index, 0).value);
}

/** Stores a state, as a cycle with this configuration does. */
function saveState(changes: Partial<DestinationState> = {}): void {
  const parts = fingerprintParts(config, { origin: 'cluster-a', destination: 'cluster-b' });
  const state: DestinationState = {
    v: 1,
    name: 'site1',
    config: '',
    considered: '',
    mounts: {},
    ownMounts: {},
    parts,
  };
  store.put(info.stateKey, JSON.stringify({ ...state, ...changes }));
}

const record = async (path = PATH) => (await readOwnRecord(info, config, path, signal)).record;

describe('readOwnRecord', () => {
  test('reads the claim of a path', async () => {
    save();
    saveState();
    expect(await record()).toEqual({ isNamed: true, claim: CLAIM });
    expect(await record('secret/data/other')).toMatchObject({ isNamed: false });
  });

  test('trusts the claims of an original vsync, which has no state', async () => {
    save();
    expect(await record()).toEqual({ isNamed: true, claim: CLAIM });
  });

  test('trusts no claim of a bucket that does not fit its index, and still reports that it names the path', async () => {
    save();
    const newer = info.writeOfBucket(id, new Map([[PATH, { ...CLAIM, version: 4 }]]), 0);
    store.put(info.bucketKey(id), newer.value);
    expect(await record()).toEqual({ isNamed: true, distrust: 'a cycle is writing its sync info' });
  });

  test.each([
    ['no index', (): void => undefined, 'it has no sync info, because its first cycle has not ended'],
    [
      'a damaged index',
      (): void => {
        store.put(info.indexKey, '["half');
      },
      'its sync info is damaged, and the next cycle writes it again',
    ],
  ])('trusts nothing with %s', async (_what, prepare, distrust) => {
    prepare();
    expect(await record()).toEqual({ isNamed: false, distrust });
  });

  test('trusts no claim while claims are moved', async () => {
    save();
    saveState({ moving: 'staged' });
    expect((await record()).distrust).toBe(
      'a cycle is moving its claims after a change of the configuration',
    );
  });

  test.each<[string, (changed: DestinationConfig) => void]>([
    [
      'transforms',
      ({ destination }) => (destination.transforms = [{ name: 't', from: '(?P<a>.*)', to: 'a' }]),
    ],
    ['mounts', ({ destination }) => destination.mounts.push('other/')],
    ['sync path of the origin', ({ origin }) => (origin.syncPath = 'other/')],
    ['namespace', ({ destination }) => (destination.vault.namespace = 'team')],
    ['filters', ({ destination }) => (destination.exclude = ['secret/x/**'])],
  ])('trusts no claim that was made before a change of the %s', async (_what, change) => {
    save();
    saveState();
    change(config);
    expect((await record()).distrust).toBe(
      'its last cycle ran with another configuration than this file has',
    );
  });

  test('trusts the claims after a change that is only about deletes', async () => {
    save();
    saveState();
    config.ignoreDeletes = true;
    expect((await record()).distrust).toBeUndefined();
  });

  test('reads when the copy ends by itself, only if a copy of this destination does', async () => {
    save();
    const ends = new Map([[PATH, { copy: '2026-11-21T14:00:00Z', original: '' }]]);
    store.put(info.expiries.bucketKey(id), info.expiries.writeOfBucket(id, ends, 0).value);
    saveState();
    expect(await record()).not.toHaveProperty('endsAt');
    saveState({ expiries: { copies: 1, early: 1 } });
    expect(await record()).toMatchObject({ endsAt: '2026-11-21T14:00:00Z' });
  });

  test('reports why deletes wait, and refuses the sync path of another sync', async () => {
    save();
    saveState({ held: { count: 9, hash: 'h', reason: 'nine are many' } });
    expect(await record()).toMatchObject({ held: 'nine are many' });
    saveState({ name: 'site2' });
    await expect(record()).rejects.toThrow(
      'vsync/destination/ is the sync info of site2, and this sync is called site1',
    );
  });
});

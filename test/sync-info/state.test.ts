import { StoredInfoError } from '../../src/consul/errors';
import {
  adopt,
  mountsAfter,
  readDestinationState,
  readOriginState,
  stateDiffers,
  writeOfState,
  type OriginState,
} from '../../src/sync-info/state';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';

const base: OriginState = {
  v: 1,
  name: 'one',
  mounts: { 'a/': 'uuid-a', 'b/': 'uuid-b' },
  last: { outcome: 'synced', finishedAt: '2026-01-01T00:00:00Z', counts: { listed: 1 } },
};
const after = (outcome: NonNullable<OriginState['last']>['outcome']): OriginState => ({
  ...base,
  last: { outcome, finishedAt: '2026-01-02T00:00:00Z', counts: { listed: 7 } },
});

test.each<[reason: string, before: OriginState | undefined, after: OriginState, differs: boolean]>([
  ['there was none', undefined, base, true],
  ['nothing happened but time', base, after('synced'), false],
  ['unchanged after synced is the same standing', base, after('unchanged'), false],
  ['synced after unchanged too', after('unchanged'), base, false],
  ['the order of keys does not count', base, { ...base, mounts: { 'b/': 'uuid-b', 'a/': 'uuid-a' } }, false],
  ['no cycle had ended, and now one is well', { ...base, last: undefined }, base, false],
  ['it went wrong', base, after('partial'), true],
  ['it is well again', after('partial'), base, true],
  ['it goes wrong in another way', after('partial'), after('timed-out'), true],
  ['it goes wrong as before', after('partial'), after('partial'), false],
  ['a mount was re-created', base, { ...base, mounts: { 'a/': 'uuid-a', 'b/': 'other' } }, true],
  ['a mount came', base, { ...base, mounts: { ...base.mounts, 'c/': 'uuid-c' } }, true],
  ['a mount went', base, { ...base, mounts: { 'a/': 'uuid-a' } }, true],
  ['uuids changed places', base, { ...base, mounts: { 'a/': 'uuid-b', 'b/': 'uuid-a' } }, true],
  ['a save stopped half-way', base, { ...base, pending: { manifest: 'm', staged: [] } }, true],
])('whether a state is written when %s', (_reason, before, next, differs) => {
  expect(stateDiffers(before, next)).toBe(differs);
});

describe('mountsAfter', () => {
  const remembered = { 'a/': 'a1', 'b/': 'b1' };

  test('stores another engine next to the remembered one', () => {
    const changed = { 'b/': 'b2' };
    expect(mountsAfter(remembered, remembered, changed)).toEqual({
      mounts: remembered,
      changedMounts: changed,
    });
  });

  test('keeps an approval from during the cycle', () => {
    const approved = { 'a/': 'a1', 'b/': 'b2' };
    expect(mountsAfter(approved, remembered, { 'b/': 'b2' })).toEqual({ mounts: approved });
    // It was replaced once more: what was approved is not what stands there.
    expect(mountsAfter(approved, remembered, { 'b/': 'b3' })).toEqual({
      mounts: approved,
      changedMounts: { 'b/': 'b3' },
    });
  });

  test('keeps an adoption from during the cycle', () => {
    expect(mountsAfter({}, remembered, { 'b/': 'b2' })).toEqual({ mounts: { 'a/': 'a1', 'b/': 'b2' } });
  });

  test('forgets all mounts with adopt', async () => {
    const info = new SyncInfo(new MemoryStore(), 'vsync/origin/');
    await info.store.commit([writeOfState(info, { ...base, changedMounts: { 'b/': 'b2' } }, 0)]);
    await adopt(info, 'origin', 'two');
    const { state } = await readOriginState(info);
    expect(state).toEqual({ ...base, name: 'two', mounts: {} });
  });
});

describe('readDestinationState', () => {
  const store = new MemoryStore();
  const info = new SyncInfo(store, 'vsync/origin/');

  test('returns undefined without a state', async () => {
    expect(await readOriginState(info)).toEqual({ state: undefined, revision: 0 });
  });

  test('returns the state as it was written', async () => {
    await store.commit([writeOfState(info, base, 0)]);
    const { state, revision } = await readOriginState(info);
    expect(state).toEqual(base);
    expect(revision).toBeGreaterThan(0);
  });

  test.each(['', 'null', '{}', '<html>', '{"v":2}', JSON.stringify({ ...base, mounts: [] })])(
    'is never guessed: %j',
    async (text) => {
      store.put('vsync/origin/state', text);
      for (const read of [readOriginState(info), readDestinationState(info)]) {
        await expect(read).rejects.toThrow(StoredInfoError);
        await expect(read).rejects.toThrow('Consul memory: vsync/origin/state: not a state');
      }
    },
  );
});

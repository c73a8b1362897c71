import { FEED_RECORDS_EXPIRE_AFTER_MS } from '../../src/limits';
import { FeedRecords, type FeedDone, type FeedRecord } from '../../src/sync-info/feed-record';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';

const { signal } = new AbortController();
const RECORD: FeedRecord = {
  v: 1,
  receiver: 'aaaa',
  gaps: 2,
  why: 'connection',
  hints: [
    [1, 's/', 'a'],
    [2, 's/', '__proto__'],
    [5, 's/', 'b/ü'],
  ],
  seen: ['id'],
  writtenMs: 1_000,
};
const DONE: FeedDone = {
  v: 1,
  fingerprint: 'f',
  scan: { beganMs: 5, gaps: { aaaa: 2 }, mounts: { 's/': 'uuid' }, partial: 0 },
  handled: { aaaa: 2 },
};

let store: MemoryStore;
let records: FeedRecords;

beforeEach(() => {
  store = new MemoryStore();
  records = new FeedRecords(new SyncInfo(store, 'vsync/origin/'));
});

const note = (done: FeedDone) => store.commit([records.writeOfDone(done, 0)]);

describe('FeedRecords', () => {
  test('reads nothing where nothing was noted', async () => {
    expect(await records.readAll(signal)).toEqual({
      done: undefined,
      doneRevision: 0,
      records: [],
      damaged: false,
    });
  });

  test('reads the note and the records as they were written', async () => {
    await records.put(RECORD);
    const full = {
      ...RECORD,
      receiver: 'bbbb',
      worker: '1@host',
      gapMs: 900,
      listeners: [{ kind: 'socket', connections: 1, lineMs: 950 }],
    };
    await records.put(full);
    await note({ ...DONE, ends: { lists: ['l'], nextMs: 7, doneMs: 6 } });
    const read = await records.readAll(signal);
    expect(read).toEqual({
      done: { ...DONE, ends: { lists: ['l'], nextMs: 7, doneMs: 6 } },
      doneRevision: store.values.get('vsync/origin/feed/done')?.revision,
      records: [RECORD, full],
      damaged: false,
    });
  });

  test('put leaves out what is handled, and returns the note', async () => {
    await note(DONE);
    expect(await records.put(RECORD)).toEqual(DONE);
    expect((await records.readAll(signal)).records[0]?.hints).toEqual([[5, 's/', 'b/ü']]);
  });

  test('put writes a record anew that was removed', async () => {
    await records.put(RECORD);
    store.values.delete('vsync/origin/feed/aaaa');
    await records.put({ ...RECORD, gaps: 3 });
    expect((await records.readAll(signal)).records[0]?.gaps).toBe(3);
  });

  test.each([
    ['a record that is not JSON', 'aaaa', '<html>'],
    ['a record without gaps', 'aaaa', JSON.stringify({ ...RECORD, gaps: undefined })],
    ['a record of another receiver', 'bbbb', JSON.stringify(RECORD)],
    ['a damaged note', 'done', '{}'],
  ])('readAll reports %s as damaged', async (_what, key, text) => {
    store.put(`vsync/origin/feed/${key}`, text);
    expect(await records.readAll(signal)).toMatchObject({ done: undefined, records: [], damaged: true });
  });

  test('readAll takes a reason of a later version', async () => {
    store.put('vsync/origin/feed/aaaa', JSON.stringify({ ...RECORD, why: 'of a later version' }));
    expect(await records.readAll(signal)).toMatchObject({ records: [{ gaps: 2 }], damaged: false });
  });

  test('forgetDone removes the note only', async () => {
    await records.put(RECORD);
    await note(DONE);
    await records.forgetDone(signal);
    expect(await records.readAll(signal)).toMatchObject({
      done: undefined,
      doneRevision: 0,
      records: [RECORD],
    });
  });

  test.each<[what: string, record: Partial<FeedRecord>, ageMs: number, left: number]>([
    ['of a receiver that has ended, without open hints', { hints: [] }, FEED_RECORDS_EXPIRE_AFTER_MS + 1, 0],
    ['whose hints are handled', { hints: [[2, 's/', 'a']] }, FEED_RECORDS_EXPIRE_AFTER_MS + 1, 0],
    ['with an open hint', { hints: [[3, 's/', 'a']] }, FEED_RECORDS_EXPIRE_AFTER_MS + 1, 1],
    ['that is not old', { hints: [] }, FEED_RECORDS_EXPIRE_AFTER_MS, 1],
  ])('removeOld decides about a record %s', async (_what, change, ageMs, left) => {
    await records.put({ ...RECORD, ...change });
    await note(DONE);
    await records.removeOld(RECORD.writtenMs + ageMs, signal);
    const { done, records: read } = await records.readAll(signal);
    expect(done).toEqual(DONE);
    expect(read).toHaveLength(left);
  });

  test('removeOld removes what is not a record', async () => {
    store.put('vsync/origin/feed/xxxx', '<html>');
    await records.removeOld(0, signal);
    expect(await records.readAll(signal)).toMatchObject({ damaged: false });
  });
});

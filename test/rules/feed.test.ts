import fc from 'fast-check';
import { decideScan, NO_RECEIVER, UNPROVEN, type FeedEvidence } from '../../src/rules/feed';

const NOW_MS = 1_800_000_000_000;
const TICK_MS = 60_000;
const FULL_SCAN_EVERY_MS = 15 * TICK_MS;
const MOUNTS = { 'secret/': 'uuid' };
const SCAN = { beganMs: NOW_MS - 10_000, gaps: { a: 1, b: 4 }, mounts: MOUNTS, partial: 0 };

/** Everything is well: two receivers without a new gap, and a proof. */
const WELL: FeedEvidence = {
  nowMs: NOW_MS,
  tickMs: TICK_MS,
  fullScanEveryMs: FULL_SCAN_EVERY_MS,
  fingerprint: 'now',
  done: { fingerprint: 'now', scan: SCAN },
  records: [
    { receiver: 'a', gaps: 1, why: 'start' },
    { receiver: 'b', gaps: 4, why: 'connection' },
  ],
  mounts: MOUNTS,
  mountsChanged: false,
  damaged: false,
  isProven: true,
};

const after = (scan: Partial<typeof SCAN>): Partial<FeedEvidence> => ({
  done: { fingerprint: 'now', scan: { ...SCAN, ...scan } },
});
const unproven: Partial<FeedEvidence> = { done: { fingerprint: 'now', scan: { ...SCAN, unproven: true } } };
const ago = (ms: number, partial = 0): Partial<FeedEvidence> => after({ beganMs: NOW_MS - ms, partial });

describe('decideScan', () => {
  test('skips the scan if nothing was missed', () => {
    expect(decideScan(WELL)).toEqual({ scan: false });
  });

  test.each<[what: string, changed: Partial<FeedEvidence>, why: string]>([
    ['no scan was noted', { done: undefined }, 'no earlier one is noted'],
    ['it ran under another configuration', { fingerprint: 'other' }, 'the configuration has changed'],
    ['a record is damaged', { damaged: true }, 'a record of the feed in Consul is damaged'],
    ['a mount is another engine', { mountsChanged: true }, 'a mount has changed'],
    ['a mount has another uuid', { mounts: { 'secret/': 'other' } }, 'a mount has changed'],
    ['a mount was approved since', after({ mounts: {} as typeof MOUNTS }), 'a mount has changed'],
    ['there is no receiver', { records: [] }, NO_RECEIVER],
    [
      'a receiver is new',
      { records: [...WELL.records, { receiver: 'c', gaps: 1, why: 'start' }] },
      'the feed may have missed a change (start)',
    ],
    [
      'a receiver has a name that objects have',
      { records: [{ receiver: 'toString', gaps: 1, why: 'start' }] },
      'the feed may have missed a change (start)',
    ],
    [
      'a receiver counted a gap',
      { records: [{ receiver: 'b', gaps: 5, why: 'connection' }] },
      'the feed may have missed a change (connection)',
    ],
    [
      'a receiver counts fewer gaps than before',
      { records: [{ receiver: 'b', gaps: 3, why: 'overflow' }] },
      'the feed may have missed a change (overflow)',
    ],
    ['the proof is missing', { isProven: false }, UNPROVEN],
    ['the proof was missing at the last one', unproven, 'the feed did not work at the last full scan'],
    ['the proof is still missing', { ...unproven, isProven: false }, UNPROVEN],
    ['the last one is as old as allowed', ago(FULL_SCAN_EVERY_MS), 'it is due'],
    ['the last one began in the future', ago(-1), 'the clock was set back'],
    ['the last one was partial', ago(TICK_MS, 1), 'the last one left something unknown'],
    ['the last three were partial', ago(4 * TICK_MS, 3), 'the last one left something unknown'],
  ])('scans if %s', (_what, changed, why) => {
    expect(decideScan({ ...WELL, ...changed })).toEqual({ scan: true, why });
  });

  test.each<[what: string, changed: Partial<FeedEvidence>]>([
    ['the last one is not old enough', ago(FULL_SCAN_EVERY_MS - 1)],
    ['one partial scan was less than a tick ago', ago(TICK_MS - 1, 1)],
    ['three partial scans ended less than four ticks ago', ago(4 * TICK_MS - 1, 3)],
    ['very many scans were partial', ago(FULL_SCAN_EVERY_MS - 1, 5_000)],
    ['nobody has waited for the proof', { ...unproven, isProven: undefined }],
    ['a receiver of the last scan is gone', { records: WELL.records.slice(1) }],
  ])('skips the scan if %s', (_what, changed) => {
    expect(decideScan({ ...WELL, ...changed })).toEqual({ scan: false });
  });

  test('never skips a scan because of one more gap', () => {
    const receiver = fc.constantFrom('a', 'b', 'c');
    const record = fc.record({ receiver, gaps: fc.integer({ min: 1, max: 5 }), why: fc.constant('start') });
    const evidence = fc.record({
      records: fc.uniqueArray(record, { selector: (one) => one.receiver }),
      isProven: fc.boolean(),
      damaged: fc.boolean(),
      mountsChanged: fc.boolean(),
      ageMs: fc.integer({ min: -1, max: FULL_SCAN_EVERY_MS }),
      partial: fc.nat({ max: 3 }),
      gaps: fc.dictionary(receiver, fc.integer({ min: 1, max: 5 })),
    });
    fc.assert(
      fc.property(evidence, receiver, ({ ageMs, partial, gaps, ...rest }, where) => {
        const done = { fingerprint: 'now', scan: { beganMs: NOW_MS - ageMs, gaps, mounts: MOUNTS, partial } };
        const before: FeedEvidence = { ...WELL, ...rest, done };
        const highest = Math.max(0, gaps[where] ?? 0, ...rest.records.map((one) => one.gaps));
        const others = rest.records.filter((one) => one.receiver !== where);
        const records = [...others, { receiver: where, gaps: highest + 1, why: 'connection' }];
        expect(decideScan({ ...before, records }).scan).toBe(true);
        // And more in general: what leads to a scan does so with this gap too.
        expect(decideScan({ ...before, records: [...rest.records, ...records] }).scan).toBe(true);
      }),
    );
  });
});

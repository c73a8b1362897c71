import { doneAfter } from '../../src/activities/origin/feed-pass';
import type { Manifest } from '../../src/activities/origin/manifest';
import type { SaveOriginInput } from '../../src/contract/origin';
import type { FeedDone } from '../../src/sync-info/feed-record';

const SCAN = { beganMs: 100, gaps: { a: 1 }, mounts: { 's/': 'uuid' }, partial: 2 };
const DONE: FeedDone = { v: 1, fingerprint: 'f', scan: SCAN, handled: { a: 7 } };
const ENDS = { lists: ['old'], nextMs: 500, doneMs: 200 };
const MANIFEST: Manifest = { v: 1, numBuckets: 1, mounts: {}, unknown: [], chunks: [] };

type Save = NonNullable<SaveOriginInput['save']>;
const SAVE: Save = { manifest: 'm', staged: [], indexRevision: 1, outcome: 'synced', counts: {} };

const after = (
  kind: 'scan' | 'pass',
  save: Partial<Save>,
  done: FeedDone = { ...DONE, ends: ENDS },
): FeedDone | undefined => {
  const pass = kind === 'pass' ? { pass: true as const } : {};
  return doneAfter({ ...MANIFEST, ...pass, feed: { revision: 3, done } }, { ...SAVE, ...save });
};

describe('doneAfter', () => {
  test('notes nothing without a feed, and nothing of a save that another cycle left', () => {
    expect(doneAfter(MANIFEST, SAVE)).toBeUndefined();
    expect(doneAfter({ ...MANIFEST, feed: { revision: 3, done: DONE } }, undefined)).toBeUndefined();
  });

  test('notes of a whole scan that nothing is unknown, and its own lists of ends', () => {
    const whole = { ...DONE, scan: { ...SCAN, partial: 0 } };
    expect(after('scan', {})).toEqual(whole);
    expect(after('scan', { ends: ['b', 'a'], nextEndMs: 300 })).toEqual({
      ...whole,
      ends: { lists: ['a', 'b'], nextMs: 300, doneMs: SCAN.beganMs },
    });
  });

  test('counts scans that leave something unknown, up to a bound', () => {
    const unknown = { counts: { unknown: 1 } };
    expect(after('scan', unknown)).toMatchObject({ scan: { partial: 3 }, handled: { a: 7 } });
    const often = { ...DONE, scan: { ...SCAN, partial: 20 } };
    expect(after('scan', unknown, often)).toMatchObject({ scan: { partial: 20 } });
  });

  test('notes of a pass what it has handled, and adds its lists of ends', () => {
    expect(after('pass', {})).toEqual({ ...DONE, ends: ENDS });
    expect(after('pass', { ends: ['new', 'old'], nextEndMs: 400 })).toEqual({
      ...DONE,
      ends: { lists: ['old', 'new'], nextMs: 400, doneMs: 200 },
    });
    expect(after('pass', { ends: ['new'], nextEndMs: 600 })?.ends?.nextMs).toBe(500);
    expect(after('pass', { ends: ['new'], nextEndMs: 600 }, DONE)?.ends).toMatchObject({
      lists: ['new'],
      nextMs: 600,
    });
  });

  test('leaves to a scan what a pass could not read, so that no hint waits for it', () => {
    const unknown = { counts: { unknown: 1 } };
    const whole = { ...DONE, scan: { ...SCAN, partial: 0 } };
    expect(after('pass', unknown, whole)).toEqual({ ...whole, scan: { ...SCAN, partial: 1 } });
    // Only scans lengthen the pause before the next one.
    expect(after('pass', unknown, DONE)).toEqual(DONE);
    expect(after('pass', { ...unknown, ends: ['new'], nextEndMs: 400 })?.ends?.lists).toEqual(['old', 'new']);
  });
});

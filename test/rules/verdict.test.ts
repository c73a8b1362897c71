import type { Found, Insight } from '../../src/rules/insight';
import { verdictOf, type Evidence } from '../../src/rules/verdict';

const T1 = '2026-01-01T00:00:00Z';
const T2 = '2026-02-01T00:00:00Z';
const insight = (version: number, updateTime = T1): Insight => ({ version, updateTime, type: 'kvV2' });
const live = (version: number, createdTime = T1): Found => ({ live: true, version, createdTime });
/** As OpenBao has them after a metadata write at T2. */
const WRITTEN = {
  current_version: 2,
  updated_time: T2,
  versions: { 2: { created_time: T1, deletion_time: '', destroyed: false } },
};
const deleted: Found = { live: false, version: 2, createdTime: T1 };

/** Claimed, there, and different. */
const DIFFERS: Evidence = {
  insight: insight(2),
  claim: insight(2),
  atOrigin: live(2),
  atDestination: live(7, T2),
  sameValue: false,
};

describe('verdictOf', () => {
  it.each<[string, Partial<Evidence>, object]>([
    ['the same value', { sameValue: true }, { kind: 'equal' }],
    ['the same value, not claimed', { sameValue: true, claim: undefined }, { kind: 'equal' }],
    ['the same newer value', { sameValue: true, atOrigin: live(3, T2) }, { kind: 'equal' }],
    ['another value, claimed', {}, { kind: 'drift' }],
    ['another value, not claimed', { claim: undefined }, { kind: 'drift' }],
    ['another value, its claim in doubt', { claim: insight(0) }, { kind: 'drift' }],
    ['another value, not copied yet', { claim: insight(1) }, { kind: 'changed', class: 'behind' }],
    ['a claim of another time', { claim: insight(2, T2) }, { kind: 'changed', class: 'behind' }],
    [
      'another value, and an insight with the time of a metadata write',
      { insight: insight(2, T2), claim: insight(2, T2), metadata: WRITTEN },
      { kind: 'drift' },
    ],
    [
      'another value, and an insight with a time that the metadata do not explain',
      { insight: insight(2, T2), claim: insight(2, T2) },
      { kind: 'changed', class: 'newer' },
    ],
    ['an origin that moved on', { atOrigin: live(3, T2) }, { kind: 'changed', class: 'newer' }],
    ['an origin made anew', { atOrigin: live(2, T2) }, { kind: 'changed', class: 'newer' }],
    ['none there, the origin moved on', { atOrigin: live(3), atDestination: undefined }, { class: 'newer' }],
    ['an origin that has none', { atOrigin: undefined }, { kind: 'changed', class: 'gone' }],
    ['an origin that deleted it', { atOrigin: deleted }, { kind: 'changed', class: 'gone' }],
    ['none at both ends', { atOrigin: deleted, atDestination: undefined }, { class: 'gone' }],
    ['nothing there', { atDestination: undefined }, { kind: 'missing', class: 'absent' }],
    ['nothing there, not claimed', { atDestination: undefined, claim: undefined }, { kind: 'missing' }],
    ['nothing there, copied before', { atDestination: undefined, claim: insight(1) }, { kind: 'missing' }],
    ['a deleted one there', { atDestination: deleted }, { kind: 'missing', class: 'deleted' }],
  ])('judges a secret: %s', (_what, evidence, verdict) => {
    expect(verdictOf({ ...DIFFERS, ...evidence })).toMatchObject(verdict);
  });
});

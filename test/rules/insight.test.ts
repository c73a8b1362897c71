import {
  MetadataError,
  endOfMetadata,
  type Evidence,
  type Found,
  type Insight,
  insightOfMetadata,
  isNamedBy,
  mayBeMetadataWrite,
  type SecretMetadata,
  verdictOf,
  type VersionMetadata,
} from '../../src/rules/insight';
import { TimeError } from '../../src/rules/time';

const NOW = Date.parse('2026-11-21T10:00:00.000Z');
const UPDATED = '2026-11-21T09:51:52.307116038Z';

function metadata(current: number, version: Partial<VersionMetadata>): SecretMetadata {
  return {
    current_version: current,
    updated_time: UPDATED,
    versions: { [current]: { created_time: UPDATED, deletion_time: '', destroyed: false, ...version } },
  };
}

describe('insightOfMetadata', () => {
  it.each([
    ['it can be read', metadata(1, {})],
    ['it expires a nanosecond from now', metadata(2, { deletion_time: '2026-11-21T10:00:00.000000001Z' })],
    ['its expiry looks past in another zone', metadata(3, { deletion_time: '2026-11-21T09:30:00-01:00' })],
    [
      'only an older version was destroyed',
      {
        ...metadata(2, {}),
        versions: {
          1: { created_time: '', deletion_time: '', destroyed: true },
          ...metadata(2, {}).versions,
        },
      },
    ],
  ])('returns an insight if %s', (_reason, meta) => {
    expect(insightOfMetadata(meta, NOW)).toEqual({
      version: meta.current_version,
      updateTime: UPDATED,
      type: 'kvV2',
    });
  });

  it.each([
    ['it has metadata only', { current_version: 0, updated_time: UPDATED, versions: {} }],
    ['its current version is deleted', metadata(1, { deletion_time: '2026-11-21T09:59:00Z' })],
    ['it expires just now', metadata(1, { deletion_time: '2026-11-21T10:00:00Z' })],
    ['its current version is destroyed', metadata(1, { destroyed: true })],
  ])('returns nothing if %s', (_reason, meta) => {
    expect(insightOfMetadata(meta, NOW)).toBeUndefined();
  });

  it('takes the time of the current version, and not that of a later metadata write on OpenBao', () => {
    const written = { ...metadata(1, {}), updated_time: '2026-11-21T09:59:00Z' };
    expect(insightOfMetadata(written, NOW)?.updateTime).toBe(UPDATED);
  });

  it('throws if a deletion time cannot be read', () => {
    expect(() => insightOfMetadata(metadata(1, { deletion_time: 'soon' }), NOW)).toThrow(TimeError);
  });

  it('throws if the current version is not among the versions', () => {
    const contradicting = { ...metadata(1, {}), current_version: 2 };
    expect(() => insightOfMetadata(contradicting, NOW)).toThrow(MetadataError);
  });
});

describe('isNamedBy', () => {
  const LATER = '2026-11-21T09:52:00Z';
  const LATEST = '2026-11-21T09:53:00Z';
  const insight = (version: number, updateTime = UPDATED): Insight => ({ version, updateTime, type: 'kvV2' });
  const found = { live: true, version: 2, createdTime: UPDATED };
  const written = (updated_time: string): SecretMetadata => ({ ...metadata(2, {}), updated_time });

  it.each<[what: string, named: boolean, insight: Insight, metadata: SecretMetadata | undefined]>([
    ['the same version and time', true, insight(2), undefined],
    ['another version', false, insight(1), undefined],
    [
      'the same version with an earlier time: a secret made anew since',
      false,
      insight(2, '2026-11-21T09:51:00Z'),
      undefined,
    ],
    ['a later time, and no metadata that explain it', false, insight(2, LATER), undefined],
    ['a later time that is of a metadata write', true, insight(2, LATER), written(LATER)],
    ['a later time, and one more metadata write since', true, insight(2, LATER), written(LATEST)],
    [
      'a later time than any that the metadata know: they lag behind',
      false,
      insight(2, LATEST),
      written(LATER),
    ],
    [
      'a later time, and metadata of a newer version',
      false,
      insight(2, LATER),
      { ...metadata(3, {}), updated_time: LATER },
    ],
    [
      'a later time, and metadata of a secret made anew',
      false,
      insight(2, LATER),
      { ...metadata(2, { created_time: LATER }), updated_time: LATER },
    ],
    ['a time that cannot be read', false, insight(2, 'yesterday'), written(LATER)],
  ])('decides for %s: %s', (_what, named, ofInfo, meta) => {
    expect(isNamedBy(ofInfo, found, meta)).toBe(named);
  });

  it('needs metadata only if the version is the same and the time of the insight is later', () => {
    const needed = [insight(2), insight(1, LATER), insight(3, LATER), insight(2, LATER)];
    expect(needed.map((one) => mayBeMetadataWrite(one, found))).toEqual([false, false, false, true]);
  });
});

describe('endOfMetadata', () => {
  it.each([
    ['never, without a deletion time', metadata(1, {}), 0],
    ['never, without a version', { current_version: 0, updated_time: UPDATED, versions: {} }, 0],
    ['never, if it was destroyed', metadata(1, { destroyed: true, deletion_time: UPDATED }), 0],
    ['in the millisecond', metadata(1, { deletion_time: '2026-11-21T11:00:00+01:00' }), NOW],
    ['in the next millisecond', metadata(1, { deletion_time: '2026-11-21T10:00:00.000000001Z' }), NOW + 1],
  ])('gives the first millisecond in which the version has ended: %s', (_what, meta, endMs) => {
    expect(endOfMetadata(meta)).toBe(endMs);
    if (endMs === 0) return;
    expect(insightOfMetadata(meta, endMs)).toBeUndefined();
    expect(insightOfMetadata(meta, endMs - 1)).toBeDefined();
  });

  it('throws for a time that cannot be read', () => {
    expect(() => endOfMetadata(metadata(1, { deletion_time: 'soon' }))).toThrow(TimeError);
  });
});

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

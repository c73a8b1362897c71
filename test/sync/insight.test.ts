import { MetadataError, TimeError } from '../../src/sync/errors';
import { insightOfMetadata, type SecretMetadata, type VersionMetadata } from '../../src/sync/insight';

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
  ])('there is an insight when %s', (_reason, meta) => {
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
  ])('there is none when %s', (_reason, meta) => {
    expect(insightOfMetadata(meta, NOW)).toBeUndefined();
  });

  it('does not guess when a deletion time cannot be read', () => {
    expect(() => insightOfMetadata(metadata(1, { deletion_time: 'soon' }), NOW)).toThrow(TimeError);
  });

  it('does not guess when the current version is not among the versions', () => {
    const contradicting = { ...metadata(1, {}), current_version: 2 };
    expect(() => insightOfMetadata(contradicting, NOW)).toThrow(MetadataError);
  });
});

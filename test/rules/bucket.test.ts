import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  bucketId,
  hashBucket,
  parseBucket,
  serializeBucket,
  SyncInfoError,
  parseIndex,
  serializeIndex,
} from '../../src/rules/bucket';
import { insightOfMetadata, type Insight } from '../../src/rules/insight';
import { dataPathOf } from '../../src/rules/paths';
import { bucket, path } from './arbitrary';
import { syncInfoVectors } from './vectors';

const INSIGHT: Insight = { version: 2, updateTime: '2019-05-14T23:41:52.904927369Z', type: 'kvV2' };
const INSIGHT_JSON = '{"version":2,"updateTime":"2019-05-14T23:41:52.904927369Z","type":"kvV2"}';

describe.each(Object.entries(syncInfoVectors.syncInfo))(
  'serializeBucket, as the original with %s buckets,',
  (count, written) => {
    const numBuckets = Number(count);
    const buckets = Array.from({ length: numBuckets }, () => new Map<string, Insight>());
    for (const [metadataPath, meta] of Object.entries(syncInfoVectors.metadata)) {
      const insight = insightOfMetadata(meta, Date.now());
      const dataPath = dataPathOf(metadataPath);
      if (insight) buckets[bucketId(dataPath, numBuckets)]?.set(dataPath, insight);
    }

    it('writes the same index', () => {
      expect(serializeIndex(buckets.map(hashBucket))).toBe(written['origin/index']);
    });

    it.each([...buckets.keys()])('writes the same bucket %i', (id) => {
      expect(serializeBucket(buckets[id] ?? new Map())).toBe(written[`origin/${id}`]);
    });

    it.each([...buckets.keys()])('reads bucket %i, and computes its hash of the index', (id) => {
      const read = parseBucket(written[`origin/${id}`] ?? '');
      expect(read).toEqual(buckets[id]);
      expect(hashBucket(read)).toBe(parseIndex(written['origin/index'] ?? '')[id]);
    });
  },
);

describe('bucketId', () => {
  it('is the first two bytes of the sha256, big-endian, modulo the number of buckets', () => {
    // sha256('') begins with e3b0, which is 58288.
    expect([1, 19, 65_535].map((numBuckets) => bucketId('', numBuckets))).toEqual([0, 58288 % 19, 58288]);
  });

  it('is in range', () => {
    fc.assert(
      fc.property(path, fc.integer({ min: 1, max: 65_535 }), (path, numBuckets) => {
        const id = bucketId(path, numBuckets);
        expect(Number.isInteger(id) && id >= 0 && id < numBuckets).toBe(true);
      }),
    );
  });

  it.each([0, -1, 1.5, 65_536, NaN])('refuses %d buckets', (numBuckets) => {
    expect(() => bucketId('a', numBuckets)).toThrow(RangeError);
  });
});

describe('serializeBucket', () => {
  it.each([
    ['nothing', [], '{}'],
    ['what HTML would read', ['<a>&'], `{"\\u003ca\\u003e\\u0026":${INSIGHT_JSON}}`],
    ['line separators', ['a\u2028\u2029'], `{"a\\u2028\\u2029":${INSIGHT_JSON}}`],
    ['quotes and backslashes', ['"\\'], `{"\\"\\\\":${INSIGHT_JSON}}`],
    ['control characters', ['\u0001\t\u007f'], `{"\\u0001\\t\u007f":${INSIGHT_JSON}}`],
    [
      'bytewise order',
      ['🔑', '\uFF5A', 'b', 'a'],
      `{${['a', 'b', '\uFF5A', '🔑'].map((key) => `"${key}":${INSIGHT_JSON}`).join(',')}}`,
    ],
    ['numbers as keys', ['10', '9'], `{"10":${INSIGHT_JSON},"9":${INSIGHT_JSON}}`],
    ['half a surrogate pair, which UTF-8 cannot hold', ['a\uD83D'], `{"a\uFFFD":${INSIGHT_JSON}}`],
  ])('writes %s', (_reason, keys, expected) => {
    expect(serializeBucket(new Map(keys.map((key) => [key, INSIGHT])))).toBe(expected);
  });

  it('writes what parseBucket reads back, with the same hash', () => {
    fc.assert(
      fc.property(bucket, (bucket) => {
        const read = parseBucket(serializeBucket(bucket));
        expect(read).toEqual(bucket);
        expect(hashBucket(read)).toBe(hashBucket(bucket));
      }),
    );
  });
});

describe('hashBucket', () => {
  it('hashes an empty bucket as the original does', () => {
    const expected = '52133ddfcd583280388a8bbfb67a417b6b660f75bc63ec1b01beec811d4498ef';
    expect(hashBucket(new Map())).toBe(expected);
  });

  it('is the sha256 of what Go prints for the map, for any paths', () => {
    fc.assert(
      fc.property(bucket, (bucket) => {
        // Written down once more, and in another way: pairs of bytes, sorted by Buffer.
        const printed = [...bucket]
          .map(([path, { version, updateTime, type }]) => ({
            key: Buffer.from(path.replace(/\p{Surrogate}/gu, '\uFFFD')),
            value: Buffer.from(`{${version} ${updateTime} ${type}}`),
          }))
          .sort((a, b) => Buffer.compare(a.key, b.key))
          .map(({ key, value }) => Buffer.concat([key, Buffer.from(':'), value]));
        const hash = createHash('sha256').update('map[');
        printed.forEach((entry, position) => hash.update(position === 0 ? '' : ' ').update(entry));
        expect(hashBucket(bucket)).toBe(hash.update(']').digest('hex'));
      }),
    );
  });

  it('does not depend on the order of the secrets', () => {
    fc.assert(
      fc.property(bucket, (bucket) => {
        expect(hashBucket(new Map([...bucket].reverse()))).toBe(hashBucket(bucket));
      }),
    );
  });
});

describe('parseBucket', () => {
  it('keeps a secret with the name of a property that every object has', () => {
    const read = parseBucket(`{"__proto__":${INSIGHT_JSON},"constructor":${INSIGHT_JSON}}`);
    expect([...read]).toEqual([
      ['__proto__', INSIGHT],
      ['constructor', INSIGHT],
    ]);
  });

  it('reads half a surrogate pair as Go does', () => {
    expect([...parseBucket(`{"a\\ud83d":${INSIGHT_JSON}}`).keys()]).toEqual(['a\uFFFD']);
  });

  it('reads version 0, an unverified claim', () => {
    expect(parseBucket('{"a":{"version":0,"updateTime":"","type":"kvV2"}}').get('a')?.version).toBe(0);
  });

  it('ignores unknown fields of an insight', () => {
    expect(parseBucket(`{"a":${INSIGHT_JSON.replace('}', ',"more":1}')}}`)).toEqual(
      new Map([['a', INSIGHT]]),
    );
  });

  it.each([
    ['nothing', '', 'it is not JSON'],
    ['a cut-off value', '{"a":{"version":1', 'it is not JSON'],
    ['null', 'null', 'not an object'],
    ['an index', '["a"]', 'not an object'],
    ['a text', '"a"', 'not an object'],
    ['an insight that is no object', '{"a":1}', 'insight of "a": '],
    ['a missing version', '{"a":{"updateTime":"","type":"kvV2"}}', 'insight of "a": version: '],
    ['a fraction of a version', '{"a":{"version":1.5,"updateTime":"","type":"kvV2"}}', 'version: '],
    ['a negative version', '{"a":{"version":-1,"updateTime":"","type":"kvV2"}}', 'version: '],
    [
      'a version beyond exact numbers',
      '{"a":{"version":9007199254740993,"updateTime":"","type":"kvV2"}}',
      'version: ',
    ],
    ['a time that is no text', '{"a":{"version":1,"updateTime":1,"type":"kvV2"}}', 'updateTime: '],
    ['a missing type', '{"a":{"version":1,"updateTime":""}}', 'type: '],
  ])('refuses %s', (_reason, json, message) => {
    expect(() => parseBucket(json)).toThrow(SyncInfoError);
    expect(() => parseBucket(json)).toThrow(`not a valid bucket of sync info: `);
    expect(() => parseBucket(json)).toThrow(message);
  });
});

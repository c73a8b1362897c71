import fc from 'fast-check';
import type { Bucket } from '../../src/rules/bucket';
import { compareBuckets, type Differences } from '../../src/rules/compare';
import type { Insight } from '../../src/rules/insight';
import { bytewise } from '../../src/rules/paths';
import { bucket, smallBucket } from './arbitrary';

const NONE: Differences = { add: [], update: [], verify: [], delete: [] };

function insight(version: number, updateTime = '2019-05-14T23:41:52.5Z', type = 'kvV2'): Insight {
  return { version, updateTime, type };
}

const EARLIER = '2019-05-14T23:41:52.499999999Z';
const LATER = '2019-05-14T23:41:52.500000001Z';

describe('compareBuckets', () => {
  const rows: [
    reason: string,
    origin: Insight | undefined,
    destination: Insight | undefined,
    change: keyof Differences | 'nothing',
  ][] = [
    ['missing at the destination', insight(1), undefined, 'add'],
    ['missing at the origin', undefined, insight(1), 'delete'],
    ['equal', insight(2), insight(2), 'nothing'],
    ['type differs, whatever the version', insight(1), insight(5, LATER, 'kvV1'), 'update'],
    ['version greater, whatever the time', insight(3, EARLIER), insight(2), 'update'],
    ['created again: version lower, time later', insight(1, LATER), insight(7), 'update'],
    ['created again up to the same version', insight(7, LATER), insight(7), 'update'],
    ['restored snapshot: version lower, time earlier', insight(1, EARLIER), insight(7), 'verify'],
    ['version lower, time equal', insight(1), insight(7), 'verify'],
    ['lagging clock: version equal, time earlier', insight(7, EARLIER), insight(7), 'verify'],
    ['the same instant, written otherwise', insight(7, '2019-05-14T23:41:52.50Z'), insight(7), 'verify'],
    ['a time of the origin that cannot be read', insight(7, 'soon'), insight(7), 'verify'],
    ['a time of the destination that cannot be read', insight(7), insight(7, ''), 'verify'],
    ['a time that cannot be read, version greater', insight(8, 'soon'), insight(7), 'update'],
    ['an unfinished delete that the origin has', insight(1), insight(0), 'update'],
    ['an unfinished delete that the origin lacks', undefined, insight(0), 'delete'],
  ];

  it.each(rows)('%s', (_reason, origin, destination, change) => {
    const bucketOf = (insight?: Insight): Bucket => new Map(insight ? [['a', insight]] : []);
    const expected = change === 'nothing' ? NONE : { ...NONE, [change]: ['a'] };
    expect(compareBuckets(bucketOf(origin), bucketOf(destination))).toEqual(expected);
  });

  it('finds a deleted path also when as many were added', () => {
    const differences = compareBuckets(new Map([['new', insight(1)]]), new Map([['old', insight(1)]]));
    expect(differences).toEqual({ ...NONE, add: ['new'], delete: ['old'] });
  });

  it('finds nothing between a bucket and itself', () => {
    fc.assert(
      fc.property(bucket, (bucket) => {
        expect(compareBuckets(bucket, new Map(bucket))).toEqual(NONE);
      }),
    );
  });

  it('names all that makes the destination equal to the origin, once, in order', () => {
    fc.assert(
      fc.property(smallBucket, smallBucket, (origin, destination) => {
        const differences = compareBuckets(origin, destination);
        const result = new Map(destination);
        for (const path of [...differences.add, ...differences.update, ...differences.verify]) {
          const insight = origin.get(path);
          if (insight) result.set(path, insight);
        }
        for (const path of differences.delete) result.delete(path);
        expect(result).toEqual(new Map(origin));

        const lists = Object.values(differences) as string[][];
        expect(new Set(lists.flat()).size).toBe(lists.flat().length);
        for (const list of lists) expect(list).toEqual([...list].sort(bytewise));
      }),
      { numRuns: 1000 },
    );
  });
});

import fc from 'fast-check';
import type { Bucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';

/** Data paths, with the names that objects treat specially and those that JSON and UTF-8 encode specially. */
export const path: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '1',
    'secret/data/<a>&b',
    'secret/data/🔑',
    'a\u2028b',
  ),
  fc.string({ unit: 'binary' }),
  fc.string().map((rel) => `secret/data/${rel}`),
);

const time = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('Z', '+00:01'))
  .map(([nanos, zone]) => `2019-05-14T23:41:52.00000000${nanos}${zone}`);

/** Insights as an origin writes them, close to each other so that all relations occur. */
export const insight: fc.Arbitrary<Insight> = fc.record({
  version: fc.integer({ min: 1, max: 4 }),
  updateTime: fc.oneof({ weight: 5, arbitrary: time }, { weight: 1, arbitrary: fc.constantFrom('', 'soon') }),
  type: fc.oneof(
    { weight: 9, arbitrary: fc.constant('kvV2') },
    { weight: 1, arbitrary: fc.constant('kvV3') },
  ),
});

export const bucket: fc.Arbitrary<Bucket> = fc
  .array(fc.tuple(path, insight))
  .map((entries) => new Map(entries));

/** As {@link bucket}, from a handful of paths, so that two of them overlap. */
export const smallBucket: fc.Arbitrary<Bucket> = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', '🔑', '\uFF5A', '__proto__'), insight))
  .map((entries) => new Map(entries));

import fc from 'fast-check';
import { ClaimMover, SETTINGS_DOUBTS, type ClaimRules } from '../../src/rules/claims';
import type { SettingsBucket } from '../../src/rules/settings-bucket';
import { bucketId } from '../../src/rules/bucket';
import { DOUBTED_SETTINGS, differingSettings, doubtedSettings } from '../../src/rules/settings-plan';
import { path } from './arbitrary';

const hash = fc.constantFrom('a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64));
const claim = fc.oneof(hash, fc.constant(DOUBTED_SETTINGS));
const name: fc.Arbitrary<string> = fc.constantFrom('a', 'b', '🔑', '\uFF5A', '__proto__', 'constructor');
const bucketOf = (entry: fc.Arbitrary<string>): fc.Arbitrary<SettingsBucket> =>
  fc.array(fc.tuple(name, entry)).map((entries) => new Map(entries));

/** What a destination claims when it has applied all that was planned. */
function applied(
  origin: SettingsBucket,
  claims: SettingsBucket,
  paths: readonly string[],
): Map<string, string> {
  const after = new Map(claims);
  for (const each of paths) {
    const fingerprint = origin.get(each);
    if (fingerprint === undefined) after.delete(each);
    else after.set(each, fingerprint);
  }
  return after;
}

describe('settings that differ', () => {
  it('are none any more when they were applied, and nothing else was touched', () => {
    fc.assert(
      fc.property(bucketOf(hash), bucketOf(claim), fc.array(name), (origin, claims, copied) => {
        const isCopied = (each: string): boolean => copied.includes(each);
        const paths = differingSettings(origin, claims, isCopied);
        const after = applied(origin, claims, paths);
        expect(differingSettings(origin, after, isCopied)).toEqual([]);
        expect(paths.every(isCopied)).toBe(true);
        expect(new Set(paths).size).toBe(paths.length);
        for (const [each, fingerprint] of claims)
          if (!isCopied(each)) expect(after.get(each)).toBe(fingerprint);
        for (const each of copied) expect(after.get(each)).toBe(origin.get(each));
      }),
    );
  });

  it('are all that the origin has and all that is claimed, where no claim is believed', () => {
    fc.assert(
      fc.property(bucketOf(hash), fc.array(name), (origin, named) => {
        const differing = differingSettings(origin, doubtedSettings(named), () => true);
        expect(new Set(differing)).toEqual(new Set([...origin.keys(), ...named]));
      }),
    );
  });

  it('are sorted as Go sorts them', () => {
    const origin = new Map(['🔑', '\uFF5A', 'a'].map((each) => [each, 'a'.repeat(64)]));
    expect(differingSettings(origin, new Map(), () => true)).toEqual(['a', '\uFF5A', '🔑']);
  });
});

function moveSettingsClaims(
  buckets: { bucket: SettingsBucket; fits: boolean }[],
  rules: ClaimRules,
): ClaimMover<string> {
  const mover = new ClaimMover(rules, SETTINGS_DOUBTS);
  for (const { bucket, fits } of buckets) mover.add(bucket, fits);
  return mover;
}

describe('claims of settings that move', () => {
  const rules = {
    targetBefore: (each: string) => each,
    targetNow: (each: string) => each,
    isGone: () => false,
    doubtful: false,
    wants: () => true,
    isSame: () => false,
  };

  it('keep what they say in any number of buckets, and back again', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(path, claim), { selector: ([each]) => each }),
        fc.integer({ min: 1, max: 9 }),
        (entries, numBuckets) => {
          const { buckets } = moveSettingsClaims([{ bucket: new Map(entries), fits: true }], {
            ...rules,
            numBuckets,
          });
          for (const [each, said] of entries)
            expect(buckets[bucketId(each, numBuckets)]?.get(each)).toBe(said);
          const back = moveSettingsClaims(
            buckets.map((bucket) => ({ bucket, fits: true })),
            { ...rules, numBuckets: 1 },
          );
          expect(back.buckets[0]).toEqual(new Map(entries));
        },
      ),
    );
  });

  it('are in doubt if their bucket does not fit, or the origin is another, and dropped if their place is', () => {
    const bucket = new Map([
      ['s/data/a', 'a'.repeat(64)],
      ['s/data/b', 'b'.repeat(64)],
    ]);
    const moved = (changed: object, fits = true): ReadonlyMap<string, string> | undefined =>
      moveSettingsClaims([{ bucket, fits }], { ...rules, numBuckets: 1, ...changed }).buckets[0];
    expect(moved({}, false)).toEqual(doubtedSettings(bucket.keys()));
    expect(moved({ doubtful: true })).toEqual(doubtedSettings(bucket.keys()));
    expect([...(moved({ isGone: (target: string) => target.endsWith('a') })?.keys() ?? [])]).toEqual([
      's/data/b',
    ]);
    expect([...(moved({ targetNow: (each: string) => each.replace('b', 'c') })?.keys() ?? [])]).toEqual([
      's/data/a',
    ]);
  });
});

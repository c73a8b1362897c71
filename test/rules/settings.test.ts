import fc from 'fast-check';
import { SyncInfoError, bucketId, serializeEntries } from '../../src/rules/bucket';
import {
  differingSettings,
  UNVERIFIED_SETTINGS,
  unverifiedSettings,
  fingerprintOfSettings,
  hashSettingsBucket,
  parseSettingsBucket,
  type SettingsBucket,
  type SettingsMetadata,
  settingsOf,
} from '../../src/rules/settings';
import { path } from './arbitrary';
import { ClaimMover, type ClaimRules, SETTINGS_CLAIMS } from '../../src/rules/claims';

/** As Vault answers for a secret with default settings. */
const UNSET: SettingsMetadata = {
  custom_metadata: null,
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
};

const fingerprint = (metadata: Partial<SettingsMetadata>): string | undefined =>
  fingerprintOfSettings(settingsOf({ ...UNSET, ...metadata }));

describe('fingerprintOfSettings', () => {
  it('returns nothing for default settings', () => {
    expect(fingerprint({})).toBeUndefined();
    expect(fingerprint({ custom_metadata: {} })).toBeUndefined();
    expect(fingerprint({ delete_version_after: '0h0m0s' })).toBeUndefined();
  });

  it('returns the sha256 of the canonical JSON', () => {
    const metadata = { custom_metadata: { b: '1', a: '2', '10': 'x', '9': 'y' }, max_versions: 3 };
    // printf '{"cas_required":true,"custom_metadata":{"10":"x","9":"y","a":"2","b":"1"},"delete_version_after":"12319s","max_versions":3}' | sha256sum
    expect(fingerprint({ ...metadata, cas_required: true, delete_version_after: '3h25m19s' })).toBe(
      '16c054b624f9d0bfce1afcbb5022d5693867a098595d62fc4350300c31296e6a',
    );
  });

  it.each<[string, Partial<SettingsMetadata>]>([
    ['custom metadata', { custom_metadata: { a: '1' } }],
    ['another value of it', { custom_metadata: { a: '2' } }],
    ['another key of it', { custom_metadata: { b: '1' } }],
    ['a key that objects treat specially', { custom_metadata: JSON.parse('{"__proto__":"1"}') as never }],
    ['max_versions', { max_versions: 1 }],
    ['cas_required', { cas_required: true }],
    ['delete_version_after', { delete_version_after: '1h0m0s' }],
    ['another delete_version_after', { delete_version_after: '1h0m1s' }],
    ['what is no duration', { delete_version_after: '-1s' }],
  ])('returns a hash of its own for %s', (_what, metadata) => {
    const others = [{}, { max_versions: 2 }, { custom_metadata: { a: '1', b: '1' } }].map(fingerprint);
    expect(fingerprint(metadata)).toMatch(/^[0-9a-f]{64}$/);
    expect(others).not.toContain(fingerprint(metadata));
  });

  it('does not depend on the order of keys, or on the form of a duration', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([key]) => key });
    fc.assert(
      fc.property(entries, (list) => {
        const [one, other] = [list, [...list].reverse()].map((order) =>
          fingerprint({ custom_metadata: Object.fromEntries(order), max_versions: 1 }),
        );
        expect(one).toBe(other);
      }),
    );
    const [first, ...more] = ['1h30m0s', '90m', '5400s', '1.5h'].map((text) =>
      fingerprint({ delete_version_after: text }),
    );
    expect(more).toEqual([first, first, first]);
  });
});

describe('serializeEntries and parseSettingsBucket', () => {
  const PRINT = 'a'.repeat(64);

  it('write a JSON object, sorted by bytes', () => {
    const bucket = new Map(['🔑', '\uFF5A', '9', '10', 'a'].map((key) => [key, PRINT]));
    expect(serializeEntries(bucket)).toBe(
      `{${['10', '9', 'a', '\uFF5A', '🔑'].map((key) => `"${key}":"${PRINT}"`).join(',')}}`,
    );
    expect(serializeEntries(new Map())).toBe('{}');
  });

  it('read back what was written, with a hash that does not depend on the order', () => {
    const prints = fc.constantFrom(PRINT, 'b'.repeat(64));
    fc.assert(
      fc.property(fc.array(fc.tuple(path, prints)), (entries) => {
        const bucket = new Map(entries);
        const read = parseSettingsBucket(serializeEntries(bucket));
        expect(read).toEqual(bucket);
        expect(hashSettingsBucket(read)).toBe(hashSettingsBucket(new Map([...bucket].reverse())));
      }),
    );
  });

  it.each([
    ['nothing', '', 'it is not JSON'],
    ['an index', '["a"]', 'not an object'],
    ['null', 'null', 'not an object'],
    ['an insight', '{"a":{"version":1}}', 'fingerprint of "a": must be a sha256'],
    ['a short hash', '{"a":"ab"}', 'fingerprint of "a": must be a sha256'],
  ])('refuse %s', (_reason, json, message) => {
    expect(() => parseSettingsBucket(json)).toThrow(SyncInfoError);
    expect(() => parseSettingsBucket(json)).toThrow('not a valid settings bucket of sync info: ');
    expect(() => parseSettingsBucket(json)).toThrow(message);
  });
});

const hash = fc.constantFrom('a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64));
const claim = fc.oneof(hash, fc.constant(UNVERIFIED_SETTINGS));
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

describe('differingSettings', () => {
  it('returns nothing after its paths were applied, and leaves the others', () => {
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

  it('returns every path of the origin and of the claims if all claims are unverified', () => {
    fc.assert(
      fc.property(bucketOf(hash), fc.array(name), (origin, named) => {
        const differing = differingSettings(origin, unverifiedSettings(named), () => true);
        expect(new Set(differing)).toEqual(new Set([...origin.keys(), ...named]));
      }),
    );
  });

  it('sorts as Go does', () => {
    const origin = new Map(['🔑', '\uFF5A', 'a'].map((each) => [each, 'a'.repeat(64)]));
    expect(differingSettings(origin, new Map(), () => true)).toEqual(['a', '\uFF5A', '🔑']);
  });
});

function moveSettingsClaims(
  buckets: { bucket: SettingsBucket; fits: boolean }[],
  rules: ClaimRules,
): ClaimMover<string> {
  const mover = new ClaimMover(rules, SETTINGS_CLAIMS);
  for (const { bucket, fits } of buckets) mover.add(bucket, fits);
  return mover;
}

describe('ClaimMover, for settings,', () => {
  const rules = {
    targetBefore: (each: string) => each,
    targetNow: (each: string) => each,
    isGone: () => false,
    unverified: false,
    wants: () => true,
    isSame: () => false,
  };

  it('keeps every claim in any number of buckets, and back again', () => {
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

  it('unverifies claims of a torn bucket or another origin, and drops those of another place', () => {
    const bucket = new Map([
      ['s/data/a', 'a'.repeat(64)],
      ['s/data/b', 'b'.repeat(64)],
    ]);
    const moved = (changed: object, fits = true): ReadonlyMap<string, string> | undefined =>
      moveSettingsClaims([{ bucket, fits }], { ...rules, numBuckets: 1, ...changed }).buckets[0];
    expect(moved({}, false)).toEqual(unverifiedSettings(bucket.keys()));
    expect(moved({ unverified: true })).toEqual(unverifiedSettings(bucket.keys()));
    expect([...(moved({ isGone: (target: string) => target.endsWith('a') })?.keys() ?? [])]).toEqual([
      's/data/b',
    ]);
    expect([...(moved({ targetNow: (each: string) => each.replace('b', 'c') })?.keys() ?? [])]).toEqual([
      's/data/a',
    ]);
  });
});

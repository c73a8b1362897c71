import fc from 'fast-check';
import type { Bucket } from '../../src/rules/bucket';
import { compileFilter } from '../../src/rules/filter';
import type { Insight } from '../../src/rules/insight';
import {
  type BothSides,
  type BucketPlan,
  type BucketWork,
  type Neighbours,
  planBucket,
  workOfBucket,
} from '../../src/rules/plan';
import { Scope } from '../../src/rules/scope';
import { UNVERIFIED_SETTINGS } from '../../src/rules/settings';
import { compileTransforms } from '../../src/rules/transform';
import { bytewise } from '../../src/rules/paths';
import { bucket, smallBucket } from './arbitrary';

interface Rules {
  transforms?: { name: string; from: string; to: string }[];
  include?: string[];
  exclude?: string[];
  sameVault?: boolean;
}

function scopeOf({ transforms = [], include = [], exclude = [], sameVault = false }: Rules = {}): Scope {
  return new Scope({
    originMounts: ['s/'],
    destinationMounts: ['s/'],
    transformer: compileTransforms(transforms),
    originFilter: compileFilter({ include: [], exclude: [] }),
    filter: compileFilter({ include, exclude }),
    sharedMounts: new Map(sameVault ? [['s/', 's/']] : []),
  });
}

/** The neighbours where the whole origin is one bucket. */
function neighboursIn(origin: Bucket, scope: Scope): Neighbours {
  const sourcesOf = (target: string): string[] =>
    [...origin.keys()].filter((path) => scope.wants(path) && scope.target(path) === target);
  return { sourcesOf, others: (path) => sourcesOf(scope.target(path)).filter((other) => other !== path) };
}

const plan = (origin: Bucket, claims: Bucket, scope: Scope): BucketPlan =>
  planBucket(origin, claims, claims.keys(), scope, neighboursIn(origin, scope));

/** What the claims are when everything of a plan was done. */
function applied(
  made: BucketPlan,
  origin: Bucket,
  claims: Bucket,
  deleteExcluded: boolean,
): Map<string, Insight> {
  const after = new Map(claims);
  for (const path of [...made.add, ...made.update, ...made.verify])
    after.set(path, origin.get(path) as Insight);
  for (const path of [...made.gone, ...made.itself, ...(deleteExcluded ? made.unwanted : [])])
    after.delete(path);
  return after;
}

const bucketOf = (entries: Record<string, number>): Map<string, Insight> =>
  new Map(
    Object.entries(entries).map(([path, version]) => [
      path,
      { version, updateTime: `2026-01-01T00:00:0${version}Z`, type: 'kvV2' },
    ]),
  );

describe('planBucket', () => {
  const insight = fc.record({
    version: fc.integer({ min: 0, max: 4 }),
    updateTime: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00.5Z', 'no time'),
    type: fc.constantFrom('kvV2', 'other'),
  });
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c', '1'), { minLength: 1, maxLength: 3 })
    .map((parts) => `s/data/${parts.join('/')}`);
  const bucket = fc.array(fc.tuple(path, insight)).map((entries) => new Map(entries));
  const originBucket = fc
    .array(
      fc.tuple(
        path,
        insight.map((made) => ({ ...made, version: made.version + 1 })),
      ),
    )
    .map((entries) => new Map(entries));
  const rules = fc.record({
    exclude: fc.subarray(['s/a/**', 's/*/b', 's/1']),
    sameVault: fc.boolean(),
    transforms: fc.subarray([
      { name: 'flat', from: '^s/data/(?P<x>[abc])/(?P<y>.+)$', to: 's/data/y' },
      { name: 'moved', from: '^s/data/(?P<x>[abc])$', to: 't/data/x' },
    ]),
  });

  it('plans nothing after its plan was applied', () => {
    fc.assert(
      fc.property(originBucket, bucket, rules, fc.boolean(), (origin, claims, made, deleteExcluded) => {
        const scope = scopeOf(made);
        const first = plan(origin, claims, scope);
        const second = plan(origin, applied(first, origin, claims, deleteExcluded), scope);
        const kept = deleteExcluded ? [] : first.unwanted;
        const itself = first.itself.filter((one) => origin.has(one) && scope.wants(one));
        expect(second).toEqual({
          ...first,
          add: [],
          update: [],
          verify: [],
          gone: [],
          unwanted: kept,
          itself,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('never has a path in two lists, and never deletes what the origin has', () => {
    fc.assert(
      fc.property(originBucket, bucket, rules, (origin, claims, made) => {
        const { refused, ...lists } = plan(origin, claims, scopeOf(made));
        const all = [...Object.values(lists).flat(), ...refused.map(({ path: refusedPath }) => refusedPath)];
        expect(new Set(all).size).toBe(all.length);
        for (const gone of lists.gone) expect(origin.has(gone)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('writes no two secrets to one path', () => {
    fc.assert(
      fc.property(originBucket, bucket, rules, (origin, claims, made) => {
        const scope = scopeOf(made);
        const { add, update, verify } = plan(origin, claims, scope);
        const targets = [...add, ...update, ...verify].map((copied) => scope.target(copied));
        expect(new Set(targets).size).toBe(targets.length);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses both secrets of a collision, and names the other one', () => {
    const scope = scopeOf({
      transforms: [{ name: 'flat', from: '^s/data/[ab]/(?P<x>.+)$', to: 's/data/x' }],
    });
    const origin = bucketOf({ 's/data/a/x': 1, 's/data/b/x': 1, 's/data/b/y': 1 });
    expect(plan(origin, new Map(), scope)).toMatchObject({
      add: ['s/data/b/y'],
      refused: [
        { path: 's/data/a/x', why: 'collision', with: 's/data/b/x' },
        { path: 's/data/b/x', why: 'collision', with: 's/data/a/x' },
      ],
    });
  });

  it('allows the target of a secret that is left out', () => {
    const scope = scopeOf({
      exclude: ['s/a/**'],
      transforms: [{ name: 'flat', from: '^s/data/[ab]/(?P<x>.+)$', to: 's/data/x' }],
    });
    const origin = bucketOf({ 's/data/a/x': 1, 's/data/b/x': 1 });
    expect(plan(origin, new Map(), scope)).toMatchObject({ add: ['s/data/b/x'], refused: [] });
  });

  it('refuses a loop only where origin and destination are one Vault', () => {
    const transforms = [{ name: 'copy', from: '^s/data/(?P<x>[^/]+)$', to: 's/data/copy/x' }];
    const origin = bucketOf({ 's/data/a': 1 });
    expect(plan(origin, new Map(), scopeOf({ transforms })).add).toEqual(['s/data/a']);
    expect(plan(origin, new Map(), scopeOf({ transforms, sameVault: true })).refused).toEqual([
      { path: 's/data/a', why: 'loop', with: 's/data/copy/a' },
    ]);
    const excluded = scopeOf({ transforms, sameVault: true, exclude: ['s/copy/**'] });
    expect(plan(origin, new Map(), excluded).add).toEqual(['s/data/a']);
  });

  it('refuses a secret at the target of another one in the same Vault: it may be its copy', () => {
    const transforms = [
      { name: 'copy', from: '^s/data/(?P<x>[^/]+)$', to: 's/data/copy/x' },
      { name: 'on', from: '^s/data/copy/(?P<x>.+)$', to: 't/data/x' },
    ];
    const origin = bucketOf({ 's/data/a': 1, 's/data/copy/a': 1, 's/data/copy/b': 1 });
    expect(plan(origin, new Map(), scopeOf({ transforms, sameVault: true }))).toMatchObject({
      add: ['s/data/copy/b'],
      refused: [
        { path: 's/data/a', why: 'loop', with: 's/data/copy/a' },
        { path: 's/data/copy/a', why: 'loop', with: 's/data/a' },
      ],
    });
    const elsewhere = plan(origin, new Map(), scopeOf({ transforms }));
    expect(elsewhere).toMatchObject({ add: [...origin.keys()], refused: [] });
  });

  it('neither copies nor deletes a secret that is its own copy, and drops its claim', () => {
    const transforms = [{ name: 'copy', from: '^s/data/(?P<x>up[^/]*)$', to: 't/data/x' }];
    const scope = scopeOf({ transforms, sameVault: true, exclude: ['s/out*'] });
    const origin = bucketOf({ 's/data/a': 1, 's/data/out': 1, 's/data/up': 1 });
    const claims = bucketOf({ 's/data/a': 1, 's/data/gone': 1, 's/data/out': 1, 's/data/upgone': 1 });
    expect(plan(origin, claims, scope)).toEqual({
      add: ['s/data/up'],
      update: [],
      verify: [],
      refused: [],
      gone: ['s/data/upgone'],
      unwanted: [],
      itself: ['s/data/a', 's/data/gone', 's/data/out'],
    });
    expect(plan(origin, claims, scopeOf({ transforms })).itself).toEqual([]);
  });

  it('separates unwanted secrets from those that are gone', () => {
    const claims = bucketOf({ 's/data/a': 1, 's/data/b': 1 });
    expect(plan(bucketOf({ 's/data/a': 2 }), claims, scopeOf({ exclude: ['s/a'] }))).toMatchObject({
      update: [],
      gone: ['s/data/b'],
      unwanted: ['s/data/a'],
    });
  });
});

const NONE = { add: [], update: [], verify: [], gone: [] };

/** Without filters and transforms. */
function differencesOf(origin: Bucket, claims: Bucket): Pick<BucketPlan, keyof typeof NONE> {
  const { add, update, verify, gone } = plan(origin, claims, scopeOf());
  return { add, update, verify, gone };
}

function insight(version: number, updateTime = '2019-05-14T23:41:52.5Z', type = 'kvV2'): Insight {
  return { version, updateTime, type };
}

const EARLIER = '2019-05-14T23:41:52.499999999Z';
const LATER = '2019-05-14T23:41:52.500000001Z';

describe('planBucket, without rules,', () => {
  const rows: [
    reason: string,
    origin: Insight | undefined,
    destination: Insight | undefined,
    change: keyof typeof NONE | 'nothing',
  ][] = [
    ['missing at the destination', insight(1), undefined, 'add'],
    ['missing at the origin', undefined, insight(1), 'gone'],
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
    ['an unfinished delete that the origin lacks', undefined, insight(0), 'gone'],
  ];

  it.each(rows)('decides for a secret: %s', (_reason, origin, destination, change) => {
    const bucketOf = (insight?: Insight): Bucket => new Map(insight ? [['a', insight]] : []);
    const expected = change === 'nothing' ? NONE : { ...NONE, [change]: ['a'] };
    expect(differencesOf(bucketOf(origin), bucketOf(destination))).toEqual(expected);
  });

  it('finds a deleted path even if as many were added', () => {
    const differences = differencesOf(new Map([['new', insight(1)]]), new Map([['old', insight(1)]]));
    expect(differences).toEqual({ ...NONE, add: ['new'], gone: ['old'] });
  });

  it('finds nothing between a bucket and itself', () => {
    fc.assert(
      fc.property(bucket, (bucket) => {
        expect(differencesOf(bucket, new Map(bucket))).toEqual(NONE);
      }),
    );
  });

  it('returns everything that makes the destination equal to the origin, once, in order', () => {
    fc.assert(
      fc.property(smallBucket, smallBucket, (origin, destination) => {
        const differences = differencesOf(origin, destination);
        const result = new Map(destination);
        for (const path of [...differences.add, ...differences.update, ...differences.verify]) {
          const insight = origin.get(path);
          if (insight) result.set(path, insight);
        }
        for (const path of differences.gone) result.delete(path);
        expect(result).toEqual(new Map(origin));

        const lists = Object.values(differences);
        expect(new Set(lists.flat()).size).toBe(lists.flat().length);
        for (const list of lists) expect(list).toEqual([...list].sort(bytewise));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('workOfBucket', () => {
  const scope = scopeOf({ exclude: ['s/x/**'] });
  const origin = bucketOf({ 's/data/a': 1, 's/data/b': 2, 's/data/c': 2, 's/data/x/old': 1 });
  const claims = bucketOf({ 's/data/b': 1, 's/data/c': 2, 's/data/gone': 1, 's/data/x/old': 1 });
  const work = (
    change: Partial<BothSides> & {
      isTrusted?: boolean;
      deleteExcluded?: boolean;
      own?: BothSides['own'];
    } = {},
  ): BucketWork => {
    const { isTrusted = true, deleteExcluded = false, ...sides } = change;
    const own = { claims, names: claims, isTrusted };
    const rules = { scope, neighbours: neighboursIn(origin, scope), deleteExcluded };
    return workOfBucket({ origin, own, ...sides }, rules);
  };

  it('gives each value its reason', () => {
    expect([...work().values]).toEqual([
      ['s/data/a', 'new'],
      ['s/data/b', 'changed'],
    ]);
  });

  it('compares every claimed value of a bucket that is not trusted', () => {
    expect([...work({ isTrusted: false }).values]).toEqual([
      ['s/data/a', 'new'],
      ['s/data/b', 'untrusted'],
      ['s/data/c', 'untrusted'],
    ]);
  });

  it('compares what is unverified, created anew, not newer, or ended', () => {
    const at = (version: number, second: number): Insight => ({
      version,
      updateTime: `2026-01-01T00:00:0${second}Z`,
      type: 'kvV2',
    });
    const named = new Map([
      ['s/data/a', at(0, 1)],
      ['s/data/b', at(2, 1)],
      ['s/data/c', at(2, 3)],
    ]);
    const own = { claims: named, names: named, isTrusted: true };
    expect([...work({ own }).values]).toEqual([
      ['s/data/a', 'unverified'],
      ['s/data/b', 'recreated'],
      ['s/data/c', 'not-newer'],
    ]);
    const due = ['s/data/b', 's/data/c', 's/data/gone'];
    expect(work({ due }).values.get('s/data/c')).toBe('ended');
    expect(work({ due }).values.get('s/data/b')).toBe('changed');
    expect(work({ due }).endedOnly).toEqual(['s/data/gone']);
  });

  it('retains what a filter excludes, unless deleteExcluded is on', () => {
    expect(work()).toMatchObject({
      leaving: [{ path: 's/data/gone', unwanted: false }],
      excluded: ['s/data/x/old'],
    });
    expect(work({ deleteExcluded: true })).toMatchObject({
      leaving: [
        { path: 's/data/gone', unwanted: false },
        { path: 's/data/x/old', unwanted: true },
      ],
      excluded: [],
    });
  });

  it('copies the settings that differ, of secrets that are copied', () => {
    const settings = {
      origin: new Map([
        ['s/data/a', '1'],
        ['s/data/b', '1'],
        ['s/data/x/old', '1'],
      ]),
      claims: new Map([
        ['s/data/b', UNVERIFIED_SETTINGS],
        ['s/data/c', '1'],
        ['s/data/gone', '1'],
      ]),
    };
    expect([...work({ settings }).settings]).toEqual([
      ['s/data/a', 'changed'],
      ['s/data/b', 'unverified'],
      ['s/data/c', 'defaults'],
    ]);
    expect(work({ settings: { ...settings, origin: undefined } }).settings.size).toBe(0);
  });
});

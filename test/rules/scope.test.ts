import { compileFilter } from '../../src/rules/filter';
import { Scope, type ScopeRules } from '../../src/rules/scope';
import { compileTransforms } from '../../src/rules/transform';

const OPEN = compileFilter({ include: [], exclude: [] });

const SHARED = new Map([
  ['s/', 's/'],
  ['team/kv/', 'team/kv/'],
]);

function scope(rules: Partial<ScopeRules> = {}): Scope {
  return new Scope({
    originMounts: ['s/', 'team/kv/'],
    destinationMounts: ['d/', 'team/metadata-x/'],
    transformer: compileTransforms([{ name: 'x', from: '^s/data/(?P<rest>.+)$', to: 'd/data/rest' }]),
    originFilter: OPEN,
    filter: OPEN,
    sharedMounts: new Map(),
    ...rules,
  });
}

describe('Scope', () => {
  it('returns the place of a secret at both ends', () => {
    expect(scope().placeAtOrigin('s/data/a/b')).toEqual({ mount: 's/', rel: 'a/b' });
    expect(scope().placeAtDestination('s/data/a/b')).toEqual({ mount: 'd/', rel: 'a/b' });
    expect(scope().placeAtOrigin('gone/data/a')).toBeUndefined();
  });

  it.each([
    ['other/data/a', { mount: 'other/', rel: 'a' }],
    ['a/b/data/c/data/d', { mount: 'a/b/', rel: 'c/data/d' }],
    // The mount that is configured wins, also where its name has "/metadata" in it.
    ['team/data-x/metadata/a', { mount: 'team/metadata-x/', rel: 'a' }],
    ['no-data/a', undefined],
    ['other/data/', undefined],
    ['/data/a', undefined],
  ])('takes %s as %j', (target, place) => {
    const transformer = { transform: () => ({ path: target, by: 'x' }) };
    expect(scope({ transformer }).placeAtDestination('s/data/a')).toEqual(place);
  });

  it('passes paths to the filter as vault kv names them, even below mounts that are gone', () => {
    const filter = compileFilter({ include: ['s/in/**', 'team/kv/**', 'gone/in/**'], exclude: [] });
    const paths = ['s/data/in/a', 's/data/out', 'team/kv/data/x', 'gone/data/in/a', 'gone/data/out'];
    expect(paths.map((path) => scope({ filter }).wants(path))).toEqual([true, false, true, true, false]);
  });

  it('recognizes a secret that would be copied onto itself, and a loop', () => {
    const transformer = compileTransforms([
      { name: 'c', from: '^s/data/(?P<x>[^/]+)$', to: 's/data/copy/x' },
    ]);
    const one = scope({ transformer, sharedMounts: SHARED });
    expect([one.isItself('s/data/a/b'), one.isItself('s/data/a')]).toEqual([true, false]);
    expect([one.feedsItself('s/data/a/b'), one.feedsItself('s/data/a')]).toEqual([false, true]);
    expect(scope({ transformer }).feedsItself('s/data/a')).toBe(false);
    for (const where of ['originFilter', 'filter'] as const) {
      const filter = compileFilter({ include: [], exclude: ['s/copy/'] });
      expect(scope({ transformer, sharedMounts: SHARED, [where]: filter }).feedsItself('s/data/a')).toBe(
        false,
      );
    }
  });

  it('compares places and not names: an engine may have different names at both ends', () => {
    // The origin looks from the root, the destination from the namespace A.
    const one = scope({
      originMounts: ['A/s/', 'd/'],
      destinationMounts: ['s/'],
      transformer: compileTransforms([
        { name: 'x', from: '^(?P<ns>A)/s/data/(?P<rest>.+)$', to: 's/data/rest' },
      ]),
      sharedMounts: new Map([['s/', 'A/s/']]),
    });
    expect([one.target('A/s/data/x'), one.isItself('A/s/data/x')]).toEqual(['s/data/x', true]);
    expect(one.isItself('d/data/x')).toBe(false);
    expect([one.isOfOrigin('s/data/y'), one.isOfOrigin('d/data/y')]).toEqual([true, false]);
    expect(one.namesAtDestination('A/s/data/x')).toEqual(['s/data/x']);
    expect(one.namesAtDestination('d/data/x')).toEqual([]);

    const deeper = scope({
      originMounts: ['A/s/'],
      destinationMounts: ['s/'],
      transformer: compileTransforms([
        { name: 'x', from: '^(?P<ns>A)/s/data/(?P<rest>.+)$', to: 's/data/copy/rest' },
      ]),
      sharedMounts: new Map([['s/', 'A/s/']]),
    });
    expect([deeper.isItself('A/s/data/x'), deeper.feedsItself('A/s/data/x')]).toEqual([false, true]);
  });

  it('treats two engines of one name as two places', () => {
    // Namespaces behind gateways that name them: the cluster and all names are the same, the engines are not.
    const transformer = compileTransforms([]);
    const two = scope({ transformer, sharedMounts: new Map() });
    expect([two.isItself('s/data/x'), two.isToBeCopied('s/data/x')]).toEqual([false, true]);
    const one = scope({ transformer, sharedMounts: SHARED });
    expect([one.isItself('s/data/x'), one.isToBeCopied('s/data/x')]).toEqual([true, false]);
  });
});

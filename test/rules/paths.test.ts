import fc from 'fast-check';
import {
  cleanPath,
  bytewise,
  dataPath,
  dataPathOf,
  locate,
  metadataPath,
  wellFormed,
} from '../../src/rules/paths';

describe('dataPath', () => {
  it.each([
    ['a plain mount', 'secret/', 'a/b', 'secret/data/a/b'],
    ['a mount of two segments', 'team/kv/', 'a', 'team/kv/data/a'],
    ['a secret called metadata', 'secret/', 'metadata/metadata', 'secret/data/metadata/metadata'],
    ['a mount called metadata: its name is not behind a "/"', 'metadata/', 'a', 'metadata/data/a'],
    ['the first "/metadata" counts, also in the mount', 'team/metadata/', 'a', 'team/data/metadata/a'],
    ['it need not end there', 'team/metadata-x/', 'a', 'team/data-x/metadata/a'],
    ['characters that a replacement text could misread', 'secret/', "$&/$'", "secret/data/$&/$'"],
  ])('replaces the first "/metadata" of %s', (_reason, mount, rel, expected) => {
    expect(dataPath(mount, rel)).toBe(expected);
    expect(dataPathOf(metadataPath(mount, rel))).toBe(expected);
    expect(locate(expected, [mount])).toEqual({ mount, rel });
  });

  it('keeps a path without "/metadata"', () => {
    expect(dataPathOf('secret/data/a')).toBe('secret/data/a');
  });
});

describe('locate', () => {
  it.each([
    ['no mounts', 'secret/data/a', [], undefined],
    ['another mount', 'kv/data/a', ['secret/'], undefined],
    ['a mount whose name only begins alike', 'secret2/data/a', ['secret/'], undefined],
    ['a metadata path is none', 'secret/metadata/a', ['secret/'], undefined],
    ['a leading slash is another path', '/secret/data/a', ['secret/'], undefined],
    ['the longest mount wins', 'a/data/b/data/c', ['a/', 'a/data/b/'], { mount: 'a/data/b/', rel: 'c' }],
    ['in any order', 'a/data/b/data/c', ['a/data/b/', 'a/'], { mount: 'a/data/b/', rel: 'c' }],
    ['the mount itself', 'secret/data/', ['secret/'], { mount: 'secret/', rel: '' }],
  ])('finds the mount of %s', (_reason, path, mounts, expected) => {
    expect(locate(path, mounts)).toEqual(expected);
  });

  it('reverses dataPath', () => {
    const segment = fc.oneof(
      fc.constantFrom('metadata', 'data', 'metadata-x', '🔑'),
      fc.string({ minLength: 1 }),
    );
    const name = fc.array(segment, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(name, name, (mountSegments, relSegments) => {
        const location = { mount: `${mountSegments.join('/')}/`, rel: relSegments.join('/') };
        expect(locate(dataPath(location.mount, location.rel), [location.mount])).toEqual(location);
      }),
    );
  });
});

describe('bytewise', () => {
  const text = fc.string({
    unit: fc.constantFrom(
      'a',
      'é',
      '/',
      '\uD83D',
      '\uDD11',
      '🔑',
      '\uE000',
      '\uFFFD',
      '\uFF5A',
      '\u{10FFFF}',
    ),
  });

  it('puts characters beyond U+FFFF last, unlike JavaScript', () => {
    expect(['🔑', '\uFF5A'].sort(bytewise)).toEqual(['\uFF5A', '🔑']);
    expect(['🔑', '\uFF5A'].sort()).toEqual(['🔑', '\uFF5A']);
  });

  it('sorts in the order of the bytes in UTF-8', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), fc.oneof(text, fc.string()), (a, b) => {
        expect(Math.sign(bytewise(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
  });

  it('sorts as Buffer.compare does', () => {
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const bytes = texts.map((t) => Buffer.from(t)).sort((a, b) => Buffer.compare(a, b));
        expect([...texts].sort(bytewise).map((t) => Buffer.from(t))).toEqual(bytes);
      }),
    );
  });
});

describe('wellFormed', () => {
  it('changes a text as a round trip through UTF-8 does', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '\uD83D', '\uDD11', '🔑') }), (text) => {
        expect(wellFormed(text)).toBe(Buffer.from(text).toString());
      }),
    );
  });
});

describe('cleanPath', () => {
  it.each([
    ['a/b', 'a/b'],
    ['/a/b/', 'a/b'],
    ['a//b', 'a/b'],
    ['./a/./b/.', 'a/b'],
    ['a/x/../b', 'a/b'],
    ['a/..', ''],
    ['../a', 'a'],
    ['a/..b/b.', 'a/..b/b.'],
    ['', ''],
  ])('cleans "%s" to "%s", as Go\'s path.Join does', (path, cleaned) => {
    expect(cleanPath(path)).toBe(cleaned);
  });
});

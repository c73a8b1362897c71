import { TransformError, compileTransforms, IDENTITY, renameGroups } from '../../src/rules/transform';
import { cleanPath } from '../../src/rules/paths';
import { transformVectors } from './vectors';

const RUNNER = {
  name: 'runner',
  from: '(?P<mount>secret)/(?P<meta>((meta)?data))?/(?P<platform>runner)/(?P<env>(dev|test|stage|prod))?/?(?P<app>\\w+)?/?',
  to: 'platform/meta/env/app/secrets',
};

describe.each(transformVectors)(
  'compileTransforms, as the original, with $transforms',
  ({ transforms, paths }) => {
    const transformer = compileTransforms(transforms);

    it.each(Object.entries(paths))('maps %s to %s', (before, after) => {
      // The vectors come from its transformer; the client that it gives the path to cleans it (path.Join of Go).
      const sent = after === before ? after : cleanPath(after);
      expect(transformer.transform(before).path).toBe(sent);
    });
  },
);

describe('compileTransforms', () => {
  it.each([
    [
      'a transform that matches',
      'secret/metadata/runner/stage/myapp',
      'runner/metadata/stage/myapp/secrets',
      'runner',
    ],
    [
      'it is searched, not matched as a whole',
      '/secret/metadata/runner/stage/myapp/',
      'runner/metadata/stage/myapp/secrets',
      'runner',
    ],
    ['one group is empty', '/secret/metadata/runner/stage/', '/secret/metadata/runner/stage/', IDENTITY],
  ])('returns the name of the transform: %s', (_reason, before, path, by) => {
    expect(compileTransforms([RUNNER]).transform(before)).toEqual({ path, by });
  });

  it.each([
    ['first match wins', ['(?P<p>a.*)', 'x/p', '(?P<p>.+)', 'y/p'], 'ab', 'x/ab'],
    ['the next one if the first does not match', ['(?P<p>b.*)', 'x/p', '(?P<p>.+)', 'y/p'], 'ac', 'y/ac'],
    ['a group that took no part is empty', ['(?P<a>x)|(?P<b>y)', 'a/b'], 'x', 'x'],
    ['a named group that matched the empty text', ['(?P<a>x*)b', 'a'], 'b', 'b'],
    ['a group without a name may be empty', ['(?P<a>x)(y)?', 'a/1'], 'x', 'x/1'],
    ['a segment counts only as a whole', ['(?P<app>x)', 'my-app/app'], 'x', 'my-app/x'],
    [
      'repeated slashes collapse, also those from a group',
      ['k(?P<p>.*)', '/kv//data/p/'],
      'k//a///b',
      'kv/data/a/b',
    ],
    ['the path is cleaned', ['k/(?P<p>.*)', './kv/x/../data/./p/'], 'k/a', 'kv/data/a'],
    ['a segment of three dots stays', ['k/(?P<p>.*)', 'kv/.../.p/p'], 'k/a', 'kv/.../.p/a'],
    ['a matched "$&" is no replacement text', ['k/(?P<p>.*)', 'p/p'], 'k/$&$1', '$&$1/$&$1'],
    ['of two groups with one name the later counts', ['(?P<a>x)/(?P<a>y)', 'kv/a'], 'x/y', 'kv/y'],
    ['and only it has to be non-empty', ['(?P<a>x)?/(?P<a>y)', 'kv/a'], '/y', 'kv/y'],
    ['the later of two alternatives', ['(?P<a>x)|(?P<a>y)', 'kv/a'], 'x', 'x'],
    [
      'groups named as properties of every object',
      ['(?P<constructor>x)(?P<__proto__>y)', '__proto__/constructor'],
      'xy',
      'y/x',
    ],
    ['the dot takes a character beyond U+FFFF whole', ['^(?P<a>.)(?P<b>.)$', 'b/a'], '🔑鍵', '鍵/🔑'],
    ['\\w is ASCII only', ['(?P<a>\\w+)', 'a'], 'éa', 'a'],
    ['a class of Unicode', ['(?P<a>\\p{Greek}+)', 'kv/a'], 'xαβ', 'kv/αβ'],
    ['flags', ['(?i)(?P<a>key)', 'kv/a'], 'KEY', 'kv/KEY'],
  ])('maps a path: %s', (_reason, rules, before, after) => {
    const pairs = rules.length === 2 ? [rules] : [rules.slice(0, 2), rules.slice(2)];
    const transformer = compileTransforms(pairs.map(([from = '', to = '']) => ({ name: 't', from, to })));
    expect(transformer.transform(before).path).toBe(after);
  });

  it('never backtracks', () => {
    const transformer = compileTransforms([{ name: 't', from: '^(?P<a>(x+x+)+)y$', to: 'a' }]);
    expect(transformer.transform('x'.repeat(10_000)).by).toBe(IDENTITY);
  });

  it.each([
    ['an unfinished group', '(?P<a>x', 'missing closing )'],
    ['look-ahead, which RE2 has not', '(?P<a>x)(?=y)', '(?='],
    ['a back reference, which RE2 has not', '(?P<a>x)\\1', '\\1'],
    ['an unknown class', '\\p{Foo}', '\\p{Foo}'],
    ['an error and a doubled name', '(?P<a>x)(?P<a>y)(', 'missing closing )'],
  ])('refuses %s, naming the transform', (_reason, from, message) => {
    const compile = (): unknown => compileTransforms([RUNNER, { name: 'v1->v2', from, to: 'a' }]);
    expect(compile).toThrow(TransformError);
    expect(compile).toThrow('transform "v1->v2" (number 2): "from" ');
    expect(compile).toThrow(message);
  });
});

describe('renameGroups', () => {
  it.each([
    ['both spellings', '(?P<a>x)(?<b>y)', '(?P<group1>x)(?P<group2>y)', ['a', 'b']],
    ['an escaped parenthesis', '\\(?P<a>(?P<b>x)', '\\(?P<a>(?P<group1>x)', ['b']],
    ['an escaped backslash', '\\\\(?P<a>x)', '\\\\(?P<group1>x)', ['a']],
    ['quoted text', '\\Q(?P<a>\\E(?P<b>x)', '\\Q(?P<a>\\E(?P<group1>x)', ['b']],
    ['quoted text up to the end', '(?P<b>x)\\Q(?P<a>', '(?P<group1>x)\\Q(?P<a>', ['b']],
    ['a class', '[(?P<a>](?P<b>x)', '[(?P<a>](?P<group1>x)', ['b']],
    [
      'a class that begins with its end',
      '[]^(?P<a>][^](?P<a>](?P<b>x)',
      '[]^(?P<a>][^](?P<a>](?P<group1>x)',
      ['b'],
    ],
    ['a named class', '[[:alpha:](?P<a>](?P<b>x)', '[[:alpha:](?P<a>](?P<group1>x)', ['b']],
    ['an escaped end of a class', '[\\](?P<a>](?P<b>x)', '[\\](?P<a>](?P<group1>x)', ['b']],
  ])('keeps text that only looks like a group: %s', (_reason, source, expected, names) => {
    const renamed = renameGroups(source);
    expect(renamed.source).toBe(expected);
    expect([...renamed.names.values()]).toEqual(names);
  });
});

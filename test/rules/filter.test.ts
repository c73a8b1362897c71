import fc from 'fast-check';
import { compileFilter } from '../../src/rules/filter';

const allowed = (include: string[], exclude: string[], path: string): boolean =>
  compileFilter({ include, exclude }).allows(path);

describe('compileFilter', () => {
  it.each([
    ['secret/team/**', 'secret/team/a/b', true],
    ['secret/team/**', 'secret/team', false],
    ['secret/team/', 'secret/team/a', true],
    ['secret/*', 'secret/a', true],
    ['secret/*', 'secret/a/b', false],
    ['secret/**/db', 'secret/db', true],
    ['secret/**/db', 'secret/a/b/db', true],
    ['**/db', 'secret/a/db', true],
    ['secret/{a,b}/**', 'secret/b/x', true],
    ['secret/{a,b}/**', 'secret/c/x', false],
    ['secret/[ab]x', 'secret/bx', true],
    ['secret/?', 'secret/🔑', true],
    ['secret/.hid*', 'secret/.hidden', true],
    ['secret/**', 'secret/a\nb', true],
    ['secret/**', 'secret/.x/..y', true],
    ['secret/a(b)+c', 'secret/a(b)+c', true],
    ['secret/[ab]+x', 'secret/a+x', true],
    ['secret/[ab]+x', 'secret/aax', false],
    ['secret/[^a]', 'secret/b', true],
    ['secret/?(a)|$', 'secret/x(a)|$', true],
    ['!secret/a', 'secret/b', false],
    ['secret/\\*', 'secret/*', true],
    ['secret/\\*', 'secret/a', false],
    ['Secret/a', 'secret/a', false],
  ])('allows with include %j the path %j: %j', (glob, path, expected) => {
    expect(allowed([glob], [], path)).toBe(expected);
    expect(allowed([], [glob], path)).toBe(!expected);
  });

  it('allows everything without rules, and prefers exclude to include', () => {
    expect(compileFilter({ include: [], exclude: [] }).restricts).toBe(false);
    expect(allowed([], [], 'secret/a')).toBe(true);
    expect(allowed(['secret/**'], ['secret/team/**'], 'secret/team/a')).toBe(false);
    expect(allowed(['secret/**'], ['secret/team/**'], 'secret/b')).toBe(true);
  });

  it.each([
    [['secret/team/**'], [], 'secret/', true],
    [['secret/team/**'], [], 'secret/team/', true],
    [['secret/team/**'], [], 'secret/team/a/', true],
    [['secret/team/**'], [], 'secret/other/', false],
    [['secret/te*/x'], [], 'secret/other/', true],
    [['**/db'], [], 'secret/other/', true],
    [[], ['secret/team/**'], 'secret/team/', false],
    [[], ['secret/team/**'], 'secret/', true],
    [[], ['secret/*/tmp/'], 'secret/team/tmp/', false],
    [[], ['secret/team/*'], 'secret/team/', true],
    [[], ['**'], 'secret/', true],
  ])(
    'decides with include %j and exclude %j whether %j may contain a secret: %j',
    (include, exclude, folder, expected) => {
      expect(compileFilter({ include, exclude }).mayHold(folder)).toBe(expected);
    },
  );

  it.each([
    [[], [], ['secret/']],
    [['secret/team/**'], [], ['secret/team/']],
    [['secret/team/a/**', 'secret/team/*', 'secret/team/a/b'], [], ['secret/team/']],
    [['secret/b/x', 'secret/a/*/y'], [], ['secret/b/', 'secret/a/']],
    [['secret/a/x', 'secret/*/y'], [], ['secret/']],
    [['**/db'], [], ['secret/']],
    [['other/**'], [], []],
    [['secret/a/**', 'secret/b/**'], ['secret/b/'], ['secret/a/']],
    [[], ['secret/**'], []],
  ])('starts the walk of secret/ with include %j and exclude %j in %j', (include, exclude, folders) => {
    expect(compileFilter({ include, exclude }).startsOf('secret/')).toEqual(folders);
  });

  it('never skips a folder with an allowed secret', () => {
    const part = fc.constantFrom('a', 'b', 'c', '.d');
    const globPart = fc.constantFrom('a', 'b', '*', '**', 'a*', '{a,b}', '?', '[ab]', '');
    const glob = fc.array(globPart, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const rules = fc.array(
      glob.filter((text) => text !== ''),
      { maxLength: 2 },
    );
    fc.assert(
      fc.property(rules, rules, fc.array(part, { minLength: 2, maxLength: 5 }), (include, exclude, parts) => {
        const filter = compileFilter({ include, exclude });
        if (!filter.allows(parts.join('/'))) return;
        for (let depth = 1; depth < parts.length; depth++)
          expect(filter.mayHold(`${parts.slice(0, depth).join('/')}/`)).toBe(true);
        const starts = filter.startsOf(`${parts[0] ?? ''}/`);
        expect(starts.filter((folder) => parts.join('/').startsWith(folder))).toHaveLength(1);
      }),
      { numRuns: 3000 },
    );
  });
});

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** docs/guarantees.md names the test that shows each promise: here it is made sure that they exist. */

const ROOT = path.join(__dirname, '..');
const PAGE = readFileSync(path.join(ROOT, 'docs', 'guarantees.md'), 'utf8');

/** `[file](../test/file): ` and the title as code, once or more in a line. */
const NAMED = /\[([^\]]+\.test\.ts)\]\(\.\.\/test\/([^)]+)\): `([^`]+)`/g;
const named = [...PAGE.matchAll(NAMED)].map(([, shown = '', file = '', title = '']) => ({
  shown,
  file,
  title,
}));

/** Titles of a test file as they stand in its source, those of tables before their words are put in. */
function titlesOf(source: string): Set<string> {
  const calls =
    /(?:\b(?:test|it)(?:\.concurrent)?|\))\(\s*('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`)\s*,/g;
  return new Set(
    [...source.matchAll(calls)].map(([, text = '']) => text.slice(1, -1).replace(/\\(.)/g, '$1')),
  );
}

describe('docs/guarantees.md', () => {
  it.each(named.map(({ file, title }) => [title, file]))(
    'names a test that exists: %s (%s)',
    (title, file) => {
      const whole = path.join(ROOT, 'test', file);
      expect(existsSync(whole)).toBe(true);
      expect([...titlesOf(readFileSync(whole, 'utf8'))]).toContain(title);
    },
  );

  it('names each test in the form that is looked for, and by the path that it has', () => {
    expect(named.length).toBeGreaterThan(50);
    expect(PAGE.match(/\.test\.ts\)/g)).toHaveLength(named.length);
    expect(named.filter(({ shown, file }) => shown !== file)).toEqual([]);
  });

  it('has a test for each promise', () => {
    const sections = PAGE.split(/^## /m).slice(1);
    const promises = sections.filter((section) => !section.startsWith('What is not promised'));
    expect(promises).toHaveLength(sections.length - 1);
    expect(promises.filter((section) => !section.includes('.test.ts)'))).toEqual([]);
  });

  it('names each of the twelve failures', () => {
    const numbers = named.flatMap(({ title }) => /^(\d+)\. /.exec(title)?.[1] ?? []);
    expect(new Set(numbers.map(Number))).toEqual(new Set(Array.from({ length: 12 }, (_, at) => at + 1)));
  });
});

describe('titlesOf', () => {
  it('finds titles of tests and of tables', () => {
    const source = `test('a', f); it.each(rows)('b %s', f); test.each([\n['not this', 1],\n])(\n  "c's", f);`;
    expect([...titlesOf(source)]).toEqual(['a', 'b %s', "c's"]);
  });
});

import { normalNamespace, prefixBetween, storedNamespace } from '../../src/rules/namespace';

test.each([
  ['', ''],
  ['/', ''],
  ['root', ''],
  ['root/', ''],
  ['/root', ''],
  ['ns', 'ns'],
  ['ns/', 'ns'],
  ['/ns', 'ns'],
  ['a/b', 'a/b'],
  ['/a//b/', 'a/b'],
  // Another namespace than the root: names are compared as they stand, and "root" is one only by itself.
  ['Root', 'Root'],
  ['a/root', 'a/root'],
])('normalNamespace returns one form for all spellings of a namespace: "%s"', (spelling, value) => {
  expect(normalNamespace(spelling)).toEqual({ value });
  expect(storedNamespace(spelling)).toBe(value);
});

test('normalNamespace refuses spellings that a server would resolve to another namespace', () => {
  for (const spelling of ['a/../b', './a']) expect(normalNamespace(spelling)).toHaveProperty('problem');
});

test.each([
  ['', '', ''],
  ['', 'a/b', 'a/b/'],
  ['a', 'a/b', 'b/'],
  ['a/b', 'a/b', ''],
  ['a', 'ab', undefined],
  ['a/b', 'a', undefined],
  ['a', '', undefined],
])('prefixBetween returns the path from "%s" to "%s"', (outer, inner, prefix) => {
  expect(prefixBetween(outer, inner)).toBe(prefix);
});

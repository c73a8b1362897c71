import { normalNamespace, prefixBetween, storedNamespace } from '../../src/vault/namespace';

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
])('normalNamespace gives one form to all spellings of a place: "%s"', (spelling, value) => {
  expect(normalNamespace(spelling)).toEqual({ value });
  expect(storedNamespace(spelling)).toBe(value);
});

test('normalNamespace refuses what a server would take for another namespace', () => {
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
])('prefixBetween tells how "%s" names what is in "%s"', (outer, inner, prefix) => {
  expect(prefixBetween(outer, inner)).toBe(prefix);
});

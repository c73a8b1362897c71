import fc from 'fast-check';
import { jsonText, sameValue } from '../../src/vault/json';

const parsed = (text: string): unknown => JSON.parse(text) as unknown;
/** As deep as Go's parser goes, which both servers use. */
const DEPTH = 9_990;
const DEEP = {
  arrays: `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`,
  objects: `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
};

/** Values of JSON with what is rare in them: -0, keys of every kind. */
const anyValue = fc
  .jsonValue({ noUnicodeString: false })
  .chain((value) =>
    fc.constantFrom(value, [value, -0], { '': value, '1': -0, ['__proto__']: 1, b: [-0, 0] }),
  );

describe('jsonText', () => {
  test('keeps the sign of 0 anywhere', () => {
    expect(jsonText({ a: -0, b: [0, -0, { c: -0 }], d: '-0' })).toBe('{"a":-0,"b":[0,-0,{"c":-0}],"d":"-0"}');
    expect(jsonText(-0)).toBe('-0');
  });

  test('keeps keys that are special in JavaScript', () => {
    const text = '{"1":-0,"":1,"__proto__":{"x":-0},"constructor":2,"toJSON":3}';
    expect(jsonText(parsed(text))).toBe(text);
  });

  test('equals JSON.stringify for every value without -0', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const usual = parsed(JSON.stringify(value));
        expect(jsonText(usual)).toBe(JSON.stringify(usual));
      }),
    );
  });

  test('round-trips every value', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const back = parsed(jsonText(value));
        expect(sameValue(back, value)).toBe(true);
        expect(jsonText(back)).toBe(jsonText(value));
      }),
    );
  });

  test.each(Object.entries(DEEP))('accepts values as deep as a server accepts: %s', (_what, text) => {
    expect(jsonText(parsed(text)) === text).toBe(true);
  });
});

describe('sameValue', () => {
  test.each([
    ['the sign of 0', '{"a":0}', '{"a":-0}'],
    ['a number and its text', '{"a":1}', '{"a":"1"}'],
    ['null and nothing', '{"a":null}', '{}'],
    ['the case of a key', '{"a":1}', '{"A":1}'],
    ['a key that is named __proto__', '{"__proto__":{"a":1}}', '{}'],
    ['the order in an array', '[1,2]', '[2,1]'],
    ['an array and an object', '{"a":[]}', '{"a":{}}'],
  ])('distinguishes %s', (_what, a, b) => {
    expect(sameValue(parsed(a), parsed(b))).toBe(false);
    expect(sameValue(parsed(a), parsed(a))).toBe(true);
  });

  test.each([
    ['the order of keys', '{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['how a number is written', '{"a":1e2,"b":-0.0}', '{"a":100,"b":-0}'],
  ])('ignores %s', (_what, a, b) => {
    expect(sameValue(parsed(a), parsed(b))).toBe(true);
  });

  test.each(Object.entries(DEEP))('accepts values as deep as a server accepts: %s', (_what, text) => {
    expect(sameValue(parsed(text), parsed(text))).toBe(true);
    const other = text.includes('1') ? text.replace('1', '-0') : text.replace('[]', '[0]');
    expect(sameValue(parsed(text), parsed(other))).toBe(false);
  });

  test('ignores the order of keys in a deep value', () => {
    const deep = (inner: string): unknown => parsed(DEEP.objects.replace('1', inner));
    expect(sameValue(deep('{"b":1,"c":2}'), deep('{"c":2,"b":1}'))).toBe(true);
  });
});

import fc from 'fast-check';
import { DurationError, formatDuration, parseDuration } from '../../src/rules/duration';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1h2m3s4ms', 3_723_004],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['5.s', 5_000],
    ['1.005s', 1_005],
    ['100ms', 100],
    ['1500us', 1.5],
    ['1\u00B5s', 0.001],
    ['1\u03BCs', 0.001],
    ['1ns', 0.000001],
    ['0.9ns', 0],
    ['30s1m', 90_000],
    ['1s1s', 2_000],
    ['9223372036s', 9_223_372_036_000],
  ])('reads %s as %d ms, as Go does', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    ['', 'is empty'],
    ['-1s', 'has a "-"'],
    ['10', 'has no unit; the original vsync reads nanoseconds, that is 0.00001ms'],
    ['1.5', 'has no unit; the original vsync reads nanoseconds, that is 0.0000015ms'],
    ['10000000000', 'has no unit; the original vsync reads nanoseconds, that is 10s'],
    ['+', 'is empty'],
    ['s', 'is not a duration'],
    ['.s', 'is not a duration'],
    ['1d', 'is not a duration'],
    ['1 s', 'is not a duration'],
    ['1s ', 'is not a duration'],
    ['1S', 'is not a duration'],
    ['1e3s', 'is not a duration'],
    ['1..5s', 'is not a duration'],
    ['1m-30s', 'is not a duration'],
    ['1s10', 'is not a duration'],
    ['9223372037s', 'is too long'],
    ['99999999999999999999h', 'is too long'],
  ])('refuses "%s": %s', (text, problem) => {
    expect(() => parseDuration(text)).toThrow(new DurationError(problem));
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [0.0005, '0.0005ms'],
    [1_000, '1s'],
    [1_500, '1.5s'],
    [60_000, '1m'],
    [90_000, '1m30s'],
    [3_600_000, '1h'],
    [3_605_000, '1h5s'],
    [90_061_001, '25h1m1.001s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('writes what parseDuration reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it.each([-1, NaN, Infinity])('refuses %d', (ms) => {
    expect(() => formatDuration(ms)).toThrow(RangeError);
  });
});

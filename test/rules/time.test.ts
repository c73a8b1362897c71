import fc from 'fast-check';
import {
  TimeError,
  compareInstants,
  compareTimes,
  DurationError,
  formatDuration,
  instantOfMs,
  parseDuration,
  parseTime,
} from '../../src/rules/time';

describe('compareTimes', () => {
  it.each([
    ['the same text', '2019-05-14T23:41:52.904927369Z', '2019-05-14T23:41:52.904927369Z', 0],
    ['one nanosecond', '2019-05-14T23:41:52.904927369Z', '2019-05-14T23:41:52.904927370Z', -1],
    [
      'Go drops zeros at the end of the fraction',
      '2019-05-14T23:41:52.36837044Z',
      '2019-05-14T23:41:52.368370440Z',
      0,
    ],
    ['no fraction', '2019-05-14T23:41:52Z', '2019-05-14T23:41:52.000000001Z', -1],
    ['a fraction is not a whole number', '2019-05-14T23:41:52.9Z', '2019-05-14T23:41:52.10Z', 1],
    ['the same instant in another zone', '2019-05-15T01:41:52.5+02:00', '2019-05-14T23:41:52.5Z', 0],
    ['later text, earlier instant', '2019-05-15T00:30:00+02:00', '2019-05-14T23:00:00Z', -1],
    ['west of Greenwich', '2019-05-14T20:00:00-03:30', '2019-05-14T23:30:00Z', 0],
    [
      'digits after the nanoseconds are dropped',
      '2019-05-14T23:41:52.1234567891Z',
      '2019-05-14T23:41:52.123456789Z',
      0,
    ],
    ['before 1970', '1969-12-31T23:59:59.9Z', '1969-12-31T23:59:59.1Z', 1],
    ["Go's zero time is no year of the 20th century", '0001-01-01T00:00:00Z', '1901-01-01T00:00:00Z', -1],
    ['a leap day', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z', -1],
  ])('compares times: %s', (_reason, a, b, expected) => {
    expect(Math.sign(compareTimes(a, b))).toBe(expected);
    expect(Math.sign(compareTimes(b, a))).toBe(expected === 0 ? 0 : -expected);
  });

  it.each([
    ['empty', ''],
    ['no zone', '2019-05-14T23:41:52'],
    ['a space for the T', '2019-05-14 23:41:52Z'],
    ['a date only', '2019-05-14'],
    ['month 13', '2019-13-14T23:41:52Z'],
    ['month 0', '2019-00-14T23:41:52Z'],
    ['February 29 in a common year', '2019-02-29T00:00:00Z'],
    ['day 0', '2019-02-00T00:00:00Z'],
    ['hour 24', '2019-05-14T24:00:00Z'],
    ['minute 60', '2019-05-14T23:60:00Z'],
    ['a leap second, as Go refuses it', '2016-12-31T23:59:60Z'],
    ['an offset beyond a day', '2019-05-14T23:41:52+24:00'],
    ['a point without digits', '2019-05-14T23:41:52.Z'],
    ['something behind it', '2019-05-14T23:41:52Z '],
    ['a second line', '2019-05-14T23:41:52Z\n'],
  ])('refuses %s', (_reason, text) => {
    expect(() => parseTime(text)).toThrow(TimeError);
    expect(() => compareTimes('2019-05-14T23:41:52Z', text)).toThrow(JSON.stringify(text));
  });

  // toISOString writes years outside 0 to 9999 in a form that is not RFC 3339.
  const date = fc.date({
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });

  it('agrees with Date for milliseconds', () => {
    fc.assert(
      fc.property(date, date, (a, b) => {
        expect(Math.sign(compareTimes(a.toISOString(), b.toISOString()))).toBe(
          Math.sign(a.getTime() - b.getTime()),
        );
        expect(compareInstants(parseTime(a.toISOString()), instantOfMs(a.getTime()))).toBe(0);
      }),
    );
  });

  it('is a total order', () => {
    const time = fc
      .tuple(
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom('Z', '+00:01', '-00:01'),
      )
      .map(([minute, nanos, zone]) => `2019-05-14T10:0${minute}:00.00000000${nanos}${zone}`);
    fc.assert(
      fc.property(time, time, time, (a, b, c) => {
        expect(Math.sign(compareTimes(a, b))).toBe(Math.sign(compareTimes(b, a)) * -1 || 0);
        if (compareTimes(a, b) <= 0 && compareTimes(b, c) <= 0)
          expect(compareTimes(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

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

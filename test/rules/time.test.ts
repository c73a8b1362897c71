import fc from 'fast-check';
import { TimeError } from '../../src/rules/errors';
import { compareInstants, compareTimes, instantOfMs, parseTime } from '../../src/rules/time';

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

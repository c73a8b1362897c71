import { isEarly, dueAtMs, NO_EXPIRY, sumOf, summaryOf } from '../../src/rules/expiry';

const AT_NOON = '2026-11-30T12:00:00.5Z';
const NOON_MS = Date.parse('2026-11-30T12:00:00.500Z');

describe('isEarly', () => {
  it.each([
    ['the original lives on', AT_NOON, '', true],
    ['the original lives an hour longer', AT_NOON, '2026-11-30T13:00:00Z', true],
    ['both follow one rule, and the clocks differ', AT_NOON, '2026-11-30T12:02:00Z', false],
    ['the copy was written later', AT_NOON, '2026-11-30T11:59:00Z', false],
    ['a time cannot be read', AT_NOON, 'soon', false],
  ])('compares both ends: %s', (_what, copy, original, early) => {
    expect(isEarly({ copy, original })).toBe(early);
  });
});

describe('dueAtMs', () => {
  it.each([
    ['the end of the copy', AT_NOON, '', NOON_MS],
    ['the end of the copy, where the original ended before', AT_NOON, '2026-11-30T11:59:00Z', NOON_MS],
    [
      'the end of the original, where that is soon after',
      AT_NOON,
      '2026-11-30T12:02:00Z',
      Date.parse('2026-11-30T12:02:00Z'),
    ],
    ['at once, where the time cannot be read', 'soon', '', 0],
  ])('is %s', (_what, copy, original, ms) => {
    expect(dueAtMs({ copy, original })).toBe(ms);
  });

  it('is not before the last nanosecond', () => {
    expect(dueAtMs({ copy: '2026-11-30T12:00:00.500000001Z', original: '' })).toBe(NOON_MS + 1);
  });
});

test('summaryOf counts the copies, and finds the time of the first', () => {
  const first = { copy: AT_NOON, original: '' };
  const second = { copy: '2026-11-30T11:00:00Z', original: '2026-11-30T11:00:00Z' };
  const summary = summaryOf([first, second]);
  expect(summary).toEqual({ nextMs: Date.parse('2026-11-30T11:00:00Z'), copies: 2, early: 1 });
  expect(sumOf(summary, { copies: -1, early: 0 })).toEqual({ ...summary, copies: 1 });
  expect(sumOf(NO_EXPIRY, NO_EXPIRY)).toEqual({ copies: 0, early: 0 });
});

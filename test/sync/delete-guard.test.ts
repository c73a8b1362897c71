import {
  hashOfDeletes,
  noteDeletes,
  recentDeletes,
  whyHeld,
  type MaxDeletes,
} from '../../src/sync/delete-guard';

const held = (
  candidates: Record<string, number>,
  known: Record<string, number>,
  maxDeletes?: MaxDeletes,
  originIsEmpty = false,
  recent = 0,
): string | undefined =>
  whyHeld({
    candidates: new Map(Object.entries(candidates)),
    known: new Map(Object.entries(known)),
    recent,
    maxDeletes,
    originIsEmpty,
  });

describe('the delete guard', () => {
  it.each([
    ['nothing to delete', {}, { 'a/': 10 }, undefined],
    ['a few of few', { 'a/': 5 }, { 'a/': 10 }, undefined],
    ['20 of 100: nobody is asked', { 'a/': 20 }, { 'a/': 100 }, undefined],
    [
      '21 of 100',
      { 'a/': 21 },
      { 'a/': 100 },
      '21 of 100 secrets are more than 20 (maxDeletes: 10 %, at least 20)',
    ],
    ['a tenth of many', { 'a/': 100 }, { 'a/': 1000 }, undefined],
    ['more than a tenth of many', { 'a/': 101 }, { 'a/': 1000 }, '101 of 1000 secrets are more than 100'],
    [
      'more than half of one mount',
      { 'a/': 6 },
      { 'a/': 10, 'b/': 990 },
      '6 are more than half of the 10 secrets in a/',
    ],
    ['half of one mount', { 'a/': 5 }, { 'a/': 10, 'b/': 990 }, undefined],
  ])('%s', (_, candidates, known, expected) => {
    const reason = held(candidates, known);
    if (expected === undefined) expect(reason).toBeUndefined();
    else expect(reason).toContain(expected);
  });

  it('takes a number and a share instead of its default', () => {
    expect(held({ 'a/': 6 }, { 'a/': 6 }, 6)).toBeUndefined();
    expect(held({ 'a/': 7 }, { 'a/': 900 }, 6)).toBe('7 are more than maxDeletes, 6');
    expect(held({ 'a/': 1 }, { 'a/': 900 }, 0)).toBe('1 are more than maxDeletes, 0');
    expect(held({ 'a/': 5 }, { 'a/': 10 }, '50%')).toBeUndefined();
    expect(held({ 'a/': 6 }, { 'a/': 10 }, '50%')).toContain('more than 5 (maxDeletes: 50 %)');
  });

  it('holds everything when the origin is empty, whatever maxDeletes says', () => {
    expect(held({ 'a/': 1 }, { 'a/': 1 }, '100%', true)).toContain('the origin has no secret any more');
    expect(held({}, { 'a/': 1 }, '100%', true)).toBeUndefined();
  });

  it('adds up what was deleted in the last day, so that a drip is seen', () => {
    expect(held({ 'a/': 5 }, { 'a/': 85 }, undefined, false, 15)).toBeUndefined();
    expect(held({ 'a/': 6 }, { 'a/': 85 }, undefined, false, 15)).toBe(
      '6 and the 15 of the last 24 hours of 100 secrets are more than 20 (maxDeletes: 10 %, at least 20)',
    );
    expect(held({ 'a/': 6 }, { 'a/': 85 }, 20, false, 15)).toBe(
      '6 and the 15 of the last 24 hours are more than maxDeletes, 20',
    );
    expect(held({}, { 'a/': 1 }, 0, false, 100)).toBeUndefined();
  });

  it('notes deletes by the hour, and forgets them after a day', () => {
    const hour = 3_600_000;
    const start = 1000 * hour;
    const first = noteDeletes([], 3, start + 10);
    const second = noteDeletes(noteDeletes(first, 2, start + hour - 1), 4, start + 5 * hour);
    expect(second).toEqual([
      { hourMs: start, count: 5 },
      { hourMs: start + 5 * hour, count: 4 },
    ]);
    expect(recentDeletes(second, start + 24 * hour)).toBe(9);
    expect(recentDeletes(second, start + 25 * hour)).toBe(4);
    expect(noteDeletes(second, 0, start + 40 * hour)).toEqual([]);
  });

  it('names a set of deletes, in whatever order it comes', () => {
    expect(hashOfDeletes(['a', 'b'])).toBe(hashOfDeletes(['b', 'a']));
    expect(hashOfDeletes(['a', 'b'])).not.toBe(hashOfDeletes(['a']));
  });
});

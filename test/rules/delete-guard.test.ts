import { hashOfDeletes, noteDeletes, whyHeld, type HourOfDeletes } from '../../src/rules/delete-guard';

const held = (
  candidates: Record<string, number>,
  known: Record<string, number>,
  maxDeletes?: number | string,
  originIsEmpty = false,
  noted: readonly HourOfDeletes[] = [],
): string | undefined =>
  whyHeld({
    candidates: byMount(candidates),
    known: byMount(known),
    noted,
    maxDeletes,
    originIsEmpty,
    nowMs: NOW,
  });

const HOUR = 3_600_000;
const NOW = 1000 * HOUR;
const byMount = (counts: Record<string, number>): Map<string, number> => new Map(Object.entries(counts));
const before = (deleted: number, known: number, mount = 'a/', hoursAgo = 1): HourOfDeletes => ({
  hourMs: NOW - hoursAgo * HOUR,
  mounts: { [mount]: { deleted, known } },
});

describe('whyHeld', () => {
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
  ])('allows, or holds with a reason: %s', (_, candidates, known, expected) => {
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

  it('adds the deletes of the last day, so that many small groups are noticed', () => {
    expect(held({ 'a/': 5 }, { 'a/': 85 }, undefined, false, [before(15, 100)])).toBeUndefined();
    expect(held({ 'a/': 6 }, { 'a/': 85 }, undefined, false, [before(15, 100)])).toBe(
      '6 and the 15 of the last 24 hours of 100 secrets are more than 20 (maxDeletes: 10 %, at least 20)',
    );
    expect(held({ 'a/': 6 }, { 'a/': 85 }, 20, false, [before(15, 100)])).toBe(
      '6 and the 15 of the last 24 hours are more than maxDeletes, 20',
    );
    expect(held({}, { 'a/': 1 }, 0, false, [before(100, 100)])).toBeUndefined();
  });

  it('compares with the largest number of secrets of the day', () => {
    const day = [before(10, 100, 'a/', 3), before(10, 100, 'a/', 2)];
    // 100 secrets all the time: 20 of them were deleted and written again.
    expect(held({ 'a/': 1 }, { 'a/': 100 }, '20%', false, day)).toBe(
      '1 and the 20 of the last 24 hours of 100 secrets are more than 20 (maxDeletes: 20 %)',
    );
    expect(held({ 'a/': 1 }, { 'a/': 100 }, '21%', false, day)).toBeUndefined();
  });

  it('adds up in each mount: no mount loses more than half of what it had', () => {
    const day = [before(4, 10)];
    expect(held({ 'a/': 1 }, { 'a/': 6, 'b/': 990 }, undefined, false, day)).toBeUndefined();
    expect(held({ 'a/': 2 }, { 'a/': 6, 'b/': 990 }, undefined, false, day)).toBe(
      '2 and the 4 of the last 24 hours are more than half of the 10 secrets in a/',
    );
    expect(held({ 'b/': 2 }, { 'a/': 6, 'b/': 990 }, undefined, false, day)).toBeUndefined();
  });

  it('drops hours after a day; an hour that began before counts as a whole', () => {
    expect(held({ 'a/': 6 }, { 'a/': 85 }, undefined, false, [before(15, 100, 'a/', 24)])).toBeDefined();
    expect(held({ 'a/': 6 }, { 'a/': 85 }, undefined, false, [before(15, 100, 'a/', 25)])).toBeUndefined();
  });

  it('noteDeletes adds deletes by hour and mount, with the largest number of secrets before them', () => {
    const cycle = (
      noted: readonly HourOfDeletes[],
      deleted: Record<string, number>,
      known: Record<string, number>,
      nowMs: number,
      approved = false,
    ): HourOfDeletes[] => noteDeletes(noted, { deleted, known, approved }, nowMs);
    const first = cycle([], { 'a/': 3 }, { 'a/': 10, 'b/': 4 }, NOW + 10);
    const second = cycle(first, { 'a/': 1, 'b/': 1 }, { 'a/': 7, 'b/': 5 }, NOW + HOUR - 1);
    expect(second).toEqual([
      { hourMs: NOW, mounts: { 'a/': { deleted: 4, known: 10 }, 'b/': { deleted: 1, known: 5 } } },
    ]);
    // Nothing deleted, nothing to note; and what is old goes.
    expect(cycle(second, {}, { 'a/': 99 }, NOW + 2 * HOUR)).toEqual(second);
    expect(cycle(second, {}, {}, NOW + 40 * HOUR)).toEqual([]);
    const third = cycle(second, { 'b/': 2 }, { 'a/': 6, 'b/': 4 }, NOW + 5 * HOUR);
    expect(third.map(({ hourMs }) => hourMs)).toEqual([NOW, NOW + 5 * HOUR]);
    // A person has looked: it begins again.
    expect(cycle(third, { 'a/': 6 }, { 'a/': 6 }, NOW + 6 * HOUR, true)).toEqual([]);
  });

  it('hashOfDeletes does not depend on the order', () => {
    expect(hashOfDeletes(['a', 'b'])).toBe(hashOfDeletes(['b', 'a']));
    expect(hashOfDeletes(['a', 'b'])).not.toBe(hashOfDeletes(['a']));
  });
});

import { ratioOfMedians, summarise } from '../../../dev/bench/statistics';

describe('summarise', () => {
  it.each([
    { values: [3], median: 3, min: 3, max: 3 },
    { values: [5, 1, 3], median: 3, min: 1, max: 5 },
    { values: [10, 2, 4, 8], median: 6, min: 2, max: 10 },
    { values: [9, 10, 100], median: 10, min: 9, max: 100 },
  ])('of $values', ({ values, ...wanted }) => {
    expect(summarise(values)).toEqual({ ...wanted, values });
  });

  it('refuses no values at all: nothing would pass every bar', () => {
    expect(() => summarise([])).toThrow(new RangeError('there is no round to summarise'));
  });
});

describe('ratioOfMedians', () => {
  it('compares the medians, not the best rounds', () => {
    expect(ratioOfMedians(summarise([12, 30, 13]), summarise([10, 10, 1]))).toBe(1.3);
  });

  it('refuses a floor of nothing', () => {
    expect(() => ratioOfMedians(summarise([1]), summarise([0]))).toThrow(RangeError);
  });
});

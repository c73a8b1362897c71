import { consideredOf, isConsidered } from '../../src/rules/considered';
import { emptyIndex, hashOfIndex } from '../../src/rules/sync-index';

const [one, two] = [emptyIndex(1), emptyIndex(2)];

test('without settings, what was considered is the hash of the index, as states of before say it', () => {
  expect(consideredOf(one)).toBe(hashOfIndex(one));
});

test('a change of either index is something else to consider', () => {
  const all = [consideredOf(one), consideredOf(one, one), consideredOf(one, two), consideredOf(two, one)];
  expect(new Set(all).size).toBe(4);
});

test('the index is told whatever the settings were', () => {
  for (const considered of [consideredOf(one), consideredOf(one, two)]) {
    expect(isConsidered(considered, one)).toBe(true);
    expect(isConsidered(considered, two)).toBe(false);
  }
  expect(isConsidered('', one)).toBe(false);
});

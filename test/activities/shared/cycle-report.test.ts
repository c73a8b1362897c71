import { TallyBuilder } from '../../../src/activities/shared/cycle-report';
import { MAX_FAILURES } from '../../../src/limits';

describe('a tally', () => {
  test('has only what was counted', () => {
    const tally = new TallyBuilder();
    expect(tally.result()).toEqual({ counts: {}, failures: [] });
    tally.count('read');
    tally.count('read', 4);
    tally.count('listed', 0);
    tally.fail('a', 'forbidden');
    tally.fail('b/', 'unavailable', 'unknown');
    expect(tally.result()).toEqual({
      counts: { read: 5, listed: 0, failed: 1, unknown: 1 },
      failures: [
        { path: 'a', class: 'forbidden' },
        { path: 'b/', class: 'unavailable' },
      ],
    });
    expect(tally.progress).toBe(7);
  });

  test('names the first failures, and counts all', () => {
    const tally = new TallyBuilder();
    for (let number = 0; number < MAX_FAILURES + 5; number++) tally.fail(String(number), 'rejected');
    const { counts, failures } = tally.result();
    expect(counts).toEqual({ failed: MAX_FAILURES + 5 });
    expect(failures.map(({ path }) => path)).toEqual([...Array(MAX_FAILURES).keys()].map(String));
  });

  test('names fewer of very long paths, and the first one in any case', () => {
    const tally = new TallyBuilder();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
      tally.refuse(name.repeat(500), 'collision', '-'.repeat(500));
    const { counts, failures } = tally.result();
    expect(counts).toEqual({ failed: 6 });
    expect(failures.map(({ path }) => path[0])).toEqual(['a', 'b', 'c', 'd']);

    const longest = new TallyBuilder();
    longest.fail('x'.repeat(10_000), 'rejected');
    expect(longest.result().failures).toHaveLength(1);
  });
});

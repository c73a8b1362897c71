import { CycleReportBuilder } from '../../../src/activities/shared/cycle-report';
import { MAX_FAILURES } from '../../../src/limits';

describe('CycleReportBuilder', () => {
  test('returns only counts that were used', () => {
    const report = new CycleReportBuilder();
    expect(report.result()).toEqual({ counts: {}, failures: [] });
    report.count('read');
    report.count('read', 4);
    report.count('listed', 0);
    report.fail('a', 'forbidden');
    report.fail('b/', 'unavailable', 'unknown');
    expect(report.result()).toEqual({
      counts: { read: 5, listed: 0, failed: 1, unknown: 1 },
      failures: [
        { path: 'a', class: 'forbidden' },
        { path: 'b/', class: 'unavailable' },
      ],
    });
    expect(report.progress).toBe(7);
  });

  test('names the first failures and counts all', () => {
    const report = new CycleReportBuilder();
    for (let number = 0; number < MAX_FAILURES + 5; number++) report.fail(String(number), 'rejected');
    const { counts, failures } = report.result();
    expect(counts).toEqual({ failed: MAX_FAILURES + 5 });
    expect(failures.map(({ path }) => path)).toEqual([...Array(MAX_FAILURES).keys()].map(String));
  });

  test('names fewer very long paths, but always the first', () => {
    const report = new CycleReportBuilder();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
      report.refuse(name.repeat(500), 'collision', '-'.repeat(500));
    const { counts, failures } = report.result();
    expect(counts).toEqual({ failed: 6 });
    expect(failures.map(({ path }) => path[0])).toEqual(['a', 'b', 'c', 'd']);

    const longest = new CycleReportBuilder();
    longest.fail('x'.repeat(10_000), 'rejected');
    expect(longest.result().failures).toHaveLength(1);
  });
});

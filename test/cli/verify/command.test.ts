import type { Finding } from '../../../src/activities/destination/verify/findings';
import { formatReport, repairable, whatIsWrong, type Report } from '../../../src/cli/verify/command';
import { NO_FINDINGS } from '../../../src/contract/verify';

const report = (findings: Finding[], more: Partial<Report> = {}): Report => ({
  name: 'site1',
  counts: { ...NO_FINDINGS },
  findings,
  notes: [],
  ...more,
});

describe('formatReport', () => {
  it('shows at most 20 paths of a kind, and how many there are', () => {
    const drift = Array.from({ length: 23 }, (_, n): Finding => ({ kind: 'drift', path: `s/data/${n}` }));
    const lines = formatReport(report([...drift, { kind: 'extra', path: 's/data/x' }])).split('\n');
    expect(lines).toContain('  drift: the values differ: 23');
    expect(lines.filter((line) => /^ {4}s\/\d+$/.test(line))).toHaveLength(20);
    expect(lines).toContain('    … and 3 more; --json shows all');
    expect(lines.at(-1)).toBe('    s/x');
  });

  it('shows the details of each path', () => {
    const findings: Finding[] = [
      { kind: 'missing', path: 's/data/a', to: 't/data/a', class: 'absent' },
      { kind: 'refused', path: 's/data/b', class: 'collision', with: 's/data/c' },
      { kind: 'failed', path: 's/data/d', class: 'forbidden', at: 'origin' },
      { kind: 'orphan', path: 't/data/e', with: 's/data/e' },
      { kind: 'extra', path: 't/data/f', class: 'kept', with: 's/data/f' },
    ];
    expect(formatReport(report(findings, { notes: ['a note'] })).split('\n')).toEqual([
      'site1: equal at both ends: 0',
      '  note: a note',
      '  missing at the destination: 1',
      '    s/a -> t/a  (nothing is there)',
      '  refused: not copied at all: 1',
      '    s/b  (collision; with s/c)',
      '  failed: could not be compared: 1',
      '    s/d  (forbidden at the origin)',
      '  orphans, left by an earlier configuration: kept until "vsync prune --orphans": 1',
      '    t/e  (with s/e)',
      '  extra: they belong to no secret of the origin, and are kept: 1',
      '    t/f  (it was copied, and is retained on purpose or waits for its delete; with s/f)',
    ]);
  });
});

test.each([
  [{}, undefined],
  [{ equal: 5, extra: 3, orphan: 2, changed: 1 }, undefined],
  [{ drift: 1 }, 'drift 1'],
  [{ missing: 2, refused: 1, failed: 3, unknown: 1 }, 'missing 2, refused 1, failed 3, unknown 1'],
])('whatIsWrong returns what is wrong, if anything: %j', (counts, wrong) => {
  expect(whatIsWrong({ counts: { ...NO_FINDINGS, ...counts } })).toBe(wrong);
});

test('repairable returns drift and missing secrets', () => {
  const kinds = ['drift', 'missing', 'changed', 'refused', 'failed', 'unknown', 'orphan', 'extra'] as const;
  expect(repairable(report(kinds.map((kind) => ({ kind, path: kind }))))).toEqual(['drift', 'missing']);
});

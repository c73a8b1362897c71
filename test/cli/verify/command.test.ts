import type { Finding } from '../../../src/activities/destination/verify/findings';
import {
  formatReport,
  repairable,
  reportComment,
  whatIsWrong,
  type Report,
} from '../../../src/cli/verify/command';
import { NO_FINDINGS } from '../../../src/contract/verify';
import { expectGolden } from '../golden';

const report = (findings: Finding[], more: Partial<Report> = {}): Report => ({
  name: 'site1',
  counts: { ...NO_FINDINGS },
  findings,
  notes: [],
  ...more,
});

const EVERY_KIND: Finding[] = [
  { kind: 'missing', path: 's/data/a', to: 't/data/a', class: 'absent' },
  { kind: 'drift', path: 's/data/team/app' },
  { kind: 'changed', path: 's/data/g', class: 'gone' },
  { kind: 'changed', path: 's/data/h', class: 'newer' },
  { kind: 'refused', path: 's/data/b', class: 'collision', with: 's/data/c' },
  { kind: 'unpublished', path: 's/data/u', class: 'unreadable' },
  { kind: 'failed', path: 's/data/d', class: 'forbidden', at: 'origin' },
  { kind: 'unknown', path: 'vsync/origin/17', class: 'torn-bucket' },
  { kind: 'orphan', path: 't/data/e', with: 's/data/e' },
  { kind: 'extra', path: 't/data/f', class: 'kept', with: 's/data/f' },
];

describe('formatReport', () => {
  it('shows at most 20 paths of a sign, how many more there are, and the sums', () => {
    const drift = Array.from({ length: 23 }, (_, n): Finding => ({ kind: 'drift', path: `s/data/${n}` }));
    const lines = formatReport(report([...drift, { kind: 'extra', path: 's/data/x' }])).split('\n');
    expect(lines.filter((line) => /^ {2}~ s\/\d+ {2}\(drift: the values differ\)$/.test(line))).toHaveLength(
      20,
    );
    expect(lines).toContain('    … and 3 more; --json shows all');
    expect(lines.slice(-2)).toEqual([
      '  # s/x  (extra: belongs to no secret of the origin, and is kept)',
      '0 to add, 23 to update, 0 to delete, 1 held, 0 equal',
    ]);
  });

  it.each([80, 120])('shows each kind with its sign and details, at %d columns', (width) => {
    const text = formatReport(report(EVERY_KIND, { notes: ['a note'] }), { width, colours: false });
    expectGolden(`verify-${width}.txt`, text);
    expect(text.split('\n').every((line) => line.length <= width)).toBe(true);
  });
});

test('reportComment is Markdown with a block of a diff', () => {
  expectGolden('verify-comment.md', reportComment(report(EVERY_KIND, { notes: ['a note'] })));
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

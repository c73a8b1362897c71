import type { Plan } from '../../src/activities/destination/plan/plan';
import { formatPlan, planComment, whatIsLeft } from '../../src/cli/plan';
import { expectGolden } from './golden';

const EMPTY: Plan = {
  name: 'site1',
  asOf: { originAt: '2026-01-01T11:59:00.000Z', config: 'ab'.repeat(32) },
  planned: [],
  orphans: [],
  notes: [],
};

const FULL: Plan = {
  ...EMPTY,
  planned: [
    {
      action: 'add',
      path: 'secret/data/new',
      to: 'team/data/new',
      why: 'the destination is not known to have it',
    },
    { action: 'update', path: 'secret/data/app/db', why: 'it changed at the origin' },
    { action: 'compare', path: 'secret/data/app/key', why: 'its claim is unverified' },
    { action: 'settings', path: 'secret/data/app/db', why: 'they differ from those that were copied' },
    { action: 'delete', path: 'secret/data/old', why: 'the origin says that it is gone' },
    {
      action: 'refuse',
      path: 'secret/data/a/x',
      to: 'secret/data/x',
      why: 'secret/b/x would land on the same path; neither is copied',
    },
    {
      action: 'unknown',
      path: 'vsync/origin/17',
      why: 'this bucket of the origin does not fit its index: it is skipped',
    },
    { action: 'hold', path: 'secret/data/kept', why: 'waits for "vsync approve": 1 of 1 secrets' },
  ],
  held: { count: 1, hash: '0a8f5d1c77e2'.repeat(5), reason: '1 of 1 secrets' },
  orphans: [{ at: 'secret/data/was/here', of: 'secret/data/team/app', since: '2026-01-01T10:00:00.000Z' }],
  orphansHash: '5f1d2c3b4a59'.repeat(5),
  notes: ['3 secrets are kept on purpose, as in the cycles before'],
};

test.each([80, 120])('formatPlan shows signs, what waits, and the sums, at %d columns', (width) => {
  const text = formatPlan(FULL, { width, colours: false });
  expectGolden(`plan-${width}.txt`, text);
  expect(text.split('\n').every((line) => line.length <= width)).toBe(true);
});

test('planComment is Markdown with a block of a diff', () => {
  expectGolden('plan-comment.md', planComment(FULL));
});

test('planComment fences paths with backticks and line feeds so that none ends the block', () => {
  const path = 'secret/data/a```\n# b';
  const lines = planComment({ ...EMPTY, planned: [{ action: 'add', path, why: 'new' }] }).split('\n');
  expect(lines.slice(-3)).toEqual(['````diff', '+ "secret/a```\\n# b"  (new)', '````']);
});

test('formatPlan paints each sign where the terminal has colours', () => {
  const text = formatPlan(FULL, { width: 120, colours: true });
  expect(text).toContain('  \u001b[32m+\u001b[39m secret/new');
});

test('formatPlan reports that nothing is to do, and as of when', () => {
  expect(formatPlan(EMPTY).split('\n')).toEqual([
    'what a cycle of site1 would do now',
    "  as of: the origin's sync info as changed last at 2026-01-01T11:59:00.000Z, configuration abababababab",
    '  nothing',
    '0 to add, 0 to update, 0 to delete, 0 held',
  ]);
});

test('whatIsLeft counts what is held on purpose as in step, and what is unknown as not', () => {
  const hold = { action: 'hold', path: 'secret/data/a', why: 'ignoreDeletes' } as const;
  expect(whatIsLeft({ planned: [hold] })).toBeUndefined();
  expect(whatIsLeft({ planned: [hold, { ...hold, action: 'unknown' }] })).toBe(
    '0 to add, 0 to update, 0 to delete, 1 held, 1 unknown',
  );
});

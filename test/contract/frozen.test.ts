import { FROZEN } from './frozen-names';
import { namesInCode, type Names } from './names-in-code';

/** What to do about a difference. */
const ADVICE = `
Users' files and scripts, the data in Consul, and running workflows depend on these names.
- A name that is lost or changed: give it its old name again. To replace it on purpose, keep the old one working too
  (data and schedules of the last release must be taken over: test/integration/upgrade.test.ts).
- A name that is new: choose it well, because it stays. Then add it to test/contract/frozen-names.ts and to CHANGELOG.md,
  and describe it in docs/.
- A message, an activity or a workflow: also run "npm run record-histories".`;

const now = namesInCode();

test('frozen names cover every kind of name in the code', () => {
  expect(Object.keys(now).sort()).toEqual(Object.keys(FROZEN).sort());
});

test.each(Object.keys(FROZEN))('frozen names stay as they are: %s', (section) => {
  const lost = difference(FROZEN, now, section).map((name) => `lost or changed: ${name}`);
  const added = difference(now, FROZEN, section).map((name) => `new or changed: ${name}`);
  if (lost.length + added.length > 0) throw new Error([`${section}:`, ...lost, ...added, ADVICE].join('\n'));
});

function difference(these: Names, others: Names, section: string): string[] {
  const known = new Set(others[section]);
  return (these[section] ?? []).filter((name) => !known.has(name));
}

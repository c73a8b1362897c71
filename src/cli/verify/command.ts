import type { Client } from '@temporalio/client';
import type { DestinationDeps } from '../../activities/destination/base/deps';
import { FINDING_KINDS, type Finding, type FindingKind } from '../../activities/destination/verify/findings';
import type { VerifyCounts } from '../../contract/verify';
import { NotInStepError } from '../../errors';
import { assertOwnSync } from '../../temporal/ownership';
import { withClients } from '../connections';
import { interruptible } from '../interruptible';
import { fileOf, load, print, warn, type Options } from '../options';
import { firstLines, formatResult, pasted } from '../text';
import { repair, type Repair } from './repair';
import { runVerify } from './run';

/** `vsync verify`, and with `--repair` a cycle that repairs what differs. @throws NotInStepError if something is wrong (still) */
export async function verifyValues(options: Options): Promise<void> {
  const config = load(options, 'destination');
  await withClients(config, async (client, clients) => {
    if (clients.role !== 'destination') return;
    await assertOwnSync(client, clients);
    await verify(client, clients.deps, options);
  });
}

async function verify(client: Client, deps: DestinationDeps, options: Options): Promise<void> {
  const file = fileOf(options);
  const json = options['json'] === true;
  const report = await interruptible((signal) => runVerify(client, deps, { file, say, signal }));
  const paths = repairable(report);
  if (!json) print(formatReport(report));
  if (options['repair'] !== true || paths.length === 0) {
    if (json) console.log(JSON.stringify(report, null, 2));
    const wrong = whatIsWrong(report);
    if (wrong === undefined) return;
    const advice =
      paths.length === 0 ? '' : `; a cycle repairs drift and missing: vsync verify --repair -c ${file}`;
    throw new NotInStepError(`${deps.config.name} is not as it should be: ${wrong}${advice}`);
  }
  const repaired = await repair(client, deps.info, deps.config, { paths, file, say });
  console.log(
    json ? JSON.stringify({ ...report, repair: repaired }, null, 2) : formatRepair(paths.length, repaired),
  );
  const left = whatIsLeft(report, repaired);
  if (left !== undefined) throw new NotInStepError(left);
}

/** Progress goes to stderr: stdout is for the report. */
const say = (text: string): void => {
  warn([text]);
};

function formatRepair(count: number, { cycle }: Repair): string {
  if (cycle === undefined) return `repair: ${count} secrets are left to the next cycle`;
  const [outcome = '', ...failures] = formatResult(cycle.result);
  return [`repair of ${count} secrets by ${cycle.workflowId}`, `  ${outcome}`, ...failures].join('\n');
}

function whatIsLeft({ name, counts }: Report, { cycle, left }: Repair): string | undefined {
  if (cycle === undefined)
    return `the schedule of ${name} is paused, so no cycle was started; the next one repairs them`;
  const { outcome } = cycle.result;
  if (outcome === 'timed-out' || outcome === 'partial')
    return `the cycle ended ${outcome}: some secrets may not be repaired; the next cycle continues`;
  if (left > 0) return `${left} secrets are still to be compared by the next cycle`;
  const others = whatIsWrong({ counts: { ...counts, drift: 0, missing: 0 } });
  return others === undefined ? undefined : `${name} is not as it should be: ${others}`;
}

/** What a verify found; what `vsync verify --json` prints. */
export interface Report {
  name: string;
  counts: VerifyCounts;
  /** By kind, then by path. */
  findings: Finding[];
  /** Limits of the comparison: the origin has no sync info yet, a mount could not be listed, … */
  notes: string[];
}

const TITLES: Readonly<Record<FindingKind, string>> = {
  drift: 'drift: the values differ',
  missing: 'missing at the destination',
  unpublished:
    "unpublished: the origin has them, its info lacks them, so they are not copied; if this persists, check the origin's cycles",
  changed: 'changed at the origin, not drift: the next cycles copy it',
  refused: 'refused: not copied at all',
  failed: 'failed: could not be compared',
  unknown:
    "unknown: buckets of the origin's info that do not match its index; if this persists, let the origin run a cycle",
  orphan: 'orphans, left by an earlier configuration: kept until "vsync prune --orphans"',
  extra: 'extra: they belong to no secret of the origin, and are kept',
};

/** The report as text. */
export function formatReport({ name, counts, findings, notes }: Report): string {
  const lines = [`${name}: equal at both ends: ${counts.equal}`, ...notes.map((note) => `  note: ${note}`)];
  for (const kind of FINDING_KINDS) {
    const those = findings.filter((finding) => finding.kind === kind);
    if (those.length === 0) continue;
    lines.push(`  ${TITLES[kind]}: ${those.length}`, ...firstLines(those.map((one) => `    ${line(one)}`)));
  }
  if (findings.length === 0) lines.push('  nothing is wrong');
  return lines.join('\n');
}

const WORDS: Readonly<Record<string, string>> = {
  newer: 'the origin has a newer version than its info',
  gone: 'the origin no longer has it',
  behind: "the destination's last cycle was before the change",
  deleted: 'its current version is deleted',
  absent: 'nothing is there',
  kept: 'it was copied, and is retained on purpose or waits for its delete',
  unreadable: "may be deleted: the destination's token at the origin may not read its metadata",
  'perhaps-deleted': "may be deleted: the destination's token needs read on metadata/ to find out",
};

function line({ kind, path, to, class: why, at, with: other }: Finding): string {
  const details = [
    why && `${WORDS[why] ?? why}${at === undefined ? '' : ` at the ${at}`}`,
    other && `with ${pasted(other)}`,
  ].filter((detail) => detail !== undefined);
  const arrow = to === undefined ? '' : ` -> ${pasted(to)}`;
  const shown = kind === 'unknown' ? path : pasted(path);
  return `${shown}${arrow}${details.length === 0 ? '' : `  (${details.join('; ')})`}`;
}

/** What is wrong, in words; undefined if nothing is. Extras and changes at the origin are not wrong. */
export function whatIsWrong({ counts }: Pick<Report, 'counts'>): string | undefined {
  const wrong = (['drift', 'missing', 'unpublished', 'refused', 'failed', 'unknown'] as const).filter(
    (kind) => counts[kind] > 0,
  );
  return wrong.length === 0 ? undefined : wrong.map((kind) => `${kind} ${counts[kind]}`).join(', ');
}

/** Paths that a cycle repairs once their claims are unverified. */
export function repairable({ findings }: Pick<Report, 'findings'>): string[] {
  return findings.filter(({ kind }) => kind === 'drift' || kind === 'missing').map(({ path }) => path);
}

import type { Client } from '@temporalio/client';
import type { DestinationDeps } from '../../activities/destination/base/deps';
import type { Finding, FindingKind } from '../../activities/destination/verify/findings';
import type { VerifyCounts } from '../../contract/verify';
import { NotInStepError } from '../../errors';
import { assertOwnSync } from '../../temporal/ownership';
import { withClients } from '../connections';
import { interruptible } from '../interruptible';
import { fileOf, load, print, warn, type Options } from '../options';
import { formatOf, jsonLines, resultScreen, type Format } from '../output';
import { differenceLines, githubComment, sumsOf, type Difference, type Fate } from '../signs';
import { PLAIN, wrapped, type Screen } from '../status/layout';
import { formatResult, pasted } from '../text';
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
  const format = formatOf(options);
  const report = await interruptible((signal) => runVerify(client, deps, { file, say, signal }));
  const paths = repairable(report);
  if (format === 'human') print(formatReport(report, resultScreen()));
  if (format === 'github') print(reportComment(report));
  if (options['repair'] !== true || paths.length === 0) {
    printReport(report, undefined, format);
    const wrong = whatIsWrong(report);
    if (wrong === undefined) return;
    const advice =
      paths.length === 0 ? '' : `; a cycle repairs drift and missing: vsync verify --repair -c ${file}`;
    throw new NotInStepError(`${deps.config.name} is not as it should be: ${wrong}${advice}`);
  }
  const repaired = await repair(client, deps.info, deps.config, { paths, file, say });
  if (format === 'human') console.log(formatRepair(paths.length, repaired));
  if (format === 'github') console.log(['', '```', formatRepair(paths.length, repaired), '```'].join('\n'));
  printReport(report, repaired, format);
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

/** What a verify found; what `vsync verify --output json` prints. */
export interface Report {
  name: string;
  counts: VerifyCounts;
  /** By kind, then by path. */
  findings: Finding[];
  /** Limits of the comparison: the origin has no sync info yet, a mount could not be listed, … */
  notes: string[];
}

/** Of a kind: its sign, and what it means. */
const KINDS: Readonly<Record<FindingKind, readonly [Fate, meaning: string]>> = {
  missing: ['add', 'missing at the destination'],
  drift: ['update', 'drift: the values differ'],
  changed: ['update', 'changed at the origin, not drift: the next cycles copy it'],
  refused: ['refused', 'not copied'],
  unpublished: ['unknown', 'unpublished: the origin has it, its info lacks it, so it is not copied'],
  failed: ['unknown', 'could not be compared'],
  unknown: ['unknown', "this bucket of the origin's info does not match its index"],
  orphan: ['held', 'orphan, left by an earlier configuration: kept until "vsync prune --orphans"'],
  extra: ['held', 'extra: belongs to no secret of the origin, and is kept'],
};

const differencesOf = ({ findings }: Pick<Report, 'findings'>): Difference[] => findings.map(differenceOf);

function sums(report: Report): string {
  return `${sumsOf(differencesOf(report))}, ${report.counts.equal} equal`;
}

/** The report as text. */
export function formatReport(report: Report, screen: Screen = PLAIN): string {
  const { name, findings, notes } = report;
  return [
    `${name}: the values at both ends`,
    ...notes.flatMap((note) => wrapped(screen, `note: ${note}`, 8, '  ')),
    ...differenceLines(differencesOf(report), screen),
    ...(findings.length === 0 ? ['  nothing is wrong'] : []),
    sums(report),
  ].join('\n');
}

/** The report as a comment on a pull request. */
export function reportComment(report: Report): string {
  return githubComment({
    title: `vsync verify: ${report.name}`,
    sums: sums(report),
    about: report.notes,
    differences: differencesOf(report),
  });
}

function printReport(report: Report, repaired: Repair | undefined, format: Format): void {
  const { findings, ...rest } = report;
  const repairOf = repaired && { repair: repaired };
  if (format === 'json') console.log(JSON.stringify({ ...report, ...repairOf }, null, 2));
  if (format === 'jsonl') console.log(jsonLines([...findings, { ...rest, ...repairOf }]));
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

function differenceOf({ kind, path, to, class: why, at, with: other }: Finding): Difference {
  const [fate, meaning] = KINDS[kind];
  const details = [
    meaning,
    why && `${WORDS[why] ?? why}${at === undefined ? '' : ` at the ${at}`}`,
    other && `with ${pasted(other)}`,
  ].filter((detail) => detail !== undefined);
  return {
    fate: why === 'gone' ? 'delete' : fate,
    path: kind === 'unknown' ? path : pasted(path),
    to: to === undefined ? undefined : pasted(to),
    why: details.join('; '),
  };
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

import { formatDuration } from '../../rules/time';
import type { Lag } from '../../sync-info/lag';
import { deadWatch } from '../../temporal/schedule';
import { shortSet } from '../consent';
import { firstLines, formatCycle, formatFailure } from '../text';
import type { FeedStatus, ReceiverStatus } from './feed';
import { paint, PLAIN, wrapped, type Colour, type Screen } from './layout';
import type { PushStatus } from './push';
import type { CycleStatus, NextAction, Status, VaultStatus, WorkerStatus } from './status';

/** Where the text of a row begins. */
const TEXT_AT = 15;

/** One line or several: label and text. The first word may have a colour. */
export interface Row {
  readonly label: string;
  readonly text: string | undefined;
  readonly colour?: Colour | undefined;
}

/** `vsync status` as one screen. */
export function formatStatus(status: Status, screen: Screen = PLAIN): string {
  const title = `${status.schedule}${status.paused ? ' (paused)' : ''}`;
  return [
    paint(screen, 'bold', title),
    ...rowsOf(status).flatMap((row) => linesOf(screen, row)),
    ...(status.feed === undefined ? [] : feedLines(screen, status.feed)),
    status.cycles.length === 0 ? '  no cycle yet' : '  cycles',
    ...status.cycles.flatMap((cycle) => cycleLines(screen, cycle)),
    ...actionLines(screen, status.nextActions),
  ].join('\n');
}

function linesOf(screen: Screen, { label, text, colour }: Row): string[] {
  if (text === undefined) return [];
  const [first = '', ...others] = wrapped(screen, text, TEXT_AT, `  ${label.padEnd(TEXT_AT - 2)}`);
  const [word = ''] = text.split(/[ :]/, 1);
  const end = TEXT_AT + word.length;
  const painted =
    colour === undefined
      ? first
      : `${first.slice(0, TEXT_AT)}${paint(screen, colour, word)}${first.slice(end)}`;
  return [painted, ...others];
}

const COLOURS: Readonly<Record<Status['sync']['word'] | Status['health']['word'], Colour>> = {
  'in-step': 'green',
  retained: 'green',
  behind: 'yellow',
  unknown: 'yellow',
  ok: 'green',
  degraded: 'yellow',
  failing: 'red',
};

/** The facts, as the screen and the page show them. */
export function rowsOf(status: Status): Row[] {
  const { at, sync, health, vaults, last, held, pause } = status;
  const [worst, ...reasons] = health.reasons;
  return [
    { label: 'sync', text: `${sync.word}${since(sync.since, at)}: ${sync.why}`, colour: COLOURS[sync.word] },
    {
      label: 'health',
      text: `${health.word}${since(health.since, at)}${worst === undefined ? '' : `: ${worst}`}`,
      colour: COLOURS[health.word],
    },
    ...reasons.map((text) => ({ label: '', text })),
    { label: 'origin', text: vaultText(vaults.origin) },
    { label: 'destination', text: vaults.destination && vaultText(vaults.destination) },
    { label: 'lag', text: status.role === 'destination' ? lagText(status.lag) : undefined },
    { label: 'secrets', text: secretsText(status) },
    {
      label: 'last success',
      text: status.lastSuccessAt && `${status.lastSuccessAt}${ago(status.lastSuccessAt, at)}`,
    },
    { label: 'last change', text: last && `${last.finishedAt}  ${formatCycle(last.outcome, last.counts)}` },
    { label: 'worker', text: workerText(status.worker) },
    { label: 'watch', text: watchText(status) },
    { label: 'push', text: status.push && pushText(status.push) },
    { label: 'paused', text: pause && pauseText(pause, at) },
    ...(status.changedMounts ?? []).map((mount) => ({
      label: 're-created',
      text: `${mount}: its secrets are kept until "vsync approve --mount ${mount}"`,
    })),
    {
      label: 'held',
      text:
        held && `${held.count} deletes wait for "vsync approve --set ${shortSet(held.hash)}": ${held.reason}`,
    },
    {
      label: 'orphans',
      text:
        status.orphans === undefined
          ? undefined
          : `${status.orphans} secrets that an earlier configuration left at the destination: "vsync plan" lists them`,
    },
    { label: 'expire', text: status.expiries && earlyExpiries(status.expiries) },
    { label: 'next run', text: nextText(status) },
    { label: 'skipped', text: skippedText(status) },
  ];
}

/** How long ago, as an operator reads it. */
function age(ms: number): string {
  const stepMs = ms < 3_600_000 ? 1_000 : 60_000;
  return formatDuration(Math.floor(Math.max(0, ms) / stepMs) * stepMs);
}

function since(time: string | undefined, now: string): string {
  return time === undefined ? '' : ` since ${time} (${age(Date.parse(now) - Date.parse(time))})`;
}

const ago = (time: string, now: string): string => ` (${age(Date.parse(now) - Date.parse(time))} ago)`;

function vaultText({ address, product = '', version = '', sealed, problem }: VaultStatus): string {
  if (problem !== undefined) return `${address}  cannot be asked from here: ${problem}`;
  return `${address}  ${product} ${version}, ${sealed === true ? 'SEALED' : 'not sealed'}`;
}

function lagText(lag: Lag | undefined): string {
  if (lag === undefined) return 'unknown: sync info is missing, being written, or cannot be read now';
  if (lag.secrets === 0) return 'none';
  const sinceWhen = lag.since === undefined ? '' : `, the oldest change of ${lag.since}`;
  return `${age(lag.ms)}: ${lag.secrets} ${lag.secrets === 1 ? 'secret is' : 'secrets are'} behind the origin${sinceWhen}`;
}

function secretsText({ totals, published, held, orphans = 0, cycles }: Status): string | undefined {
  if (published !== undefined) return `${published} published`;
  if (totals === undefined) return undefined;
  const newest = cycles.find(({ counts }) => counts !== undefined)?.counts;
  const failed = (newest?.failed ?? 0) + (newest?.unknown ?? 0);
  const others: [count: number, what: string][] = [
    [totals.toAdd, 'to add'],
    [totals.toUpdate, 'to update'],
    [totals.toDelete, 'to delete'],
    [held?.count ?? 0, 'held'],
    [totals.retained, 'retained'],
    [failed, 'failed'],
    [orphans, 'orphans'],
  ];
  const shown = others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return [`${totals.inStep} in step`, ...(shown.length === 0 ? ['no others'] : shown)].join(', ');
}

function workerText(worker: WorkerStatus | undefined): string {
  if (worker === undefined) return 'unknown: Temporal does not report who polls the queue';
  const { queue, polling } = worker;
  if (polling.length === 0) return `none: no worker polls the queue ${queue}`;
  const names = polling.map(({ identity }) => identity).join(', ');
  return `${polling.length} ${polling.length === 1 ? 'polls' : 'poll'} ${queue}: ${names}`;
}

function watchText({ name, watch }: Status): string | undefined {
  return watch === undefined || watch === 'running' ? watch : deadWatch(name, watch);
}

function pauseText({ reason, by, at: time }: NonNullable<Status['pause']>, now: string): string {
  const who = by === undefined ? 'by an unknown user' : `by ${by}`;
  const when = time === undefined ? '' : ` at ${time}${ago(time, now)}`;
  return `${who}${when}: ${reason === '' ? 'no reason given' : reason}`;
}

function nextText({ nextCycleAt, at, paused }: Status): string | undefined {
  if (paused) return 'none while paused';
  return nextCycleAt && `${nextCycleAt} (in ${age(Date.parse(nextCycleAt) - Date.parse(at))})`;
}

function skippedText({ skipped: { overlap, missed } }: Status): string {
  return `${overlap} runs because a cycle was running, ${missed} because Temporal was down`;
}

function pushText({ state, last }: PushStatus): string {
  if (state !== 'running')
    return `${state}: changes arrive by cycles; a worker of the destination starts it again within a minute`;
  if (last === undefined) return 'running, no push yet';
  const why = last.why === undefined ? '' : ` (${last.why})`;
  return `running, the last one at ${last.at}: ${last.there} there, ${last.left} left to the next cycle${why}`;
}

function earlyExpiries({ early, nextAt }: NonNullable<Status['expiries']>): string | undefined {
  if (early === 0) return undefined;
  return (
    `${early} copies expire before their originals${nextAt === undefined ? '' : `, the first at ${nextAt}`}: ` +
    'delete_version_after of the secret or its mount at the destination; each is then copied again ("vsync check" ' +
    'names the mounts)'
  );
}

function feedLines(screen: Screen, { receivers, scan }: FeedStatus): string[] {
  const none = receivers.length === 0 ? ['    no worker has listened yet'] : [];
  const next = scan.why === undefined ? (scan.nextAt ?? '') : `with the next cycle: ${scan.why}`;
  return [
    '  feed',
    ...none,
    ...receivers.flatMap((receiver) => receiverLines(screen, receiver)),
    ...wrapped(screen, `next full scan ${next}`, 6, '    '),
  ];
}

function receiverLines(
  screen: Screen,
  { worker, polls, listeners, gap, hints, asOf }: ReceiverStatus,
): string[] {
  const state = polls === false ? ' (ended: it does not poll any more)' : '';
  const waiting = hints === 0 ? '' : `, ${hints} hints wait for a cycle`;
  return [
    ...wrapped(
      screen,
      `worker ${worker ?? 'of an earlier version'}${state}, as of ${asOf}${waiting}`,
      6,
      '    ',
    ),
    ...listeners.flatMap(({ kind, connected, connections, lastLineAt }) => {
      const line = lastLineAt === undefined ? 'no line yet' : `last line ${lastLineAt}`;
      const how = connected ? `connected (${connections})` : 'not connected';
      return wrapped(screen, `${kind} ${how}, ${line}`, 8, '      ');
    }),
    ...wrapped(
      screen,
      `last gap ${gap.at ?? 'at an unknown time'} (${gap.why}), ${gap.count} in all`,
      8,
      '      ',
    ),
  ];
}

function cycleLines(
  screen: Screen,
  { startedAt, outcome, counts, durationMs, note, failures = [] }: CycleStatus,
): string[] {
  const text = `${startedAt}  ${formatCycle(outcome, counts, durationMs)}`;
  return [
    ...wrapped(screen, text, 6, '    '),
    ...(note === undefined ? [] : wrapped(screen, note, 6)),
    ...firstLines(failures.map(formatFailure)).flatMap((line) => wrapped(screen, line, 8, '      ')),
  ];
}

function actionLines(screen: Screen, actions: readonly NextAction[]): string[] {
  if (actions.length === 0) return [];
  return [
    '  what to do next',
    ...actions.flatMap(({ what, command, changes }) => [
      ...wrapped(screen, `${what}${changes ? '' : ' (changes nothing)'}`, 6, '    '),
      `      ${command}`,
    ]),
  ];
}

import { formatDuration } from '../../rules/time';
import type { Lag } from '../../sync-info/lag';
import { deadWatch } from '../../temporal/schedule';
import { shortSet } from '../consent';
import { formatCycle, formatFailure } from '../text';
import type { FeedStatus, ReceiverStatus } from './feed';
import type { PushStatus } from './push';
import type { Status } from './read-status';

export function formatStatus(status: Status): string {
  const { held, orphans, expiries, last } = status;
  const row = (label: string, text: string | undefined): string[] =>
    text === undefined ? [] : [`  ${label.padEnd(12)}${text}`];
  return [
    `${status.schedule}${status.paused ? ' (paused)' : ''}`,
    ...row('next cycle', status.nextCycleAt),
    ...row(
      'watch',
      status.watch === 'running' ? undefined : status.watch && deadWatch(status.name, status.watch),
    ),
    ...row('last change', last && `${last.finishedAt}  ${formatCycle(last.outcome, last.counts)}`),
    ...(status.changedMounts ?? []).flatMap((mount) =>
      row('re-created', `${mount}: its secrets are kept until "vsync approve --mount ${mount} -c FILE"`),
    ),
    ...row(
      'held',
      held &&
        `${held.count} deletes wait for "vsync approve --set ${shortSet(held.hash)} -c FILE": ${held.reason}`,
    ),
    ...row(
      'orphans',
      orphans === undefined
        ? undefined
        : `${orphans} secrets that an earlier configuration left at the destination: "vsync plan -c FILE" lists them`,
    ),
    ...row('expire', expiries && earlyExpiries(expiries)),
    ...row('push', status.push && pushText(status.push)),
    ...(status.feed === undefined ? [] : feedLines(status.feed)),
    ...row('lag', status.role === 'destination' ? lagText(status.lag) : undefined),
    status.cycles.length === 0 ? '  no cycle yet' : '  cycles',
    ...status.cycles.flatMap(({ startedAt, outcome, counts, durationMs, note, failures = [] }) => [
      `    ${startedAt}  ${formatCycle(outcome, counts, durationMs)}`,
      ...(note === undefined ? [] : [`      ${note}`]),
      ...failures.map((failure) => `      ${formatFailure(failure)}`),
    ]),
  ].join('\n');
}

function lagText(lag: Lag | undefined): string {
  if (lag === undefined) return 'unknown: sync info is missing, being written, or cannot be read now';
  if (lag.secrets === 0) return 'none';
  const age = formatDuration(Math.floor(lag.ms / 1000) * 1000);
  const since = lag.since === undefined ? '' : `, the oldest change of ${lag.since}`;
  return `${age}: ${lag.secrets} ${lag.secrets === 1 ? 'secret is' : 'secrets are'} behind the origin${since}`;
}

function earlyExpiries({ early, nextAt }: NonNullable<Status['expiries']>): string | undefined {
  if (early === 0) return undefined;
  return (
    `${early} copies expire before their originals${nextAt === undefined ? '' : `, the first at ${nextAt}`}: ` +
    'delete_version_after of the secret or its mount at the destination; each is then copied again ("vsync check -c FILE" ' +
    'names the mounts)'
  );
}

function pushText({ state, last }: PushStatus): string {
  if (state !== 'running')
    return `${state}: changes arrive by cycles; a worker of the destination starts it again within a minute`;
  if (last === undefined) return 'running, no push yet';
  const why = last.why === undefined ? '' : ` (${last.why})`;
  return `running, the last one at ${last.at}: ${last.there} there, ${last.left} left to the next cycle${why}`;
}

function feedLines({ receivers, scan }: FeedStatus): string[] {
  const none = receivers.length === 0 ? ['    no worker has listened yet'] : [];
  const next = scan.why === undefined ? scan.nextAt : `with the next cycle: ${scan.why}`;
  return ['  feed', ...none, ...receivers.flatMap(receiverLines), `    next full scan ${next}`];
}

function receiverLines({ worker, polls, listeners, gap, hints, asOf }: ReceiverStatus): string[] {
  const state = polls === false ? ' (ended: it does not poll any more)' : '';
  const waiting = hints === 0 ? '' : `, ${hints} hints wait for a cycle`;
  return [
    `    worker ${worker ?? 'of an earlier version'}${state}, as of ${asOf}${waiting}`,
    ...listeners.map(({ kind, connected, connections, lastLineAt }) => {
      const line = lastLineAt === undefined ? 'no line yet' : `last line ${lastLineAt}`;
      return `      ${kind.padEnd(7)}${connected ? `connected (${connections})` : 'not connected'}, ${line}`;
    }),
    `      last gap ${gap.at ?? 'at an unknown time'} (${gap.why}), ${gap.count} in all`,
  ];
}

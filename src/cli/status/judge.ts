import { shortSet } from '../consent';
import type { CycleStatus, Facts, HealthVerdict, NextAction, Status, SyncVerdict } from './status';

/*
 * From facts to words: pure, so that a table can test it. A problem is one sentence, its weight, and what to do about it.
 * The health of a sync is that of its worst problem.
 */

interface Problem {
  readonly level: 'degraded' | 'failing';
  readonly reason: string;
  readonly since?: string | undefined;
  readonly actions?: readonly NextAction[];
}

/** @param file of the configuration, for the commands */
export function judge(facts: Facts, file: string): Pick<Status, 'sync' | 'health' | 'nextActions'> {
  const problems = PROBLEMS.flatMap((find) => find(facts, file));
  const worst = problems.find(({ level }) => level === 'failing') ?? problems[0];
  const sorted = [...problems].sort((one, other) => weight(other) - weight(one));
  const since = worst === undefined ? streakOf(facts)?.since : worst.since;
  const health: HealthVerdict = {
    word: worst?.level ?? 'ok',
    ...(since !== undefined && { since }),
    reasons: sorted.map(({ reason }) => reason),
  };
  const sync = facts.role === 'destination' ? syncOfDestination(facts) : syncOfOrigin(facts);
  const actions = [...sorted.flatMap((problem) => problem.actions ?? []), ...optional(facts, file)];
  const nextActions = actions.length === 0 && sync.word === 'behind' ? [triggerNow(file)] : actions;
  return { sync, health, nextActions: withoutRepeats(nextActions) };
}

const weight = ({ level }: Problem): number => (level === 'failing' ? 1 : 0);

/** 0 in step, 1 failed, 3 something is different, waits, or is unknown. */
export function exitCodeOf({ sync, health }: Pick<Status, 'sync' | 'health'>): 0 | 1 | 3 {
  if (health.word === 'failing') return 1;
  const isWell = health.word === 'ok' && (sync.word === 'in-step' || sync.word === 'retained');
  return isWell ? 0 : 3;
}

const isGood = (outcome: string): boolean => outcome === 'synced' || outcome === 'unchanged';

/** A cycle whose end is known. */
const hasEnded = ({ outcome }: CycleStatus): boolean =>
  outcome !== 'running' && outcome !== 'forgotten' && outcome !== 'unknown';

/** The newest cycle that ended, and since when all have ended that way, as far as is known. */
function streakOf({ cycles, last }: Facts): { newest: CycleStatus; since: string } | undefined {
  const ended = cycles.filter(hasEnded);
  const [newest] = ended;
  if (newest === undefined) return undefined;
  const isSame = (outcome: string): boolean =>
    outcome === newest.outcome || (isGood(outcome) && isGood(newest.outcome));
  const end = ended.findIndex(({ outcome }) => !isSame(outcome));
  const oldest = (end === -1 ? ended : ended.slice(0, end)).at(-1) ?? newest;
  // The list of cycles is short; sync info shows when the outcome was another one the last time.
  const isEarlier = last !== undefined && end === -1 && isSame(last.outcome);
  const since = isEarlier && last.finishedAt < oldest.startedAt ? last.finishedAt : oldest.startedAt;
  return { newest, since };
}

function syncOfDestination(facts: Facts): SyncVerdict {
  const { lag, totals, held, orphans = 0 } = facts;
  if (lag === undefined) {
    const [first] = facts.unknown;
    return {
      word: 'unknown',
      why: first?.why ?? 'sync info is missing, being written, or the mounts of both ends may be one',
    };
  }
  const since = lag.since === undefined ? {} : { since: lag.since };
  if (lag.secrets > 0) return { word: 'behind', ...since, why: `${secrets(lag.secrets)} behind the origin` };
  const { toDelete = 0, retained = 0 } = totals ?? {};
  if (toDelete > 0 && held === undefined)
    return { word: 'behind', why: `${secrets(toDelete)} gone at the origin, still here` };
  const kept = [
    ...(held === undefined ? [] : [`${held.count} deletes wait for an approval`]),
    ...(retained > 0 ? [`${retained} kept on purpose`] : []),
    ...(orphans > 0 ? [`${orphans} left by an earlier configuration`] : []),
  ];
  if (kept.length > 0) return { word: 'retained', why: `all changes are here; ${kept.join(', ')}` };
  return { word: 'in-step', ...sinceGood(facts), why: 'all that the origin has published is here' };
}

function syncOfOrigin(facts: Facts): SyncVerdict {
  const { changedMounts = [] } = facts;
  const streak = streakOf(facts);
  if (streak === undefined) return { word: 'unknown', why: 'no cycle has ended yet' };
  const { newest, since } = streak;
  if (newest.outcome === 'partial' && changedMounts.length > 0)
    return { word: 'retained', since, why: `secrets of ${changedMounts.join(', ')} are kept as they were` };
  if (!isGood(newest.outcome))
    return {
      word: 'behind',
      since,
      why: `the last cycle was ${newest.outcome}: not all changes are published`,
    };
  return { word: 'in-step', ...sinceGood(facts), why: 'the last cycle has published all changes' };
}

function sinceGood(facts: Facts): { since?: string } {
  const streak = streakOf(facts);
  return streak !== undefined && isGood(streak.newest.outcome) ? { since: streak.since } : {};
}

type FindProblems = (facts: Facts, file: string) => Problem[];

/** In the order in which to repair them. */
const PROBLEMS: readonly FindProblems[] = [
  ({ worker }, file) => {
    if (worker === undefined || worker.polling.length > 0) return [];
    const reason = `no worker polls the queue ${worker.queue}`;
    return [failing(reason, act('start a worker', reason, `vsync worker -c ${file}`, true))];
  },
  ({ vaults }, file) =>
    Object.entries(vaults).flatMap(([side, { address, product, sealed, problem }]) => {
      if (sealed === true) {
        const reason = `the Vault of the ${side}, ${address}, is sealed`;
        const command = `${product === 'OpenBao' ? 'bao' : 'vault'} operator unseal -address=${address}`;
        return [failing(reason, act('unseal the Vault', reason, command, true))];
      }
      if (problem === undefined) return [];
      const reason = `the Vault of the ${side} cannot be asked from here: ${problem}`;
      return [degraded(reason, act('check the access', reason, `vsync check -c ${file}`, false))];
    }),
  ({ unknown }, file) =>
    unknown.map(({ what, why }) => {
      const reason = `cannot find out ${what}: ${why}`;
      return degraded(reason, act('check the access', reason, `vsync check -c ${file}`, false));
    }),
  (facts, file) => problemsOfCycles(facts, file),
  ({ paused, pause }, file) => {
    if (!paused) return [];
    const why = pause?.by === undefined ? 'it is paused' : `it was paused by ${pause.by}`;
    return [
      { ...degraded(why, act('resume the cycles', why, `vsync resume -c ${file}`, true)), since: pause?.at },
    ];
  },
  ({ changedMounts = [] }, file) =>
    changedMounts.map((mount) => {
      const reason = `the mount ${mount} of the origin was re-created: its secrets are kept`;
      const command = `vsync approve --mount ${mount} -c ${file}`;
      return degraded(reason, act('approve the mount, if that was on purpose', reason, command, true));
    }),
  ({ held }, file) => {
    if (held === undefined) return [];
    const reason = `${held.count} deletes wait for an approval`;
    return [
      degraded(
        reason,
        act('see which deletes wait', reason, `vsync plan -c ${file}`, false),
        act('approve the deletes', reason, `vsync approve --set ${shortSet(held.hash)} -c ${file}`, true),
      ),
    ];
  },
  ({ watch }, file) => {
    if (watch === undefined || watch === 'running') return [];
    const reason = `the watch is ${watch}`;
    return [degraded(reason, act('start the watch', reason, `vsync start -c ${file}`, true))];
  },
  ({ push }, file) => {
    if (push === undefined || push.state === 'running') return [];
    const reason = `the push is ${push.state}: changes arrive by cycles only`;
    return [degraded(reason, act('start the push', reason, `vsync start -c ${file}`, true))];
  },
  ({ feed }, file) => {
    if (feed === undefined) return [];
    const living = feed.receivers.filter(({ polls }) => polls !== false);
    const listeners = living.flatMap((receiver) => receiver.listeners);
    // A sender of POSTs has no connection between two of them.
    const isDeaf =
      listeners.length > 0 && listeners.every(({ kind, connected }) => kind !== 'http' && !connected);
    if (!isDeaf) return [];
    const reason = 'no audit line arrives: the feed has no connection, and cycles scan at each tick';
    return [degraded(reason, act('check the audit device', reason, `vsync check -c ${file}`, false))];
  },
  ({ expiries }, file) => {
    if (expiries === undefined || expiries.early === 0) return [];
    const reason = `${expiries.early} copies expire before their originals`;
    return [degraded(reason, act('see which mounts do that', reason, `vsync check -c ${file}`, false))];
  },
];

function problemsOfCycles(facts: Facts, file: string): Problem[] {
  const streak = streakOf(facts);
  if (streak === undefined) return [];
  const { newest, since } = streak;
  const { outcome, note, counts, failures = [] } = newest;
  const check = (reason: string) =>
    act('check servers, tokens and policies', reason, `vsync check -c ${file}`, false);
  switch (outcome) {
    case 'synced':
    case 'unchanged':
    case 'held': // The deletes that wait are a problem of their own.
      return [];
    case 'failed': {
      const reason = `the last cycle failed: ${note ?? 'for an unknown reason'}`;
      return [{ ...failing(reason, check(reason)), since }];
    }
    case 'partial': {
      const left = (counts?.failed ?? 0) + (counts?.unknown ?? 0);
      const [first] = failures;
      const example = first === undefined ? '' : `, such as ${first.path} (${first.class})`;
      const subject = left === 1 ? '1 path failed or is' : `${left} paths failed or are`;
      const reason = `${subject} unknown in the last cycle${example}`;
      return [{ ...degraded(reason, check(reason)), since }];
    }
    default: {
      const reason = `the last cycle was ${outcome}${note === undefined ? '' : `: ${note}`}`;
      return [{ ...degraded(reason, triggerNow(file)), since }];
    }
  }
}

/** What is not a problem, and can be done. */
function optional({ orphans = 0 }: Facts, file: string): NextAction[] {
  if (orphans === 0) return [];
  const why = `an earlier configuration left ${secrets(orphans)} at the destination`;
  return [
    act('see which orphans there are', why, `vsync plan -c ${file}`, false),
    act('remove the orphans', why, `vsync prune --orphans -c ${file}`, true),
  ];
}

const triggerNow = (file: string): NextAction =>
  act('run a cycle now', 'otherwise the next run does it', `vsync trigger --wait -c ${file}`, true);

function act(what: string, why: string, command: string, changes: boolean): NextAction {
  return { what, why, command, changes };
}

function failing(reason: string, ...actions: NextAction[]): Problem {
  return { level: 'failing', reason, actions };
}

function degraded(reason: string, ...actions: NextAction[]): Problem {
  return { level: 'degraded', reason, actions };
}

/** One command may help with several problems. */
function withoutRepeats(actions: readonly NextAction[]): NextAction[] {
  return actions.filter(({ command }, at) => actions.findIndex((one) => one.command === command) === at);
}

function secrets(count: number): string {
  return `${count} ${count === 1 ? 'secret' : 'secrets'}`;
}

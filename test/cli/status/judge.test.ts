import { exitCodeOf, judge } from '../../../src/cli/status/judge';
import { HEALTH_WORDS, SYNC_WORDS, type Facts } from '../../../src/cli/status/status';
import { counted, cycle, wellDestination, wellOrigin } from './facts';

const HASH = 'abcdef0123456789';
const held = { count: 4, hash: HASH, reason: 'the origin has no secret any more' };
const receiver = {
  receiver: 'a',
  worker: '1@a',
  polls: true,
  listeners: [{ kind: 'socket', connected: false, connections: 0 }],
  gap: { count: 1, why: 'start' },
  hints: 0,
  asOf: '2026-01-01T11:00:00.000Z',
};
const unreached = { address: 'https://v:8200', problem: 'connection refused' };
const partial = cycle(1, 'partial', {
  counts: counted({ failed: 1, unknown: 2 }),
  failures: [{ path: 's/data/a', class: 'forbidden' }],
});

/** What is wrong, the words for it, the exit code, a part of the first reason, and the commands that are named. */
type Row = [
  what: string,
  facts: Facts,
  words: `${(typeof SYNC_WORDS)[number]} ${(typeof HEALTH_WORDS)[number]}`,
  code: 0 | 1 | 3,
  reason: string | undefined,
  commands: string[],
];

const { lag: _, ...withoutLag } = wellDestination();
const ROWS: Row[] = [
  ['nothing', wellDestination(), 'in-step ok', 0, undefined, []],
  ['nothing at the origin', wellOrigin(), 'in-step ok', 0, undefined, []],
  [
    'a change that is on its way',
    wellDestination({ lag: { ms: 4_000, secrets: 1, since: '2026-01-01T11:59:56Z' } }),
    'behind ok',
    3,
    undefined,
    ['vsync trigger --wait -c f.yaml'],
  ],
  [
    'a delete that is on its way',
    wellDestination({ totals: { inStep: 1, toAdd: 0, toUpdate: 0, toDelete: 1, retained: 0 } }),
    'behind ok',
    3,
    undefined,
    ['vsync trigger --wait -c f.yaml'],
  ],
  [
    'secrets that are kept on purpose',
    wellDestination({ totals: { inStep: 1, toAdd: 0, toUpdate: 0, toDelete: 0, retained: 2 } }),
    'retained ok',
    0,
    undefined,
    [],
  ],
  [
    'orphans',
    wellDestination({ orphans: 3 }),
    'retained ok',
    0,
    undefined,
    ['vsync plan -c f.yaml', 'vsync prune --orphans -c f.yaml'],
  ],
  [
    'deletes that wait',
    wellDestination({ held, cycles: [cycle(1, 'held')] }),
    'retained degraded',
    3,
    '4 deletes wait for an approval',
    ['vsync plan -c f.yaml', 'vsync approve --set abcdef012345 -c f.yaml'],
  ],
  [
    'no worker',
    wellDestination({ worker: { queue: 'vsync-destination-site1', polling: [] } }),
    'in-step failing',
    1,
    'no worker polls the queue vsync-destination-site1',
    ['vsync worker -c f.yaml'],
  ],
  [
    'a sealed Vault',
    wellOrigin({ vaults: { origin: { address: 'https://v:8200', sealed: true } } }),
    'in-step failing',
    1,
    'the Vault of the origin, https://v:8200, is sealed',
    ['vault operator unseal -address=https://v:8200'],
  ],
  [
    'a Vault that this host does not reach',
    wellOrigin({ vaults: { origin: unreached } }),
    'in-step degraded',
    3,
    'the Vault of the origin cannot be asked from here: connection refused',
    ['vsync check -c f.yaml'],
  ],
  [
    'no Consul',
    { ...withoutLag, unknown: [{ what: 'lag and totals', why: 'Consul http://c: no answer' }] },
    'unknown degraded',
    3,
    'cannot find out lag and totals: Consul http://c: no answer',
    ['vsync check -c f.yaml'],
  ],
  ['a lag that is unknown', withoutLag, 'unknown ok', 3, undefined, []],
  ['no cycle yet', wellOrigin({ cycles: [] }), 'unknown ok', 3, undefined, []],
  [
    'a cycle that failed',
    wellOrigin({ cycles: [cycle(1, 'failed', { note: 'VaultForbidden: preflight' })] }),
    'behind failing',
    1,
    'the last cycle failed: VaultForbidden: preflight',
    ['vsync check -c f.yaml'],
  ],
  [
    'a partial cycle',
    wellOrigin({ cycles: [partial] }),
    'behind degraded',
    3,
    '3 paths failed or are unknown in the last cycle, such as s/data/a (forbidden)',
    ['vsync check -c f.yaml'],
  ],
  [
    'a cycle that was cancelled',
    wellOrigin({ cycles: [cycle(1, 'cancelled')] }),
    'behind degraded',
    3,
    'the last cycle was cancelled',
    ['vsync trigger --wait -c f.yaml'],
  ],
  [
    'a running cycle after a good one',
    wellDestination({ cycles: [cycle(0, 'running'), cycle(1, 'unchanged')] }),
    'in-step ok',
    0,
    undefined,
    [],
  ],
  [
    'a pause',
    wellDestination({
      paused: true,
      pause: { reason: 'upgrade', by: 'ann@ops', at: '2026-01-01T11:00:00.000Z' },
    }),
    'in-step degraded',
    3,
    'it was paused by ann@ops',
    ['vsync resume -c f.yaml'],
  ],
  [
    'a mount that was re-created',
    wellOrigin({ cycles: [partial], changedMounts: ['s/'] }),
    'retained degraded',
    3,
    '3 paths failed or are unknown',
    ['vsync check -c f.yaml', 'vsync approve --mount s/ -c f.yaml'],
  ],
  [
    'a watch that does not run',
    wellDestination({ watch: 'terminated' }),
    'in-step degraded',
    3,
    'the watch is terminated',
    ['vsync start -c f.yaml'],
  ],
  [
    'a push that does not run',
    wellDestination({ push: { state: 'missing' } }),
    'in-step degraded',
    3,
    'the push is missing',
    ['vsync start -c f.yaml'],
  ],
  [
    'a feed without a connection',
    wellOrigin({ feed: { receivers: [receiver], scan: {} } }),
    'in-step degraded',
    3,
    'no audit line arrives',
    ['vsync check -c f.yaml'],
  ],
  [
    'a feed of POSTs between two of them',
    wellOrigin({
      feed: {
        receivers: [{ ...receiver, listeners: [{ kind: 'http', connected: false, connections: 0 }] }],
        scan: {},
      },
    }),
    'in-step ok',
    0,
    undefined,
    [],
  ],
  [
    'copies that expire',
    wellDestination({ expiries: { copies: 2, early: 1 } }),
    'in-step degraded',
    3,
    '1 copies expire before their originals',
    ['vsync check -c f.yaml'],
  ],
];

test.each(ROWS)(
  'judge finds the words, the exit code and the commands for %s',
  (_what, facts, words, code, reason, commands) => {
    const verdict = judge(facts, 'f.yaml');
    expect(`${verdict.sync.word} ${verdict.health.word}`).toBe(words);
    expect(exitCodeOf(verdict)).toBe(code);
    if (reason === undefined) expect(verdict.health.reasons).toEqual([]);
    else expect(verdict.health.reasons[0]).toContain(reason);
    expect(verdict.nextActions.map(({ command }) => command)).toEqual(commands);
  },
);

test('judge names every sync word and every health word in some situation', () => {
  const words = new Set(ROWS.flatMap(([, , both]) => both.split(' ')));
  expect([...words].sort()).toEqual([...SYNC_WORDS, ...HEALTH_WORDS].sort());
});

test('judge marks commands that change something', () => {
  const { nextActions } = judge(wellDestination({ held }), 'f.yaml');
  expect(nextActions.map(({ command, changes }) => [command.split(' ')[1], changes])).toEqual([
    ['plan', false],
    ['approve', true],
  ]);
});

test('judge lists the reason of the worst problem first', () => {
  const { health } = judge(
    wellDestination({ paused: true, worker: { queue: 'q', polling: [] }, vaults: { origin: unreached } }),
    'f.yaml',
  );
  expect(health.word).toBe('failing');
  expect(health.reasons[0]).toBe('no worker polls the queue q');
  expect(health.reasons).toHaveLength(3);
});

test.each<[what: string, facts: Facts, since: { sync?: string; health?: string }]>([
  [
    'the first of the equal cycles',
    wellOrigin({ cycles: [cycle(1, 'failed'), cycle(2, 'failed'), cycle(3, 'synced')] }),
    { sync: cycle(2, '').startedAt, health: cycle(2, '').startedAt },
  ],
  [
    'the last change, where all cycles that are known went well',
    wellDestination({
      cycles: [cycle(1, 'unchanged'), cycle(2, 'unchanged')],
      last: { outcome: 'synced', finishedAt: '2025-12-24T00:00:00.000Z', counts: {} },
    }),
    { sync: '2025-12-24T00:00:00.000Z', health: '2025-12-24T00:00:00.000Z' },
  ],
  [
    'the oldest change that is not there',
    wellDestination({ lag: { ms: 1, secrets: 1, since: '2026-01-01T11:59:56Z' } }),
    { sync: '2026-01-01T11:59:56Z', health: cycle(2, '').startedAt },
  ],
  [
    'the beginning of the pause',
    wellDestination({ paused: true, pause: { reason: 'r', by: 'a@b', at: '2026-01-01T11:00:00.000Z' } }),
    { sync: '2026-01-01T11:58:00.000Z', health: '2026-01-01T11:00:00.000Z' },
  ],
])('judge counts from %s', (_what, facts, since) => {
  const { sync, health } = judge(facts, 'f.yaml');
  expect({ sync: sync.since, health: health.since }).toEqual(since);
});

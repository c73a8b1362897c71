import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { createClients } from '../../src/activities/clients';
import type { Config } from '../../src/config/schema';
import { scheduleId, watchId } from '../../src/contract/ids';
import { start, trigger } from '../../src/temporal/operations';
import type { CycleResult } from '../../src/contract/cycle';
import { eventually } from '../support/eventually';
import { publishedBy } from '../support/published';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** A sync was moved to another Temporal and still runs in the old one, with the same name, Vaults and sync paths. */

const NAMES = [...Array(12).keys()].map((n) => `s-${n}`);
const ROUNDS = 4;

let sync: SyncFixture;
let connection: Connection;
let other: Client;
const moved = (config: Config): Config => ({
  ...config,
  temporal: { ...config.temporal, namespace: `moved-${sync.id}` },
});

/** Starts the other deployment on its own Temporal. Its later cycles run when a test triggers them. */
async function startOther(role: 'origin' | 'destination'): Promise<void> {
  const clients = await createClients(moved(sync.config(role)));
  try {
    await start(other, clients);
  } finally {
    await clients.close();
  }
  const handle = other.schedule.getHandle(scheduleId(role, sync.config(role).name));
  await eventually(async () => {
    expect((await handle.describe()).info.runningActions).toEqual([]);
  }, 'the first cycle of the other deployment');
}

async function cycleOfOther(role: 'origin' | 'destination'): Promise<CycleResult> {
  const { cycle } = await trigger(other, moved(sync.config(role)), { wait: true });
  if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
  return cycle.result();
}

/** How each cycle ended: its outcome, or the type of its failure. */
async function ends(...cycles: readonly Promise<CycleResult>[]): Promise<string[]> {
  return Promise.all(
    cycles.map((cycle) =>
      cycle.then(
        ({ outcome }) => outcome,
        (error: unknown) => {
          if (!(error instanceof WorkflowFailedError)) throw error;
          return (error.cause as { type?: string }).type ?? 'Unknown';
        },
      ),
    ),
  );
}

beforeAll(async () => {
  sync = await SyncFixture.create({ numBuckets: 3 });
  const namespace = `moved-${sync.id}`;
  connection = await Connection.connect({ address: sharedServers().temporal });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 24 * 3600 },
  } as never);
  other = new Client({ connection, namespace });
  for (const name of NAMES) await sync.originVault.put(sync.mount, name, { name });
  await sync.run();
  await sync.cycle('origin');
  await sync.cycle('destination');
  // Temporal needs some seconds until all its services know a new namespace.
  await eventually(
    () => sync.workOn([moved(sync.config('origin')), moved(sync.config('destination'))]),
    'the namespace to be known',
  );
  await eventually(() => startOther('origin'), 'the namespace to be known to schedules');
  await startOther('destination');
  await other.workflow.getHandle(watchId(sync.config('destination').name)).terminate();
});

afterAll(async () => {
  for (const role of ['origin', 'destination'] as const)
    await other.schedule.getHandle(scheduleId(role, sync.config(role).name)).delete();
  await sync.tearDown();
  await connection.close();
});

const KNOWN_ENDS = new Set(['synced', 'unchanged', 'partial', 'Conflict']);

const versions = (): Promise<number[]> =>
  Promise.all(NAMES.map(async (name) => (await sync.destinationVaults[0]?.version(sync.mount, name)) ?? 0));

test('two deployments on one sync path corrupt nothing, write each value once, and agree once one runs alone', async () => {
  const all: string[] = [];
  /** Rounds in which neither destination cycle came to its end, so the values of the next round may arrive first. */
  let unfinished = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const name of NAMES) await sync.originVault.put(sync.mount, name, { name, round });
    all.push(...(await ends(sync.cycle('origin'), cycleOfOther('origin'))));
    // The origin info is whole and of this round, whichever deployment was first.
    const { insights } = await publishedBy(sync);
    expect(Object.values(insights).map(({ version }) => version)).toEqual(NAMES.map(() => round + 1));
    const copies = await ends(sync.cycle('destination'), cycleOfOther('destination'));
    all.push(...copies);
    if (!copies.some((end) => end === 'synced' || end === 'unchanged')) unfinished += 1;
    expect(Math.max(...(await versions()))).toBeLessThanOrEqual(round + 1);
  }
  expect(all).toHaveLength(4 * ROUNDS);
  expect(all.filter((end) => !KNOWN_ENDS.has(end))).toEqual([]);

  await sync.cycle('origin');
  await sync.cycle('destination');
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  expect((await publishedBy(sync, 'destination')).insights).toEqual((await publishedBy(sync)).insights);
  for (const version of await versions()) {
    expect(version).toBeLessThanOrEqual(ROUNDS + 1);
    expect(version).toBeGreaterThanOrEqual(ROUNDS + 1 - unfinished);
  }
  for (const name of NAMES)
    expect(await sync.destinationVaults[0]?.get(sync.mount, name)).toEqual({ name, round: ROUNDS });
  expect(await ends(cycleOfOther('origin'), cycleOfOther('destination'))).toEqual(['unchanged', 'unchanged']);
});

test.each(['origin', 'destination'] as const)(
  'vsync refuses a sync of another name on the same sync path, at its start and before each cycle: %s',
  async (role) => {
    const config = sync.config(role);
    const clients = await createClients({ ...config, name: `other-${sync.id}` });
    const refusal = new RegExp(
      `is the sync info of ${config.name}, and this sync is called other-${sync.id}`,
    );
    try {
      await expect(start(sync.client, clients)).rejects.toThrow(refusal);
    } finally {
      await clients.close();
    }
    const key = `${sync.infoPrefix(role)}state`;
    const state = (await sync.consul.values(key))[key] ?? '';
    await sync.consul.put(key, state.replace(`"name":"${config.name}"`, '"name":"somebody-else"'));
    const before = await sync.consul.revisions(sync.infoPrefix(role));
    await expect(sync.cycle(role)).rejects.toMatchObject({
      cause: {
        type: 'Conflict',
        message: expect.stringMatching(/preflight: .* is the sync info of somebody-else/) as unknown,
      },
    });
    expect(await sync.consul.revisions(sync.infoPrefix(role))).toEqual(before);
    await sync.consul.put(key, state);
    expect(await sync.cycle(role)).toMatchObject({ outcome: 'unchanged' });
  },
);

import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import path from 'node:path';
import { cyclesOf } from '../../src/temporal/schedule';
import type { CycleResult } from '../../src/contract/cycle';
import { eventually } from '../support/eventually';
import { cleanEnvironment, startGuarded } from '../../dev/shared/guarded-process';
import { GateProxy } from '../support/gate-proxy';
import { RunningSync } from '../support/running-sync';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** Timeout of cycles that must meet it: long enough that a slow machine copies some secrets before. */
const SHORT = '15s';

const VSYNC = path.join(__dirname, '..', '..', 'bin', 'vsync');

/** A destination cycle that cannot finish claims what has arrived, and nothing else. */
describe('in the middle of a copy,', () => {
  let sync: SyncFixture;
  let gate: GateProxy;
  const paths = ['a', 'b', 'c', 'd', 'e', 'held'];

  /** @param timeout of a cycle; the default is longer than a slow machine needs */
  async function begin({ timeout = '1m' } = {}): Promise<void> {
    gate = await GateProxy.before(sharedServers().destinations[0].address);
    sync = await SyncFixture.create({ destinationVault: gate.address, numBuckets: 2, timeout });
    await sync.run();
    for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
    await sync.cycle('origin');
  }

  afterEach(async () => {
    await sync.tearDown();
    await gate.close();
  });

  /** Starts a cycle whose last secret hangs, and waits until all others have arrived. */
  async function startHeldCycle(): Promise<WorkflowHandle> {
    gate.hold((method, url) => method === 'POST' && url.endsWith('data/held'));
    await sync.schedule('destination').trigger('BUFFER_ONE');
    await eventually(async () => {
      const there = await Promise.all(
        paths.map(async (path) => sync.destinationVaults[0]?.get(sync.mount, path)),
      );
      expect(there.filter((value) => value !== undefined)).toHaveLength(paths.length - 1);
    }, 'all but one to arrive');
    const last = cyclesOf(await sync.schedule('destination').describe()).at(-1);
    return sync.client.workflow.getHandle(last?.workflowId ?? '', last?.runId);
  }

  /** Expects each secret in its first version, and a next cycle without work. */
  async function expectConverged(): Promise<void> {
    for (const path of paths) {
      expect(await sync.destinationVaults[0]?.get(sync.mount, path)).toEqual({ path });
      expect(await sync.destinationVaults[0]?.version(sync.mount, path)).toBe(1);
    }
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  }

  const claimed = async (): Promise<string> =>
    JSON.stringify(await sync.consul.values(sync.infoPrefix('destination')));

  test('destination cycle ends as timed-out at its timeout, and the next one copies only what is missing', async () => {
    await begin({ timeout: SHORT });
    const cycle = await startHeldCycle();
    const result = (await cycle.result()) as CycleResult;
    expect(result).toMatchObject({ outcome: 'timed-out', counts: { added: paths.length - 1 } });
    expect(await claimed()).toContain(`${sync.mount}data/a`);
    expect(await claimed()).not.toContain(`${sync.mount}data/held`);

    gate.release();
    await sync.idle('destination');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { read: 1 } });
    await expectConverged();
  });

  test('destination cycle ends as cancelled on a cancel, and keeps what has arrived', async () => {
    await begin();
    const cycle = await startHeldCycle();
    await cycle.cancel();
    await expect(cycle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await cycle.describe()).status.name).toBe('CANCELLED');
    expect(await claimed()).toContain(`${sync.mount}data/a`);
    expect(await claimed()).not.toContain(`${sync.mount}data/held`);

    gate.release();
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { read: 1 } });
    await expectConverged();
  });

  test('destination cycle stays open when its last worker stops, and the next worker continues it', async () => {
    await begin();
    const cycle = await startHeldCycle();
    await sync.stopWork();
    expect((await cycle.describe()).status.name).toBe('RUNNING');
    expect(await claimed()).toContain(`${sync.mount}data/a`);

    gate.release();
    await sync.work();
    expect(await cycle.result()).toMatchObject({ outcome: 'synced', counts: { failed: 0 } });
    await expectConverged();
  });

  test('destination cycle is finished by the next worker after kill -9, without one needless version', async () => {
    await begin();
    await sync.stopWork();
    const worker = await startGuarded({
      command: process.execPath,
      args: [VSYNC, 'worker', '-c', sync.originFile, ...sync.destinationFiles],
      env: cleanEnvironment(),
      logFile: path.join(sync.folder, 'worker.log'),
    });
    const cycle = await startHeldCycle();
    process.kill(worker.pid, 'SIGKILL');
    await worker.exited;
    expect((await cycle.describe()).status.name).toBe('RUNNING');

    gate.release();
    await sync.work();
    await cycle.result();
    await sync.idle('destination');
    await sync.cycle('destination');
    await expectConverged();
  });
});

test('origin cycle publishes nothing when it is cancelled', async () => {
  const gate = await GateProxy.before(sharedServers().consul);
  const sync = await SyncFixture.create({
    destinations: 0,
    edit: (file) => ((file['origin'] as { consul: { address: string } }).consul.address = gate.address),
  });
  try {
    await sync.work();
    await sync.start('origin');
    const index = async (): Promise<string | undefined> =>
      (await sync.consul.values(sync.infoPrefix('origin')))[`${sync.infoPrefix('origin')}index`];
    const before = await index();
    await sync.originVault.put(sync.mount, 'late', { value: 1 });
    // The gate holds the staging of the lists: the scan has ended, and nothing is published yet.
    gate.hold((method) => method === 'PUT');
    const held = gate.held();
    await sync.schedule('origin').trigger('BUFFER_ONE');
    await held;
    const last = cyclesOf(await sync.schedule('origin').describe()).at(-1);
    const cycle = sync.client.workflow.getHandle(last?.workflowId ?? '', last?.runId);
    await cycle.cancel();
    await expect(cycle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await cycle.describe()).status.name).toBe('CANCELLED');
    expect(await index()).toBe(before);

    gate.release();
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
    expect(await index()).not.toBe(before);
  } finally {
    gate.release();
    await sync.tearDown();
    await gate.close();
  }
});

test.each<['timed out' | 'cancelled', timeout: string]>([
  ['timed out', SHORT],
  ['cancelled', '1m'],
])('origin cycle publishes nothing when it is %s after its listing', async (end, timeout) => {
  const running = await RunningSync.create({ secrets: ['a'], timeout });
  const { sync, proxies } = running;
  const live = async (): Promise<[key: string, revision: number][]> =>
    Object.entries(await sync.consul.revisions(sync.infoPrefix('origin'))).filter(
      ([key]) => !key.includes('/staging/'),
    );
  try {
    const before = await live();
    await running.put('late');
    const held = new Promise<void>((resolve) => {
      proxies.originVault.choose((method, url) => {
        if (method !== 'GET' || !url.endsWith('metadata/late')) return undefined;
        resolve();
        return 'hang';
      });
    });
    await sync.schedule('origin').trigger('BUFFER_ONE');
    await held;
    const cycle = await sync.lastCycle('origin');
    if (end === 'cancelled') {
      await cycle.cancel();
      await expect(cycle.result()).rejects.toThrow(WorkflowFailedError);
    } else expect(await cycle.result()).toMatchObject({ outcome: 'timed-out' });
    expect(await live()).toEqual(before);

    running.mendAll();
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
  } finally {
    await running.tearDown();
  }
});

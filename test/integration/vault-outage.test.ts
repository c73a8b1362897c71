import { cyclesOf } from '../../src/temporal/schedule';
import type { CycleResult } from '../../src/contract/cycle';
import { collectedLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { syncWithVault, type OwnVaultOptions, type OwnVaultSync } from '../support/own-vault';
import { startVaultFile, type VaultFileServer } from '../../dev/servers/start';

/** A real Vault is down for a part of a cycle. Requests to it pause, and the same cycle continues when it is back. */

type Side = 'origin' | 'destination';

const WORKERS = 8;
const COUNT = 60;
/** Requests of the work that pass before the Vault goes down. */
const PASSED = 20;

let vault: VaultFileServer;
const open: OwnVaultSync[] = [];

beforeAll(async () => (vault = await startVaultFile({ mounts: [] })));
afterAll(async () => {
  for (const running of open) await running.tearDown();
  await vault.stop();
});

async function start(...[side, options]: [Side, OwnVaultOptions]): Promise<OwnVaultSync> {
  const running = await syncWithVault(side, vault, { numWorkers: WORKERS, ...options });
  open.push(running);
  return running;
}

const isHealth = (request: string): boolean => request.includes('/v1/sys/');

interface Outage {
  goAway: () => Promise<void>;
  comeBack: () => Promise<void>;
  words: string;
}

const OUTAGES: Record<string, Outage> = {
  'sealed and unsealed': {
    goAway: () => vault.seal(),
    comeBack: () => vault.unseal(),
    words: 'the Vault is sealed (503): unseal it; since ',
  },
  'killed and restarted': {
    goAway: () => vault.halt('SIGKILL'),
    comeBack: () => vault.restart(),
    words: 'the connection was closed in the middle of the answer',
  },
};

/**
 * Takes the Vault down in the middle of the work of a cycle.
 *
 * @param isWork whether a request belongs to the work
 * @returns the requests that reach the Vault from then on
 */
async function goAwayInTheMiddle(
  { proxy }: OwnVaultSync,
  isWork: (method: string, url: string) => boolean,
  goAway: () => Promise<void>,
): Promise<string[]> {
  let seen = 0;
  let away: Promise<void> | undefined;
  const sinceThen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    proxy.choose((method, url) => {
      if (away !== undefined) sinceThen.push(`${method} ${url}`);
      if (!isWork(method, url) || ++seen < PASSED) return undefined;
      away ??= goAway();
      away.then(resolve, reject);
      return away.then(() => undefined);
    });
  });
  return sinceThen;
}

/** Starts a cycle without waiting for it. @returns a function that waits for its result */
async function startCycle({ sync }: OwnVaultSync, role: Side): Promise<() => Promise<CycleResult>> {
  const last = async (): Promise<{ workflowId: string; runId: string } | undefined> =>
    cyclesOf(await sync.schedule(role).describe()).at(-1);
  const before = await last();
  await sync.schedule(role).trigger('BUFFER_ONE');
  return async () => {
    const cycle = await eventually(async () => {
      const begun = await last();
      if (begun === undefined || begun.runId === before?.runId) throw new Error('not begun');
      return begun;
    }, 'the cycle');
    return (await sync.client.workflow.getHandle(cycle.workflowId, cycle.runId).result()) as CycleResult;
  };
}

/** Waits for two health checks: activities have failed without a request of their own by then. */
async function askedTwice(reached: readonly string[]): Promise<void> {
  await eventually(() => {
    expect(reached.filter(isHealth).length).toBeGreaterThanOrEqual(2);
    return Promise.resolve();
  }, 'two questions for its health');
}

describe('destination cycle', () => {
  const { log, lines } = collectedLog();
  let running: OwnVaultSync;
  beforeAll(async () => (running = await start('destination', { log })), 60_000);

  test.each(Object.keys(OUTAGES))(
    'waits for a Vault that is %s during a first copy, and the same cycle finishes',
    async (how) => {
      const { goAway, comeBack, words } = OUTAGES[how] as Outage;
      const { sync, proxy, api } = running;
      const paths = Array.from({ length: COUNT }, (_, at) => `${how}/s${at}`);
      await Promise.all(paths.map((path) => sync.originVault.put(sync.mount, path, { path })));
      await sync.cycle('origin');
      lines.length = 0;

      const result = await startCycle(running, 'destination');
      const isWrite = (method: string, url: string): boolean => method === 'POST' && url.includes('/data/');
      const reached = await goAwayInTheMiddle(running, isWrite, goAway);
      await askedTwice(reached);
      const whileAway = [...reached];
      await comeBack();
      expect(await result()).toMatchObject({ outcome: 'synced', counts: { failed: 0, unknown: 0 } });

      // At most the requests that were in flight, and one repetition of each.
      expect(whileAway.filter((request) => !isHealth(request)).length).toBeLessThanOrEqual(2 * WORKERS);
      const found = lines.filter((line) => line.startsWith(`Vault ${proxy.address}: `));
      expect(found.filter((line) => line.includes('Cycles wait for it'))).toEqual([
        expect.stringContaining(words),
      ]);
      const there = await Promise.all(
        paths.map(async (path) => [await api.get(sync.mount, path), await api.version(sync.mount, path)]),
      );
      expect(there).toEqual(paths.map((path) => [{ path }, 1]));
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
    },
  );
});

test('origin cycle waits for a Vault that is sealed during the listing and the metadata reads: nothing is unknown, and nothing is deleted', async () => {
  const running = await start('origin', {});
  const { sync, api } = running;
  const paths = Array.from({ length: 2 * PASSED }, (_, at) => `f${at}/x`);
  await Promise.all(paths.map((path) => api.put(sync.mount, path, { path })));
  await sync.cycle('origin');
  expect(await sync.cycle('destination')).toMatchObject({ counts: { added: paths.length } });

  const result = await startCycle(running, 'origin');
  for (const verb of ['LIST', 'GET']) {
    const isWork = (method: string, url: string): boolean => method === verb && url.includes('/metadata/');
    await askedTwice(await goAwayInTheMiddle(running, isWork, () => vault.seal()));
    await vault.unseal();
  }
  const counts = { listed: paths.length, read: paths.length, unknown: 0 };
  expect(await result()).toMatchObject({ outcome: 'unchanged', counts });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { deleted: 0 } });
});

test('cycles that time out while a Vault is sealed name it in their note', async () => {
  // Longer than a slow machine needs to meet the seal.
  const running = await start('origin', { timeout: '10s' });
  const { sync, proxy } = running;
  await vault.seal();
  try {
    const results = [await startCycle(running, 'origin'), await startCycle(running, 'destination')];
    const words = `; waited for Vault ${proxy.address}: the Vault is sealed (503): unseal it; since 20`;
    for (const result of results)
      expect(await result()).toMatchObject({
        outcome: 'timed-out',
        note: expect.stringContaining(words) as unknown,
      });
  } finally {
    await vault.unseal();
  }
  await eventually(async () => {
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
  }, 'the origin to go on');
});

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inParallel } from '../../src/concurrency/work-pool';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { publishedBy } from '../support/published';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { startVsync } from '../../dev/shared/vsync-command';

/** Two processes work for one sync. One of them is killed during a scan, and during a first copy. */

const SECRETS = 300;
/** Requests of both processes before the kill: enough to be in the middle of the work. */
const KILL_AT = 100;

interface Process {
  worker: GuardedProcess;
  originVault: FaultProxy;
  vault: FaultProxy;
}

let sync: SyncFixture;
const processes: Process[] = [];

/** Starts a worker process for both roles, with a proxy in front of each Vault. */
async function startProcess(): Promise<Process> {
  const { origin, destinations } = sharedServers();
  const originVault = await FaultProxy.before(origin.address);
  const vault = await FaultProxy.before(destinations[0].address);
  const files = [sync.originFile, ...sync.destinationFiles].map((file) => {
    type Sides = Partial<Record<'origin' | 'destination', { vault: { address: string } }>>;
    const content = JSON.parse(readFileSync(file, 'utf8')) as Sides;
    if (content.origin) content.origin.vault.address = originVault.address;
    if (content.destination) content.destination.vault.address = vault.address;
    const own = path.join(sync.folder, `${new URL(vault.address).port}-${path.basename(file)}`);
    writeFileSync(own, JSON.stringify(content));
    return own;
  });
  const worker = await startVsync(['worker', '--log.level', 'info', '-c', ...files], { home: sync.folder });
  const started = { worker, originVault, vault };
  processes.push(started);
  return started;
}

/** Runs a cycle and kills the process that sends the chosen request. @returns the other process */
async function killInTheMiddle(
  role: 'origin' | 'destination',
  which: (method: string, url: string) => boolean,
): Promise<Process> {
  let count = 0;
  const alive = processes.filter(({ worker }) => worker.exit === undefined);
  const killed = new Promise<Process>((resolve) => {
    for (const one of alive) {
      const choice = async (method: string, url: string): Promise<'reset' | undefined> => {
        if (!which(method, url) || ++count !== KILL_AT) return undefined;
        process.kill(one.worker.pid, 'SIGKILL');
        await one.worker.exited;
        resolve(one);
        return 'reset';
      };
      one.originVault.choose(choice);
      one.vault.choose(choice);
    }
  });
  await sync.schedule(role).trigger('BUFFER_ONE');
  const dead = await killed;
  expect(await (await sync.lastCycle(role)).result()).toMatchObject({
    outcome: 'synced',
    counts: { failed: 0, unknown: 0 },
  });
  expect(alive).toHaveLength(2);
  return alive.find((one) => one !== dead) as Process;
}

beforeAll(async () => {
  sync = await SyncFixture.create({ numBuckets: 32, timeout: '2m' });
  await sync.run();
  await sync.stopWork();
});

afterAll(async () => {
  for (const { worker } of processes) {
    if (worker.exit === undefined) process.kill(worker.pid, 'SIGKILL');
    await worker.exited;
  }
  await sync.tearDown();
  for (const { originVault, vault } of processes) await Promise.all([originVault.close(), vault.close()]);
});

const names = [...Array(SECRETS).keys()].map((n) => `folder-${n % 7}/s-${n}`);
const { signal } = new AbortController();

test('two worker processes on one queue scan an origin together, also when one is killed during the work', async () => {
  await inParallel(names, signal, (name) => sync.originVault.put(sync.mount, name, { name }));
  await Promise.all([startProcess(), startProcess()]);
  await killInTheMiddle('origin', (method, url) => method === 'GET' && url.includes('/metadata/'));
  expect(Object.keys((await publishedBy(sync)).insights).sort()).toEqual([...names].sort());
});

test('two worker processes on one queue copy each secret once, also when one is killed during the work', async () => {
  const { worker } = await startProcess();
  await eventually(() => {
    expect(readFileSync(worker.logFile, 'utf8')).toMatch(
      /other workers poll this queue, .*: \d+@.*; workers of one sync/,
    );
    return Promise.resolve();
  }, 'the second worker to report the first one');
  const left = await killInTheMiddle(
    'destination',
    (method, url) => method === 'POST' && url.includes('/data/'),
  );
  const vault = sync.destinationVaults[0];
  const there = await inParallel(names, signal, async (name) => [
    await vault?.get(sync.mount, name),
    await vault?.version(sync.mount, name),
  ]);
  expect(there).toEqual(names.map((name) => [{ name }, 1]));
  expect((await publishedBy(sync, 'destination')).insights).toEqual((await publishedBy(sync)).insights);
  left.vault.choose(() => undefined);
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  expect(left.vault.requests.filter((request) => request.includes('/data/'))).toEqual([]);
});

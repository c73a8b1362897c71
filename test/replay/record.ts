/**
 * Records the histories that replay.test.ts replays: `npm run record-histories`, or only some of them with
 * `npm run record-histories -- small`, `shared` or `push`. Record after an intended change of the workflows, and never
 * only to make a red replay test green: a running cycle is replayed in the same way when a new version is rolled out.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { verifyId } from '../../src/contract/ids';
import { cyclesOf } from '../../src/temporal/schedule';
import { makeTestBundle } from '../support/bundle';
import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { Pushes } from '../support/pushes';
import { sharedServers, startSharedServers, stopSharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { startVsync } from '../../dev/shared/vsync-command';
import { inParallel } from '../../dev/shared/wait';

const FOLDER = path.join(__dirname, 'histories');

/** Enough for some chunks and groups, so that a worker that joins late still finds work. */
const SHARED_SECRETS = 9_000;

/** The parts of an exported event that are read here. */
interface HistoryEvent {
  activityTaskCompletedEventAttributes?: { result?: { payloads: { data: string }[] } };
}

/** Saves a history as the temporal command exports it. */
function save(name: string, workflowId: string, runId?: string): void {
  const { temporalCommand, temporal } = sharedServers();
  const run = runId === undefined ? [] : ['--run-id', runId];
  const options = ['--workflow-id', workflowId, ...run, '--address', temporal, '--output', 'json'];
  const history = execFileSync(temporalCommand, ['workflow', 'show', ...options], { encoding: 'utf8' });
  writeFileSync(path.join(FOLDER, `${name}.json`), history);
}

async function saveLast(sync: SyncFixture, name: string, role: 'origin' | 'destination'): Promise<void> {
  const last = cyclesOf(await sync.schedule(role).describe()).at(-1);
  save(name, last?.workflowId ?? '', last?.runId);
}

/** Cycles of few secrets, a verify, and a watch. */
async function recordSmall(): Promise<void> {
  const gate = await GateProxy.before(sharedServers().destinations[0].address);
  const sync = await SyncFixture.create({ destinationVault: gate.address, timeout: '3s' });
  try {
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await saveLast(sync, 'origin-cycle-unchanged', 'origin');
    await sync.stopWatch();
    for (const secret of ['a', 'b', 'c', 'd', 'e'])
      await sync.originVault.put(sync.mount, secret, { secret });
    await sync.cycle('origin');
    await saveLast(sync, 'origin-cycle-synced', 'origin');
    await sync.cycle('destination');
    await saveLast(sync, 'destination-cycle-synced', 'destination');
    await sync.cycle('destination');
    await saveLast(sync, 'destination-cycle-unchanged', 'destination');

    await sync.destinationVaults[0]?.put(sync.mount, 'b', { drift: true });
    await sync.verify();
    save('verify-destination', verifyId(sync.config('destination').name));
    await sync.repair();

    gate.hold((method) => method === 'POST');
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    await sync.cycle('origin');
    await sync.cycle('destination');
    await saveLast(sync, 'destination-cycle-timed-out', 'destination');

    // A running watch that saw two changes, and asked again in between.
    gate.release();
    await sync.client.workflow.getHandle(`vsync-watch-d0-${sync.id}`).terminate();
    await sync.start('destination');
    await sync.originVault.put(sync.mount, 'a', { changed: 'again' });
    await sync.cycle('origin');
    await eventually(async () => {
      const value = await sync.destinationVaults[0]?.get(sync.mount, 'a');
      if (JSON.stringify(value) !== '{"changed":"again"}') throw new Error('not there yet');
    }, 'the change to arrive');
    save('watch-origin', `vsync-watch-d0-${sync.id}`);
  } finally {
    await sync.tearDown();
    await gate.close();
  }
}

/** Cycles of many secrets. A second worker joins each of them while it runs. */
async function recordShared(): Promise<void> {
  // So slow that the second worker joins, and is counted, before the end.
  const sync = await SyncFixture.create({ numBuckets: 64, numWorkers: 1, timeout: '5m' });
  try {
    // Before there are secrets: the recorded cycles are those that find them.
    await sync.run();
    await inParallel([...Array(SHARED_SECRETS).keys()], 16, async (n) => {
      await sync.originVault.put(sync.mount, `f${n % 50}/s${n}`, { n });
    });
    for (const [role, file] of [
      ['origin', sync.originFile],
      ['destination', sync.destinationFiles[0] ?? ''],
    ] as const) {
      const cycle = sync.cycle(role);
      const other = await startVsync(['worker', '-c', file], { home: sync.folder });
      await cycle;
      await other.stop();
      const name = `${role}-cycle-shared`;
      await saveLast(sync, name, role);
      const history = readFileSync(path.join(FOLDER, `${name}.json`), 'utf8');
      const [first = 0, ...later] = widthsIn(history);
      if (Math.max(...later) <= first)
        throw new Error(`${name}: the second worker came too late for it; record once more`);
    }
  } finally {
    await sync.tearDown();
  }
}

/** Dispatch widths that activities reported, in the order of their results. */
function widthsIn(json: string): number[] {
  const { events } = JSON.parse(json) as { events: HistoryEvent[] };
  return events
    .flatMap(({ activityTaskCompletedEventAttributes: completed }) => completed?.result?.payloads ?? [])
    .map(({ data }) => Buffer.from(data, 'base64').toString())
    .flatMap((text) => /"dispatchWidth":(\d+)/.exec(text)?.[1] ?? [])
    .map(Number);
}

/** Pushes that were copied, left and refused, at the same time too. */
async function recordPush(): Promise<void> {
  const sync = await SyncFixture.create();
  try {
    for (const secret of ['a', 'b']) await sync.originVault.put(sync.mount, secret, { secret });
    await sync.run();
    await sync.cycle('origin');
    await sync.cycle('destination');
    const pushes = await Pushes.to(sync);
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    await sync.originVault.put(sync.mount, 'new', { is: 'left' });
    await Promise.all([pushes.push('a'), pushes.push('b', 'new')]);
    await sync.schedule('destination').pause();
    await pushes.push('a');
    save('push-changes', pushes.workflowId);
    await pushes.end();
  } finally {
    await sync.tearDown();
  }
}

const RECORDERS = { small: recordSmall, shared: recordShared, push: recordPush };

async function record(): Promise<void> {
  const [wanted] = process.argv.slice(2);
  const chosen = Object.entries(RECORDERS).filter(([name]) => wanted === undefined || name === wanted);
  if (chosen.length === 0)
    throw new Error(
      `there is no ${String(wanted)} to record; there are ${Object.keys(RECORDERS).join(', ')}`,
    );
  await makeTestBundle();
  await startSharedServers();
  try {
    for (const [, recorder] of chosen) await recorder();
  } finally {
    await stopSharedServers();
  }
}

void record().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});

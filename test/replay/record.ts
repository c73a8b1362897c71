/**
 * Records the histories that replay.test.ts replays: `npm run record-histories`. To be run after a change of the
 * workflows that is meant, never to make a red replay test green: cycles that are under way while a new version
 * is rolled out replay such histories too.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { verifyId } from '../../src/names';
import { cyclesOf } from '../../src/starter';
import { makeTestBundle } from '../support/bundle';
import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { sharedServers, startSharedServers, stopSharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

const FOLDER = path.join(__dirname, 'histories');

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

async function record(): Promise<void> {
  await makeTestBundle();
  await startSharedServers();
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

    // A watch that saw two changes and looked again in between, still running.
    gate.release();
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
    await stopSharedServers();
  }
}

void record().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});

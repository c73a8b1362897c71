import path from 'node:path';
import { cyclesOf } from '../../src/temporal/schedule';
import { fingerprintOfSettings, settingsOf } from '../../src/rules/settings';
import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { publishedBy } from '../support/published';
import { cleanEnvironment, startGuarded } from '../../dev/shared/guarded-process';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

const VSYNC = path.join(__dirname, '..', '..', 'bin', 'vsync');

test('origin cycle whose worker is killed during the save publishes the whole with the next worker', async () => {
  const gate = await GateProxy.before(sharedServers().consul);
  const sync = await SyncFixture.create({
    destinations: 0,
    // 80 buckets of insights and 80 of settings: more than one transaction takes.
    numBuckets: 80,
    edit: (file) => {
      file['syncMetadata'] = true;
      (file['origin'] as { consul: { address: string } }).consul.address = gate.address;
    },
  });
  try {
    const names = [...Array(20).keys()].map(String);
    for (const name of names) {
      await sync.originVault.put(sync.mount, name, { name });
      await sync.originVault.request('POST', `${sync.mount}metadata/${name}`, { max_versions: 3 });
    }
    const worker = await startGuarded({
      command: process.execPath,
      args: [VSYNC, 'worker', '-c', sync.originFile],
      env: cleanEnvironment(),
      logFile: path.join(sync.folder, 'worker.log'),
    });
    // The worker's own check of Consul writes too. It must be over before the writes are counted.
    const isReady = (): Promise<void> => {
      expect(gate.passed).toContainEqual(expect.stringMatching(/^DELETE \S+check-/));
      return Promise.resolve();
    };
    await eventually(isReady, 'the check of the worker');
    let writes = 0;
    const before = CHECK + STAGED + FIRST_OF_SAVE;
    gate.hold((method, url) => method === 'PUT' && url.startsWith('/v1/txn') && ++writes > before);
    const held = gate.held();
    await sync.start('origin');
    await held;
    process.kill(worker.pid, 'SIGKILL');
    await worker.exited;
    const prefix = sync.infoPrefix('origin');
    const half = await sync.consul.values(prefix);
    expect(half[`${prefix}state`]).toContain('"pending"');
    expect(half[`${prefix}meta/0`]).toBeDefined();
    expect([half[`${prefix}meta/index`], half[`${prefix}index`]]).toEqual([undefined, undefined]);

    gate.release();
    await sync.work();
    await sync.idle('origin');
    const { status } = await lastCycle(sync);
    expect(status.name).toBe('COMPLETED');
    const print = fingerprintOfSettings(
      settingsOf({
        custom_metadata: null,
        max_versions: 3,
        cas_required: false,
        delete_version_after: '0s',
      }),
    );
    const { insights, settings } = await publishedBy(sync);
    expect(Object.keys(insights).sort()).toEqual([...names].sort());
    expect(settings).toEqual(Object.fromEntries(names.map((name) => [name, print])));
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
  } finally {
    gate.release();
    await sync.tearDown();
    await gate.close();
  }
});

/** Writes before the save: one list of paths, the manifest, the staged buckets. */
const STAGED = 3;
/** Writes of the save before the held one: the state with the pending save, the first transaction of buckets. */
const FIRST_OF_SAVE = 2;

async function lastCycle(sync: SyncFixture): Promise<{ status: { name: string } }> {
  const last = cyclesOf(await sync.schedule('origin').describe()).at(-1);
  return sync.client.workflow.getHandle(last?.workflowId ?? '', last?.runId).describe();
}

/** `vsync start` writes and removes a key, to check its permission. */
const CHECK = 1;

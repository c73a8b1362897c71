import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { verifyId } from '../../src/contract/ids';
import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { cleanEnvironment, startGuarded } from '../../dev/shared/guarded-process';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync, startVsync, type Ended } from '../../dev/shared/vsync-command';

const VSYNC = path.join(__dirname, '..', '..', 'bin', 'vsync');

/** How a verify runs: one at a time, on the destination's worker, and without effect if it does not finish. */
describe('vsync verify', () => {
  let sync: SyncFixture;
  let gate: GateProxy;
  const paths = ['a', 'b', 'c', 'held'];

  beforeEach(async () => {
    gate = await GateProxy.before(sharedServers().destinations[0].address);
    sync = await SyncFixture.create({ destinationVault: gate.address, numBuckets: 2 });
    for (const secret of paths) await sync.originVault.put(sync.mount, secret, { secret });
    await sync.run();
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterEach(async () => {
    gate.release();
    await sync.tearDown();
    await gate.close();
  });

  const id = (): string => verifyId(sync.config('destination').name);
  const command = (...args: string[]): Promise<Ended> =>
    runVsync(['verify', ...args, '-c', sync.destinationFiles[0] ?? ''], { home: sync.folder });
  const drift = (): Promise<unknown> =>
    sync.destinationVaults[0]?.put(sync.mount, 'a', { by: 'hand' }) ?? Promise.resolve();
  const statusOf = async (): Promise<string> =>
    (await sync.client.workflow.getHandle(id()).describe()).status.name;

  /** Revisions of all keys, without staging and the schedule record. */
  async function info(): Promise<Record<string, number>> {
    const all = Object.entries(await sync.consul.revisions(sync.syncPath));
    return Object.fromEntries(all.filter(([key]) => !/destination\/(staging\/|schedule$)/.test(key)));
  }

  /** Holds the read of the secret `held` at the destination. */
  function holdRead(): Promise<void> {
    gate.hold((method, url) => method === 'GET' && url.endsWith('data/held'));
    return gate.held();
  }

  test('ends as cancelled when it is interrupted, and changes nothing', async () => {
    await drift();
    const before = await info();
    const held = holdRead();
    const interrupted = await startVsync(['verify', '-c', sync.destinationFiles[0] ?? ''], {
      home: sync.folder,
    });
    await held;
    expect(await interrupted.stop('SIGINT')).toEqual({ code: 1, signal: null });
    // The command waits for the end a bounded time only.
    await eventually(async () => {
      expect(await statusOf()).toBe('CANCELLED');
    }, 'the end of the verify');
    expect(await info()).toEqual(before);
    for (const secret of paths)
      expect(await sync.destinationVaults[0]?.version(sync.mount, secret)).toBe(secret === 'a' ? 2 : 1);
    gate.release();
    expect(await sync.verify()).toMatchObject({ counts: { equal: 3, drift: 1 } });
  });

  test('is finished by the next worker when its worker is killed', async () => {
    await drift();
    await sync.stopWork();
    const worker = await startGuarded({
      command: process.execPath,
      args: [VSYNC, 'worker', '-c', ...sync.destinationFiles],
      env: cleanEnvironment(),
      logFile: path.join(sync.folder, 'worker.log'),
    });
    const before = await info();
    const held = holdRead();
    const verified = sync.verify();
    await held;
    process.kill(worker.pid, 'SIGKILL');
    await worker.exited;
    gate.release();
    await sync.work();
    expect(await verified).toMatchObject({ counts: { equal: 3, drift: 1 } });
    expect(await info()).toEqual(before);
  });

  test('waits for a verify that is already running, and returns its result', async () => {
    await drift();
    const held = holdRead();
    const first = sync.verify();
    await held;
    const lastRun = async (): Promise<string> =>
      (await sync.client.workflow.getHandle(id()).describe()).runId;
    const firstRun = await lastRun();
    const told: string[] = [];
    const second = sync.verify(0, { say: (text) => told.push(text) });
    await eventually(() => {
      expect(told).toContain(
        `a verify of ${sync.config('destination').name} is already running: waiting for its result`,
      );
      return Promise.resolve();
    }, 'the second one to wait');
    // A caller that only waits must not end it.
    const stop = new AbortController();
    stop.abort();
    await expect(sync.verify(0, { signal: stop.signal })).rejects.toThrow(
      'continues for the command that started it',
    );
    gate.release();
    expect(await second).toEqual(await first);
    expect((await first).counts).toMatchObject({ equal: 3, drift: 1 });
    expect(await lastRun()).toBe(firstRun);
  });

  test('does not join a verify with another configuration', async () => {
    const held = holdRead();
    const first = sync.verify();
    await held;
    const [file = ''] = sync.destinationFiles;
    const configuration = JSON.parse(readFileSync(file, 'utf8')) as { destination: object };
    Object.assign(configuration.destination, { exclude: [`${sync.mount}elsewhere`] });
    const otherFile = path.join(sync.folder, 'other.json');
    writeFileSync(otherFile, JSON.stringify(configuration));
    const other = await runVsync(['verify', '-c', otherFile], { home: sync.folder });
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain(
      `is running with another configuration; wait for its end, or cancel it with`,
    );
    gate.release();
    await first;
  });

  test('names the worker that it waits for, and leaves no workflow behind when it is cancelled', async () => {
    await sync.stopWork();
    const told: string[] = [];
    const stop = new AbortController();
    const verified = sync.verify(0, { say: (text) => told.push(text), signal: stop.signal });
    await eventually(() => {
      expect(told).toEqual([
        expect.stringMatching(
          new RegExp(
            `^no worker (takes the work from|polls) queue vsync-destination-d0-${sync.id}.*: start one with: ` +
              `vsync worker -c ${sync.destinationFiles[0] ?? ''}$`,
          ),
        ),
      ]);
      return Promise.resolve();
    }, 'the message');
    stop.abort();
    await expect(verified).rejects.toThrow('the verify was cancelled; nothing was changed');
    expect(await statusOf()).toBe('TERMINATED');
    await sync.work();
  });

  test('--repair leaves a paused schedule alone, and the next cycle repairs the drift', async () => {
    await drift();
    await sync.schedule('destination').pause('maintenance');
    const cycles = (await sync.cycles('destination')).length;
    const paused = await command('--repair');
    expect(paused.code).toBe(3);
    expect(paused.stdout).toContain('repair: 1 secrets are left to the next cycle');
    expect(paused.stderr).toContain('is paused, so no cycle was started');
    expect(await sync.cycles('destination')).toHaveLength(cycles);
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'a')).toBe(2);
    // The drift is still reported, although its claim is unverified.
    expect(await sync.verify()).toMatchObject({ counts: { drift: 1, changed: 0 } });

    await sync.schedule('destination').unpause();
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { read: 1, updated: 1 },
    });
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ secret: 'a' });
  });

  test('--repair waits for a running cycle, and does not disturb it', async () => {
    await drift();
    gate.hold((method, url) => method === 'POST' && url.endsWith('data/new'));
    const held = gate.held();
    await sync.originVault.put(sync.mount, 'new', { secret: 'new' });
    await sync.cycle('origin');
    await sync.schedule('destination').trigger('BUFFER_ONE');
    await held;
    const file = sync.destinationFiles[0] ?? '';
    const { logFile, exited } = await startVsync(['verify', '--repair', '-c', file], { home: sync.folder });
    await eventually(() => {
      expect(readFileSync(logFile, 'utf8')).toContain('a cycle is running: the repair waits for its end');
      return Promise.resolve();
    }, 'the repair to wait');
    gate.release();
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ secret: 'a' });
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'a')).toBe(3);
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'new')).toBe(1);
    const cycles = await sync.cycles('destination');
    expect(cycles.every(({ closeMs }) => closeMs !== undefined)).toBe(true);
    expect(await sync.verify()).toMatchObject({ counts: { equal: 5, drift: 0, missing: 0 } });
  });

  test('--repair without a schedule changes nothing, and reports that there is none', async () => {
    await drift();
    await sync.schedule('destination').delete();
    const before = await info();
    const ended = await command('--repair');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('there is no schedule');
    expect(await info()).toEqual(before);
    await sync.start('destination');
  });
});

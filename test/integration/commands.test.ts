import os from 'node:os';
import { ScheduleNotFoundError } from '@temporalio/client';
import { readFileSync } from 'node:fs';
import type { Status } from '../../src/cli/status/status';
import { eventually } from '../support/eventually';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync, startVsync, type Ended } from '../../dev/shared/vsync-command';

/** The commands as a user runs them. bad-input.test.ts and bad-servers.test.ts cover what they refuse. */
describe('with a valid configuration', () => {
  let sync: SyncFixture;
  let file: string;

  beforeAll(async () => {
    sync = await SyncFixture.create();
    file = sync.destinationFiles[0] ?? '';
    await sync.originVault.put(sync.mount, 'a', { password: 'planted-value' });
  });

  afterAll(() => sync.tearDown());

  const run = (...args: string[]): Promise<Ended> => runVsync(args, { home: sync.folder });

  /** Without the record of what should exist in Temporal, which `vsync stop` changes. */
  async function syncInfo(): Promise<Record<string, number>> {
    const keys = Object.entries(await sync.consul.revisions(sync.syncPath));
    return Object.fromEntries(keys.filter(([key]) => !key.endsWith('/schedule')));
  }

  describe('and a worker in another process,', () => {
    beforeAll(() => sync.work());
    afterAll(() => sync.stopWork());

    test('vsync start creates the schedules, and updates them when it runs again', async () => {
      const names = { origin: sync.config('origin').name, destination: sync.config('destination').name };
      for (const [role, config] of [
        ['origin', sync.originFile],
        ['destination', file],
      ] as const) {
        const created = await run('start', '-c', config);
        expect(created).toMatchObject({ code: 0, stderr: '' });
        expect(created.stdout).toContain(
          `schedule vsync-${role}-${names[role]} created, first cycle requested`,
        );
        await sync.idle(role);
      }
      expect((await run('start', '-c', file)).stdout).toContain('updated');
      await sync.idle('destination');
    });

    test('vsync trigger --wait waits for the cycle, and prints what it did', async () => {
      await sync.originVault.put(sync.mount, 'b', { password: 'planted-value' });
      const origin = await run('trigger', '--wait', '-c', sync.originFile);
      expect(origin).toMatchObject({ code: 0, stderr: '' });
      expect(origin.stdout).toMatch(/^vsync-origin-\S+: synced: listed 2, read 2$/m);
      const destination = await run('trigger', '--wait', '-c', file);
      expect(destination).toMatchObject({ code: 0, stderr: '' });
      expect(destination.stdout).toMatch(/^vsync-destination-\S+: (synced|unchanged)/m);
      expect(await sync.destinationVaults[0]?.get(sync.mount, 'b')).toEqual({ password: 'planted-value' });
    });

    test('vsync trigger without --wait prints the command that shows the result', async () => {
      const { code, stdout } = await run('trigger', '-c', sync.originFile);
      expect(code).toBe(0);
      expect(stdout).toContain(`see: vsync status -c ${sync.originFile}`);
      await sync.idle('origin');
    });

    test('vsync signal reaches the watch', async () => {
      expect(await run('signal', '-c', file)).toMatchObject({ code: 0, stderr: '' });
      await sync.watchIsContent();
    });

    test('vsync status shows the last cycles, as text and as JSON', async () => {
      const { code, stdout, stderr } = await run('status', '--json', '-c', file);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const status = JSON.parse(stdout) as Status;
      const { name } = sync.config('destination');
      expect(status).toMatchObject({
        name,
        role: 'destination',
        schedule: `vsync-destination-${name}`,
        paused: false,
        last: { outcome: 'synced' },
        sync: { word: 'in-step' },
        health: { word: 'ok', reasons: [] },
        vaults: { origin: { sealed: false }, destination: { sealed: false } },
        worker: {
          queue: `vsync-destination-${name}`,
          polling: [{ identity: `${process.pid}@${os.hostname()}` }],
        },
        totals: { inStep: 2, toAdd: 0, toUpdate: 0, toDelete: 0, retained: 0 },
        unknown: [],
        nextActions: [],
      });
      expect(status.vaults.origin.version).toMatch(/^\d+\.\d+/);
      expect(Date.parse(status.nextCycleAt ?? '')).toBeGreaterThan(Date.now());
      expect(status.cycles.length).toBeGreaterThanOrEqual(2);
      expect(status.cycles.every(({ outcome }) => ['synced', 'unchanged'].includes(outcome))).toBe(true);

      const shown = await run('status', '-c', file);
      expect(shown.stdout).toContain(`vsync-destination-${name}\n`);
      expect(shown.stdout).toMatch(/^ {4}\S+Z {2}(synced|unchanged) in [\d.]+ s/m);
      expect(shown.stdout + stdout).not.toContain('planted-value');
    });

    test('vsync pause and resume set the pause of the schedule in Temporal, with its note', async () => {
      const { name } = sync.config('destination');
      const paused = await run('pause', '-c', file, '--reason', 'Vault upgrade');
      expect(paused).toMatchObject({ code: 0, stderr: '' });
      expect(paused.stdout).toContain(`${name} is paused: no cycle starts automatically`);
      const { state } = await sync.schedule('destination').describe();
      expect(state).toMatchObject({
        paused: true,
        note: expect.stringMatching(/^Vault upgrade \(by \S+@\S+ at \S+Z\)$/) as string,
      });
      const shown = await run('status', '-c', file);
      expect(shown).toMatchObject({ code: 3, stderr: '' });
      expect(shown.stdout).toContain(' (paused)');
      expect(shown.stdout).toMatch(/^ {2}paused {7}by \S+@\S+ at \S+Z \(\S+ ago\): Vault upgrade$/m);
      expect(shown.stdout).toContain(`vsync resume -c ${file}`);
      expect((await run('pause', '-c', file)).stdout).toContain('was paused already');

      expect((await run('resume', '-c', file)).stdout).toContain(`${name} is resumed`);
      expect((await sync.schedule('destination').describe()).state.paused).toBe(false);
      expect((await run('resume', '-c', file)).stdout).toContain(`${name} was not paused`);
    });

    test('vsync plan prints what a cycle would do; approve and prune refuse when nothing waits', async () => {
      await sync.originVault.put(sync.mount, 'planned', { password: 'planted-value' });
      await sync.schedule('destination').pause();
      await sync.cycle('origin');
      const plan = await run('plan', '-c', file);
      expect(plan).toMatchObject({
        code: 3,
        stderr: `vsync: ${sync.config('destination').name} is not in step with its origin: 1 to add, 0 to update, 0 to delete, 0 held\n`,
      });
      expect(plan.stdout).toContain(`what a cycle of ${sync.config('destination').name} would do now\n`);
      expect(plan.stdout).toMatch(
        /^ {2}as of: the origin's sync info as changed last at \S+Z, configuration /m,
      );
      expect(plan.stdout).toContain(`  + ${sync.mount}planned  (the destination is not known to have it)`);
      expect(plan.stdout).toMatch(/\n1 to add, 0 to update, 0 to delete, 0 held\n$/);
      const json = await run('plan', '--json', '-c', file);
      expect(JSON.parse(json.stdout)).toMatchObject({
        planned: [{ action: 'add', path: `${sync.mount}data/planned` }],
        orphans: [],
        notes: [],
      });
      expect(plan.stdout + json.stdout).not.toContain('planted-value');
      await sync.schedule('destination').unpause();

      const approve = await run('approve', '--yes', '-c', file);
      expect(approve).toMatchObject({ code: 1, stdout: '' });
      expect(approve.stderr).toContain('vsync: no deletes wait for an approval');
      const orphans = await run('prune', '--orphans', '--yes', '-c', file);
      expect(orphans).toMatchObject({ code: 1, stdout: '' });
      expect(orphans.stderr).toContain('vsync: there are no orphans: nothing to remove');
    });

    test('vsync status shows the pending deletes of an empty origin, and approve releases only that set', async () => {
      for (const path of ['a', 'b', 'planned']) await sync.originVault.delete(sync.mount, path);
      await sync.cycle('origin');
      await sync.cycle('destination');
      // No cycle of the watch may write while the refused approvals are compared.
      await sync.watchIsContent();
      const { stdout } = await run('status', '-c', file);
      const [, set = ''] =
        /^ {2}held {9}\d deletes wait for "vsync approve --set (\w+)": the origin has no secret any more/m.exec(
          stdout,
        ) ?? [];
      const before = await sync.consul.values(sync.infoPrefix('destination'));
      // Only the hash of exactly this set releases it.
      for (const [args, code, message] of [
        [['--set', ''], 2, "option '--set <hash>' argument '' is invalid. It is empty"],
        [['--set', set.slice(0, 11)], 2, 'It must be at least 12 hex digits'],
        [['--set', '--role', 'destination'], 2, 'It is the name of another option'],
        [['--set', 'f'.repeat(12)], 1, 'another set of deletes waits now'],
        [[], 2, 'this is not a terminal: name the set with --set HASH'],
      ] as const) {
        const refused = await run('approve', ...args, '-c', file);
        expect(refused).toMatchObject({ code, stdout: '' });
        expect(refused.stderr).toContain(message);
      }
      expect(await sync.consul.values(sync.infoPrefix('destination'))).toEqual(before);

      const approve = await run('approve', '--set', set.toUpperCase(), '-c', file);
      expect(approve).toMatchObject({ code: 0, stderr: '' });
      expect(approve.stdout).toMatch(/^approved: \d deletes \(the origin has no secret any more/);
      await eventually(async () => {
        expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toBeUndefined();
      }, 'the approved deletes');
      await sync.originVault.put(sync.mount, 'a', { password: 'planted-value' });
      await sync.cycle('origin');
      await sync.cycle('destination');
    });

    test('vsync stop removes the schedule and the watch, and leaves sync info and secrets', async () => {
      await sync.watchIsContent();
      const info = await syncInfo();
      const stopped = await run('stop', '-c', file);
      expect(stopped).toMatchObject({ code: 0, stderr: '' });
      expect(stopped.stdout).toContain('removed schedule and watch of');
      expect((await run('stop', '-c', sync.originFile)).stdout).toContain('removed schedule of');

      for (const role of ['origin', 'destination'] as const) {
        await expect(sync.schedule(role).describe()).rejects.toThrow(ScheduleNotFoundError);
      }
      const watch = sync.client.workflow.getHandle(`vsync-watch-${sync.config('destination').name}`);
      expect((await watch.describe()).status.name).toBe('TERMINATED');
      expect(await syncInfo()).toEqual(info);
      expect(await sync.destinationVaults[0]?.version(sync.mount, 'a')).toBe(2);
    });
  });

  describe('and the worker in the command itself,', () => {
    test('vsync worker serves several configurations, and ends with exit code 0 on SIGTERM', async () => {
      await sync.start('origin');
      await sync.start('destination');
      await sync.originVault.put(sync.mount, 'late', { value: 1 });
      const worker = await startVsync(['worker', '-c', sync.originFile, '-c', file], { home: sync.folder });
      expect(await sync.cycle('origin')).toMatchObject({ counts: { failed: 0, unknown: 0 } });
      await eventually(async () => {
        expect(await sync.destinationVaults[0]?.get(sync.mount, 'late')).toEqual({ value: 1 });
      }, 'the late secret to arrive');
      expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(readFileSync(worker.logFile, 'utf8')).not.toMatch(/^\s+at /m);
    });

    test('vsync destination starts its schedule and watch, copies, and ends with exit code 0 on SIGTERM', async () => {
      await run('stop', '-c', file);
      await sync.originVault.put(sync.mount, 'later', { value: 2 });
      const origin = await startVsync(['origin', '-c', sync.originFile], { home: sync.folder });
      expect(await sync.cycle('origin')).toMatchObject({ counts: { failed: 0, unknown: 0 } });
      expect(await origin.stop('SIGTERM')).toEqual({ code: 0, signal: null });

      const destination = await startVsync(['destination', '-c', file, '--log.level', 'info'], {
        home: sync.folder,
      });
      await eventually(async () => {
        expect(await sync.destinationVaults[0]?.get(sync.mount, 'later')).toEqual({ value: 2 });
      }, 'the later secret to arrive');
      expect(await destination.stop('SIGTERM')).toEqual({ code: 0, signal: null });

      const log = readFileSync(destination.logFile, 'utf8');
      expect(log).toContain(`schedule vsync-destination-${sync.config('destination').name} created`);
      expect(log).toContain('stopped: the next worker continues what was running');
      expect(log).not.toMatch(/^\s+at /m);
      // Schedule and watch stay for the next worker.
      await expect(sync.schedule('destination').describe()).resolves.toBeDefined();
      await expect(
        sync.client.workflow.getHandle(`vsync-watch-${sync.config('destination').name}`).describe(),
      ).resolves.toMatchObject({ status: { name: 'RUNNING' } });
    });
  });
});

import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino, type Logger } from 'pino';
import { createClients, infoOf } from '../../src/activities/clients';
import type { Config, DestinationConfig } from '../../src/config/schema';
import { restoreSchedule } from '../../src/temporal/restore-schedule';
import { readRecord, recordStop } from '../../src/temporal/schedule-record';
import { start, stop } from '../../src/temporal/operations';
import { formatStatus } from '../../src/cli/status/screen';
import { UserError } from '../../src/errors';
import { createWorkers } from '../../src/worker/create-workers';
import { testBundle } from '../support/bundle';
import { eventually } from '../support/eventually';
import { startOwnServers, stopOwnServers, asShared, type OwnServers } from '../support/own-servers';
import { startTemporal } from '../../dev/servers/start';
import { NOWHERE } from '../support/nowhere';
import { SyncFixture } from '../support/sync-fixture';
import { TcpProxy } from '../../dev/shared/tcp-proxy';
import { runVsync } from '../../dev/shared/vsync-command';

/** Short, so that a test need not wait. Production checks once a minute. */
const checkEveryMs = 50;

/** A log, and its messages from `info` on. */
function messages(): { log: Logger; lines: string[]; count: (text: string) => number } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push((JSON.parse(line) as { msg: string }).msg);
  const count = (text: string): number => lines.filter((line) => line.includes(text)).length;
  return { log: pino({ level: 'info' }, { write }), lines, count };
}

const logged = (lines: { count: (text: string) => number; lines: string[] }, text: string): Promise<void> =>
  eventually(() => {
    if (lines.count(text) === 0) throw new Error(`logged was: ${lines.lines.join('\n')}`);
    return Promise.resolve();
  }, `"${text}" in the log`);

describe('vsync', () => {
  let sync: SyncFixture;

  beforeEach(async () => {
    sync = await SyncFixture.create();
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
  });

  afterEach(() => sync.tearDown());

  const scheduleId = (): string => `vsync-destination-d0-${sync.id}`;
  const watch = () => sync.client.workflow.getHandle(`vsync-watch-d0-${sync.id}`);
  const recordKey = (): string => `${sync.infoPrefix('destination')}schedule`;

  async function record(): Promise<Record<string, unknown> | undefined> {
    const text = (await sync.consul.values(recordKey()))[recordKey()];
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
  }

  /** Runs a cycle of both roles, and waits for the destination's schedule record. */
  async function runBoth(log: Logger): Promise<void> {
    await sync.work({ log, checkEveryMs });
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('destination');
    await sync.idle('destination');
    await eventually(async () => {
      expect(await record()).toMatchObject({ name: `d0-${sync.id}` });
    }, 'the record');
  }

  /** Stops the destination as `vsync stop` does. */
  async function stopDestination(): Promise<void> {
    const config = sync.config('destination');
    const { info, close } = await infoOf(config);
    try {
      await stop(sync.client, config, () => recordStop(info, config.name, new Date('2026-11-30T12:00:00Z')));
    } finally {
      close();
    }
  }

  const taken = async (): Promise<number> =>
    (await sync.schedule('destination').describe()).info.numActionsTaken;

  test('worker restores a watch that another tool terminated', async () => {
    const seen = messages();
    await runBoth(seen.log);
    await watch().terminate('by another tool');
    await logged(seen, `watch vsync-watch-d0-${sync.id} was not running (terminated): restored`);
    expect((await watch().describe()).status.name).toBe('RUNNING');
    expect(seen.count(': restored')).toBe(1);
  });

  test('worker restores a schedule that another tool deleted, with one cycle, whatever the number of workers', async () => {
    const seen = messages();
    await runBoth(seen.log);
    for (let more = 0; more < 3; more++)
      await sync.workOn([sync.config('destination')], { log: seen.log, checkEveryMs });
    await sync.schedule('destination').delete();
    await logged(seen, `schedule ${scheduleId()} was missing, but not stopped: restored`);
    await sync.idle('destination');
    await eventually(async () => {
      expect(await taken()).toBe(1);
    }, 'the first cycle');
    expect(seen.count(': restored')).toBe(1);
    expect((await sync.schedule('destination').describe()).spec.intervals?.[0]?.every).toBe(24 * 3_600_000);
  });

  test('worker restores a paused schedule as paused, with its note, and starts no cycle', async () => {
    const seen = messages();
    await runBoth(seen.log);
    await sync.schedule('destination').pause('Vault upgrade');
    await logged(seen, `schedule ${scheduleId()} is paused (Vault upgrade)`);
    await eventually(async () => {
      expect(await record()).toMatchObject({ paused: 'Vault upgrade' });
    }, 'the record of the pause');
    await sync.schedule('destination').delete();
    await logged(seen, ': restored');
    const { state, info } = await sync.schedule('destination').describe();
    expect(state).toMatchObject({ paused: true, note: 'Vault upgrade' });
    expect(info.numActionsTaken).toBe(0);
    expect(seen.count('is paused')).toBe(1);

    // `vsync start` keeps the pause too, without a worker.
    await sync.stopWork();
    await sync.schedule('destination').delete();
    await sync.start('destination');
    expect((await sync.schedule('destination').describe()).state).toMatchObject({ paused: true });
    await sync.schedule('destination').unpause();
  });

  test('worker restores nothing that vsync stop removed, and continues after vsync start', async () => {
    const seen = messages();
    await runBoth(seen.log);
    await stopDestination();
    await logged(seen, `schedule ${scheduleId()} was removed by "vsync stop" at 2026-11-30T12:00:00.000Z`);
    await expect(sync.schedule('destination').describe()).rejects.toThrow(ScheduleNotFoundError);
    expect((await watch().describe()).status.name).toBe('TERMINATED');
    expect(await record()).toMatchObject({ stoppedAt: '2026-11-30T12:00:00.000Z' });
    await expect(sync.status('destination')).rejects.toThrow(
      `there is no schedule ${scheduleId()}: "vsync stop" removed it at 2026-11-30T12:00:00.000Z`,
    );

    expect(seen.count(': restored')).toBe(0);

    // Its watch counts as restored if the worker looks just while the command creates it.
    await sync.start('destination');
    await logged(seen, `schedule ${scheduleId()} is in order again`);
    expect(await record()).not.toHaveProperty('stoppedAt');
    expect(seen.count('was missing, but not stopped')).toBe(0);
  });

  test('worker removes what it restored if vsync stop runs at the same time', async () => {
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('destination');
    await sync.start('destination');
    await sync.schedule('destination').delete();
    const clients = await createClients(sync.config('destination'));
    try {
      // The worker has found the schedule missing and no stop recorded. Now both change.
      const { client } = sync;
      const create = client.schedule.create.bind(client.schedule);
      client.schedule.create = async (options) => {
        await stopDestination();
        return create(options);
      };
      const looked = await restoreSchedule(client, clients, new AbortController().signal);
      expect(looked).toMatchObject({ state: { kind: 'stopped' }, restored: undefined });
    } finally {
      await clients.close();
    }
    await expect(sync.schedule('destination').describe()).rejects.toThrow(ScheduleNotFoundError);
    expect((await watch().describe()).status.name).toBe('TERMINATED');
  });

  test('worker waits for the first vsync start, logs that once, and creates nothing', async () => {
    const seen = messages();
    await sync.work({ only: 'destination', log: seen.log, checkEveryMs });
    await logged(
      seen,
      `there is no schedule ${scheduleId()}: this worker waits until "vsync start -c FILE" creates it`,
    );
    await expect(sync.schedule('destination').describe()).rejects.toThrow(ScheduleNotFoundError);
    await sync.start('destination');
    await logged(seen, 'is in order again');
    expect(seen.count('there is no schedule')).toBe(1);
    expect(seen.count(': restored')).toBe(0);
    // An original vsync fails on a key of ours while there is no index.
    expect(await sync.consul.values(sync.infoPrefix('destination'))).toEqual({});
  });

  test('worker restores nothing with another configuration than the started one, and logs the reason', async () => {
    const seen = messages();
    await runBoth(seen.log);
    await sync.stopWork();
    await sync.schedule('destination').delete();
    const file = sync.destinationFiles[0] ?? '';
    const before = readFileSync(file, 'utf8');
    const content = JSON.parse(before) as { destination: Record<string, unknown> };
    content.destination['exclude'] = [`${sync.mount}b`];
    writeFileSync(file, JSON.stringify(content));
    const other = messages();
    await sync.work({ only: 'destination', log: other.log, checkEveryMs });
    await logged(other, 'was started with another configuration than this worker has');
    await expect(sync.schedule('destination').describe()).rejects.toThrow(ScheduleNotFoundError);

    // A worker with the started configuration restores it.
    await sync.stopWork();
    writeFileSync(file, before);
    await sync.work({ only: 'destination', log: seen.log, checkEveryMs });
    await logged(seen, ': restored');
  });

  test('worker restores nothing at a Temporal that its sync has left', async () => {
    const seen = messages();
    await runBoth(seen.log);
    const other = await startTemporal();
    const connection = await Connection.connect({ address: other.address });
    const client = new Client({ connection });
    const config = sync.config('destination');
    const clients = await createClients({ ...config, temporal: { address: other.address } });
    try {
      await stopDestination();
      await start(client, clients);
      await logged(seen, `the sync was started at Temporal ${other.address} (namespace default)`);
      expect(seen.count(': restored')).toBe(0);
      await expect(sync.schedule('destination').describe()).rejects.toThrow(ScheduleNotFoundError);
      await expect(sync.status('destination')).rejects.toThrow(
        `the sync was started at Temporal ${other.address} (namespace default); if it should run here, create it`,
      );

      // At the new Temporal a worker restores it.
      await client.schedule.getHandle(scheduleId()).delete();
      const looked = await restoreSchedule(client, clients, new AbortController().signal);
      expect(looked).toMatchObject({ state: { kind: 'running' }, restored: 'schedule' });
    } finally {
      await clients.close();
      await connection.close();
      await other.stop();
    }
  });

  test('worker restores a schedule at a Temporal that it reaches by another address than vsync start', async () => {
    await sync.work({ only: 'origin' });
    await sync.start('origin');
    await sync.cycle('origin');
    await sync.start('origin');
    const config = sync.config('origin');
    const alias = await TcpProxy.before(config.temporal.address ?? '');
    const clients = await createClients({ ...config, temporal: { address: alias.address } });
    try {
      const { signal } = new AbortController();
      await restoreSchedule(sync.client, clients, signal);
      const { record: kept } = await readRecord(clients.deps.info);
      expect(kept?.temporals).toEqual([
        { address: config.temporal.address, namespace: 'default' },
        { address: alias.address, namespace: 'default' },
      ]);
      await sync.schedule('origin').delete();
      expect(await restoreSchedule(sync.client, clients, signal)).toMatchObject({ restored: 'schedule' });
    } finally {
      await clients.close();
      await alias.cut();
    }
  });

  test('worker ends if its name belongs to another sync, which keeps its cycles', async () => {
    await sync.run({ log: messages().log });
    await sync.stopWork();
    await stop(sync.client, sync.config('destination'));
    // A copied configuration file with another Vault and the same name.
    const [, { address, rootToken: token }] = sync.servers.destinations;
    await sync.destinationVaults[1]?.mount(sync.mount);
    const copied = sync.config('destination') as DestinationConfig;
    Object.assign(copied.destination, {
      syncPath: `${sync.syncPath}copied/`,
      vault: { ...copied.destination.vault, address, auth: { kind: 'token', token } },
    });
    const seen = messages();
    const workflowBundle = testBundle();
    const worker = await createWorkers([copied], { log: seen.log, workflowBundle, checkEveryMs });
    const ended = worker.run().then(
      () => 'without an error',
      (error: unknown) => error,
    );
    await logged(seen, `there is no schedule ${scheduleId()}: this worker waits`);

    await sync.start('destination');
    const error = await ended;
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(
      /^this worker ends, because its name or its sync path belongs to another sync: .* belongs to another sync: .* give this one another "name"/,
    );
    expect(seen.count('this worker ends')).toBe(1);
    await sync.work();
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ value: 1 });
  });

  test('worker logs that a schedule has no next cycle, and does not change it', async () => {
    const seen = messages();
    await runBoth(seen.log);
    await sync.schedule('destination').update(({ spec, action, policies }) => ({
      spec: { ...spec, endAt: new Date(0) },
      action,
      policies,
      state: { paused: false },
    }));
    await logged(seen, `schedule ${scheduleId()} has no next cycle`);
    expect(seen.count('no next cycle')).toBe(1);
  });

  test('status and check report a watch that does not run, and a lost schedule', async () => {
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('destination');
    await sync.start('destination');
    await sync.idle('destination');
    const check = () => runVsync(['check', '-c', sync.destinationFiles[0] ?? ''], { home: sync.folder });
    expect(await sync.status('destination')).toMatchObject({ watch: 'running' });
    expect((await check()).stdout).toContain(`pass  Temporal: watch vsync-watch-d0-${sync.id}: runs`);

    await watch().terminate('by another tool');
    const words = `vsync-watch-d0-${sync.id} is terminated: changes at the origin wait for the next tick`;
    const status = await sync.status('destination');
    expect(status).toMatchObject({ watch: 'terminated' });
    expect(formatStatus(status)).toContain(`  watch        ${words}`);
    const checked = await check();
    expect(checked.stdout).toContain(`warn  Temporal: watch vsync-watch-d0-${sync.id}: ${words}`);
    expect(checked.code).toBe(0);

    await sync.schedule('destination').delete();
    const lost = 'it was lost, or removed by something other than "vsync stop"';
    await expect(sync.status('destination')).rejects.toThrow(lost);
    expect((await check()).stdout).toContain(
      `warn  Temporal: schedule ${scheduleId()}: does not exist: ${lost}`,
    );
  });

  test('stop works while Consul is down, and reports that the stop is not recorded', async () => {
    await sync.start('origin');
    const content = JSON.parse(readFileSync(sync.originFile, 'utf8')) as { origin: Record<string, unknown> };
    content.origin['consul'] = { address: NOWHERE };
    const file = path.join(sync.folder, 'no-consul.json');
    writeFileSync(file, JSON.stringify(content));
    const { code, stdout, stderr } = await runVsync(['stop', '-c', file], { home: sync.folder });
    expect(code).toBe(1);
    expect(stdout).toContain(`removed schedule of o-${sync.id}`);
    expect(stderr).toContain(
      `vsync: the stop of o-${sync.id} could not be recorded (Consul http://${NOWHERE}`,
    );
    await expect(sync.schedule('origin').describe()).rejects.toThrow(ScheduleNotFoundError);
  });
});

describe('vsync, after Temporal lost its data,', () => {
  let servers: OwnServers | undefined;
  let sync: SyncFixture;

  beforeAll(async () => {
    servers = await startOwnServers({ temporalKeepsData: false });
    sync = await SyncFixture.create({ servers: asShared(servers) });
  });

  afterAll(async () => {
    await sync.tearDown();
    await stopOwnServers(servers);
  });

  test('worker restores schedules and watch of a Temporal that comes back empty, and secrets arrive again', async () => {
    const seen = messages();
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    await sync.work({ log: seen.log, checkEveryMs: 200 });
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('origin');
    await sync.cycle('destination');
    await eventually(async () => {
      expect(Object.keys(await sync.consul.values(sync.syncPath))).toEqual(
        expect.arrayContaining([
          `${sync.infoPrefix('origin')}schedule`,
          `${sync.infoPrefix('destination')}schedule`,
        ]),
      );
    }, 'the records');

    await servers?.temporal.restart();
    await logged(seen, `schedule vsync-origin-o-${sync.id} was missing, but not stopped: restored`);
    await logged(seen, `schedule vsync-destination-d0-${sync.id} was missing, but not stopped: restored`);
    await sync.originVault.put(sync.mount, 'b', { value: 2 });
    await sync.cycle('origin');
    await eventually(async () => {
      expect(await sync.destinationVaults[0]?.get(sync.mount, 'b')).toEqual({ value: 2 });
    }, 'b to arrive, through the watch that was restored');
    // Each of the two workers logs a reason once, however often it checks. The reason changes during a restart.
    for (const name of [`origin-o-${sync.id}`, `destination-d0-${sync.id}`]) {
      const found = seen.lines.filter((line) => line.includes(`schedule vsync-${name}`));
      expect(found.filter((line, at) => line === found[at - 1])).toEqual([]);
    }
  });

  test('worker restores its schedule when the namespace is created again, and logs the missing namespace once', async () => {
    const namespace = `ns-${sync.id}`;
    const { connection } = sync.client;
    const client = new Client({ connection, namespace });
    const register = (): Promise<unknown> =>
      connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: msToTs('1 day'),
      });
    await register();
    const config: Config = { ...sync.config('origin'), name: `n-${sync.id}` };
    const own: Config = { ...config, temporal: { ...config.temporal, namespace } };
    if (own.role === 'origin') own.origin = { ...own.origin, syncPath: `${sync.syncPath}own/` };
    const clients = await createClients(own);
    try {
      // Temporal's own list of namespaces is up to some seconds old.
      await eventually(() => start(client, clients), 'the namespace to be known');
      const seen = messages();
      await sync.workOn([own], { log: seen.log, checkEveryMs: 200 });
      await eventually(async () => {
        expect((await readRecord(clients.deps.info)).record).toBeDefined();
      }, 'the record');

      await servers?.temporal.restart();
      await logged(seen, `there is no namespace ${namespace}: correct temporal.namespace, or create it with`);
      await register();
      await logged(seen, `schedule vsync-origin-n-${sync.id} was missing, but not stopped: restored`);
      expect(seen.count('there is no namespace')).toBe(1);
    } finally {
      await clients.close();
    }
  });
});

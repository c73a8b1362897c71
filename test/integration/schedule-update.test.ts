import { Client, ScheduleOverlapPolicy, type ConnectionLike } from '@temporalio/client';
import { createClients } from '../../src/activities/clients';
import { loadConfig } from '../../src/config/load';
import { setPaused, start } from '../../src/temporal/operations';
import { SyncFixture } from '../support/sync-fixture';

const HOUR_MS = 3_600_000;

/** What vsync writes to a schedule while another process changes it. None of this needs a worker. */
describe('vsync', () => {
  let sync: SyncFixture;
  let updates: number;

  beforeEach(async () => {
    sync = await SyncFixture.create({ destinations: 0 });
    await sync.start('origin');
    updates = 0;
  });

  afterEach(() => sync.tearDown());

  /** A client whose updates reach the real server only after something else has happened. */
  function clientThat(meanwhile: (attempt: number) => Promise<void>): Client {
    const { connection, options } = sync.client;
    const service = connection.workflowService;
    type Request = Parameters<typeof service.updateSchedule>[0];
    const slow = Object.create(service, {
      updateSchedule: {
        value: async (request: Request) => {
          await meanwhile(++updates);
          return service.updateSchedule(request);
        },
      },
    }) as typeof service;
    const slowConnection = Object.create(connection, { workflowService: { value: slow } }) as ConnectionLike;
    return new Client({ ...options, connection: slowConnection });
  }

  /** Starts with another tick, so that the schedule must be updated. */
  async function startWith(client: Client, tickMs: number): Promise<void> {
    const config = sync.config('origin');
    if (config.role !== 'origin') throw new Error('the file of an origin');
    const clients = await createClients({ ...config, origin: { ...config.origin, tickMs } });
    try {
      await start(client, clients);
    } finally {
      await clients.close();
    }
  }

  const every = async (): Promise<number | undefined> =>
    (await sync.schedule('origin').describe()).spec.intervals?.[0]?.every;

  test('start keeps a pause that is set between its read and its write', async () => {
    const client = clientThat(async (attempt) => {
      if (attempt === 1) await sync.schedule('origin').pause('by an operator');
    });
    await startWith(client, 2 * HOUR_MS);
    const { state, spec } = await sync.schedule('origin').describe();
    expect(state).toMatchObject({ paused: true, note: 'by an operator' });
    expect(spec.intervals?.[0]?.every).toBe(2 * HOUR_MS);
    expect(updates).toBe(2);
  });

  test('start keeps a resume that is set between its read and its write', async () => {
    await sync.schedule('origin').pause('by an operator');
    const client = clientThat(async (attempt) => {
      if (attempt === 1) await sync.schedule('origin').unpause('done');
    });
    await startWith(client, 2 * HOUR_MS);
    expect((await sync.schedule('origin').describe()).state).toMatchObject({ paused: false, note: 'done' });
  });

  test('start repeats its update if another update came first', async () => {
    const first = clientThat(async (attempt) => {
      if (attempt === 1) await startWith(sync.client, 3 * HOUR_MS);
    });
    await startWith(first, 2 * HOUR_MS);
    expect(await every()).toBe(2 * HOUR_MS);
  });

  test('start rounds a tick up to a whole second, which Temporal keeps', async () => {
    const { config } = loadConfig('origin', {
      file: sync.originFile,
      env: { VSYNC_ORIGIN_TICK: '1.9s' },
    });
    const clients = await createClients(config);
    try {
      await start(sync.client, clients);
    } finally {
      await clients.close();
    }
    const { nextActionTimes } = (await sync.schedule('origin').describe()).info;
    const gaps = nextActionTimes
      .slice(1)
      .map((time, i) => time.getTime() - (nextActionTimes[i]?.getTime() ?? 0));
    expect(new Set(gaps)).toEqual(new Set([2_000]));
  });

  test('start writes nothing to an up-to-date schedule', async () => {
    await sync.start('origin');
    const before = (await sync.schedule('origin').describe()).info.lastUpdatedAt;
    await sync.start('origin');
    expect((await sync.schedule('origin').describe()).info.lastUpdatedAt).toEqual(before);
  });

  test('start reports a schedule that keeps changing, after 10 attempts', async () => {
    const client = clientThat(async (attempt) => sync.schedule('origin').pause(`pause ${attempt}`));
    await expect(startWith(client, 2 * HOUR_MS)).rejects.toThrow(
      `schedule vsync-origin-o-${sync.id} could not be updated: other processes changed it at the same time`,
    );
    expect((await sync.schedule('origin').describe()).state).toMatchObject({
      paused: true,
      note: 'pause 10',
    });
  });

  test('pause reads its pause back, because the server loses one that coincides with a trigger', async () => {
    const config = sync.config('origin');
    const schedule = sync.schedule('origin');
    for (let round = 0; round < 10; round++) {
      await Promise.all([
        setPaused(sync.client, config, true, `round ${round}`),
        schedule.trigger(ScheduleOverlapPolicy.SKIP),
      ]);
      expect((await schedule.describe()).state).toMatchObject({ paused: true, note: `round ${round}` });
      await setPaused(sync.client, config, false, 'next round');
    }
  });
});

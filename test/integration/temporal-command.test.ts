import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

const run = promisify(execFile);

/** Runs the real `temporal` command, as an operator does. */
async function temporal(...args: string[]): Promise<unknown> {
  const { temporalCommand, temporal: address } = sharedServers();
  const { stdout } = await run(temporalCommand, [...args, '--address', address, '--output', 'json']);
  return stdout.trim() === '' ? undefined : (JSON.parse(stdout) as unknown);
}

describe('temporal command', () => {
  let sync: SyncFixture;
  let schedule: string;

  beforeAll(async () => {
    sync = await SyncFixture.create();
    schedule = `vsync-destination-d0-${sync.id}`;
    await sync.run();
  });

  afterAll(() => sync.tearDown());

  test('lists the schedules', async () => {
    await eventually(async () => {
      const list = (await temporal('schedule', 'list')) as { scheduleId: string }[];
      const ids = list.map(({ scheduleId }) => scheduleId);
      expect(ids).toEqual(expect.arrayContaining([`vsync-origin-o-${sync.id}`, schedule]));
    }, 'both schedules to be listed');
  });

  test('describes a schedule with its workflow and policies, and without a secret', async () => {
    const description = await temporal('schedule', 'describe', '--schedule-id', schedule);
    expect(description).toMatchObject({
      schedule: {
        action: {
          startWorkflow: { workflowType: { name: 'destinationCycle' }, taskQueue: { name: schedule } },
        },
        policies: { overlapPolicy: 'SCHEDULE_OVERLAP_POLICY_SKIP', catchupWindow: '86400s' },
      },
    });
    expect(JSON.stringify(description)).not.toContain(sync.servers.origin.rootToken);
  });

  test('triggers a cycle', async () => {
    await sync.originVault.put(sync.mount, 'by-hand', { value: 1 });
    await sync.cycle('origin');
    await temporal('schedule', 'trigger', '--schedule-id', schedule);
    await eventually(async () => {
      expect(await sync.destinationVaults[0]?.get(sync.mount, 'by-hand')).toEqual({ value: 1 });
    }, 'the secret to arrive');
  });

  test('pauses a schedule, which vsync start leaves paused', async () => {
    const toggle = ['schedule', 'toggle', '--schedule-id', schedule, '--reason', 'maintenance'];
    await temporal(...toggle, '--pause');
    await sync.start('destination');
    expect((await sync.schedule('destination').describe()).state).toMatchObject({
      paused: true,
      note: 'maintenance',
    });
    await temporal(...toggle, '--unpause');
    expect((await sync.schedule('destination').describe()).state.paused).toBe(false);
  });
});

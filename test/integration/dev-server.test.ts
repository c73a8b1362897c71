import { Client, Connection } from '@temporalio/client';
import fs from 'node:fs';
import path from 'node:path';
import { freePorts } from '../../dev/servers/start/ports';
import { serverPaths } from '../../dev/servers/start';
import { startVsync } from '../../dev/shared/vsync-command';
import { waitFor } from '../../dev/shared/wait';
import { makeTempFolder } from '../support/run-node';

let home: string;
beforeAll(() => {
  home = makeTempFolder();
});
afterAll(() => {
  fs.rmSync(home, { recursive: true });
});

const SCHEDULE = {
  scheduleId: 'kept',
  spec: {},
  action: { type: 'startWorkflow' as const, workflowType: 'w', taskQueue: 'q' },
};

/** Runs the command until `work` is done. */
async function withDevServer(
  ports: readonly [number, number],
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const { temporal } = await serverPaths();
  const server = await startVsync(
    [
      'dev-server',
      '--db',
      path.join(home, 'temporal.db'),
      '--port',
      String(ports[0]),
      '--ui-port',
      String(ports[1]),
    ],
    { home, env: { PATH: path.dirname(temporal) } },
  );
  let connection: Connection | undefined;
  try {
    const connect = async (): Promise<boolean> => {
      try {
        connection = await Connection.connect({ address: `127.0.0.1:${ports[0]}`, connectTimeout: '2s' });
        await connection.workflowService.listSchedules({ namespace: 'default' });
        return true;
      } catch {
        await connection?.close();
        return false;
      }
    };
    await waitFor(() => 'the dev server does not answer', connect, {
      withinMs: 60_000,
      signal: new AbortController().signal,
    });
    if (connection !== undefined) await work(new Client({ connection }));
  } finally {
    await connection?.close();
    await server.stop();
  }
}

test('vsync dev-server keeps schedules over a restart, and ends with SIGTERM', async () => {
  const [port = 0, uiPort = 0] = await freePorts(2);
  await withDevServer([port, uiPort], async (client) => {
    await client.schedule.create(SCHEDULE);
    expect((await fetch(`http://127.0.0.1:${uiPort}/`)).status).toBe(200);
  });
  // Its child has ended too: nothing answers any more.
  await expect(fetch(`http://127.0.0.1:${uiPort}/`)).rejects.toThrow('fetch failed');
  await withDevServer([port, uiPort], async (client) => {
    const { action } = await client.schedule.getHandle('kept').describe();
    expect(action).toMatchObject({ workflowType: 'w', taskQueue: 'q' });
  });
  expect(fs.statSync(path.join(home, 'temporal.db')).mode & 0o777).toBe(0o600);
});

import { Client, Connection } from '@temporalio/client';
import { askHttp } from '../servers/start';
import { DESTINATIONS, ORIGIN_MOUNT, ORIGIN_NAME, SYNC_PATH, type ConfigFiles } from './configs';
import type { Environment } from './environment';
import { ADDED_PATH, makeSecrets } from './secrets';
import { runVsync } from './vsync';
import { inParallel } from '../shared/wait';

const AT_ONCE = 16;
const POLL_MS = 250;

/**
 * Removes the demo's schedules and watches from a Temporal that keeps running, and ends what still runs there:
 * workers that are there get the given time to end it properly.
 */
export async function removeSchedules(
  environment: Environment,
  configs: ConfigFiles,
  { graceMs }: { graceMs: number },
): Promise<void> {
  for (const config of [...configs.destinations, configs.origin]) {
    const { problem } = await runVsync(['stop', '-c', config]);
    // Which is how it should be.
    if (problem === undefined || problem.includes('nothing to stop')) continue;
    console.error(`  warning: ${problem}`);
  }
  const connection = await Connection.connect({ address: environment.temporal.address });
  try {
    await endCycles(new Client({ connection }), graceMs);
  } finally {
    await connection.close();
  }
}

async function endCycles({ workflow }: Client, graceMs: number): Promise<void> {
  const deadline = Date.now() + graceMs;
  const names = [ORIGIN_NAME, ...DESTINATIONS.map(({ name }) => name)];
  for (;;) {
    const running: string[] = [];
    for await (const { workflowId } of workflow.list({ query: 'ExecutionStatus = "Running"' })) {
      if (names.some((name) => workflowId.includes(name))) running.push(workflowId);
    }
    if (running.length === 0) return;
    if (Date.now() > deadline) {
      // Without a worker it would stay open for ever.
      for (const id of running) await workflow.getHandle(id).terminate('its demo is over');
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Removes the demo's sync info and its secrets, by their known paths, and nothing else. */
export async function removeTraces({ consul, origin, destinations }: Environment): Promise<void> {
  await askHttp(`${consul.address}/v1/kv/${SYNC_PATH}?recurse=true`, { method: 'DELETE' });
  const paths = [...makeSecrets().map(({ path }) => path), ADDED_PATH];
  await inParallel(paths, AT_ONCE, async (path) => {
    await origin.purge(ORIGIN_MOUNT, path);
    for (const index of [0, 1] as const) {
      const { mount, pathOf } = DESTINATIONS[index];
      await destinations[index].purge(mount, pathOf(path));
    }
  });
}

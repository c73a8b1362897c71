import path from 'node:path';
import { Connection } from '@temporalio/client';
import { temporalArguments } from './arguments';
import { launchInFolder, type RestartableServer, type StartOptions } from './launch';
import { serverPaths } from './server-paths';

export interface TemporalOptions extends StartOptions {
  /** Whether to serve the web UI, on a free port; false by default. */
  ui?: boolean;
  /** Keep everything in a file instead of in memory: restart() then finds it as it was. */
  keepsData?: boolean;
  /** Registered at start, like `{ VsyncName: 'Keyword' }`. */
  searchAttributes?: Readonly<Record<string, string>>;
}

export interface TemporalServer extends RestartableServer {
  /** The web UI's URL, if it was asked for. */
  readonly uiAddress: string | undefined;
  /** The `temporal` command, for tests that use it as an operator would. */
  readonly command: string;
}

/** Starts a Temporal dev server with the namespace `default`, ready for schedules and workers. */
export async function startTemporal(options: TemporalOptions = {}): Promise<TemporalServer> {
  const { ui = false, keepsData = false, searchAttributes } = options;
  const { temporal: command } = await serverPaths();
  const launched = await launchInFolder(options, {
    name: 'temporal',
    command,
    portCount: 2,
    args: ([port = 0, uiPort], dir) =>
      temporalArguments({
        ip: '127.0.0.1',
        port,
        uiPort: ui ? uiPort : undefined,
        dbFilename: keepsData ? path.join(dir, 'temporal.db') : undefined,
        searchAttributes,
      }),
    healthy: async ([port], log) => {
      // It prints its address when it is up: proof that it is this server which answers below.
      if (!log().includes('Server:')) return 'it has not yet printed its address';
      return namespaceMissing(`127.0.0.1:${String(port)}`);
    },
  });
  const [port = 0, uiPort = 0] = launched.ports;
  return Object.assign(launched, {
    address: `127.0.0.1:${port}`,
    uiAddress: ui ? `http://127.0.0.1:${uiPort}` : undefined,
    command,
  });
}

/** Listing goes through the frontend's own list of namespaces, which lags behind the namespace's creation. */
async function namespaceMissing(address: string): Promise<undefined> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.listSchedules({ namespace: 'default', maximumPageSize: 1 }),
    );
  } finally {
    await connection.close();
  }
}

import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { listenOf } from '../config/listen';
import type { Logger } from '../log';
import { Listening } from '../network/listening';
import type { WorkerMetrics } from './metrics';

const PATH = '/metrics';

/**
 * Serves the metrics of this process at each address (`metrics.listen`). They are about all of its syncs.
 *
 * @returns ends it
 * @throws UserError if it cannot listen, except where another process has the address: then it waits for its end
 */
export async function serveMetrics(
  addresses: ReadonlySet<string>,
  { registry }: Pick<WorkerMetrics, 'registry'>,
  log: Logger,
): Promise<() => Promise<void>> {
  const servers: { server: Server; listening: Listening }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(endServer));
  };
  try {
    for (const address of addresses) {
      const server = serverOf(registry, log);
      const place = { key: 'metrics.listen', listen: listenOf(address), log };
      servers.push({ server, listening: await Listening.begin(server, place) });
      if (server.listening) log.info(`metrics: http://${address}${PATH}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}

async function endServer({ server, listening }: { server: Server; listening: Listening }): Promise<void> {
  const ended = listening.stop();
  // Prometheus keeps its connection open.
  server.closeAllConnections();
  await ended;
}

function serverOf(registry: Registry, log: Logger): Server {
  return createServer((request, response) => {
    const answer = (status: number, contentType: string, text: string): void => {
      response.writeHead(status, { 'content-type': contentType }).end(text);
    };
    // Prometheus may add parameters.
    if (request.url?.split('?')[0] !== PATH) {
      answer(404, 'text/plain', `there is only ${PATH}\n`);
      return;
    }
    registry.metrics().then(
      (text) => {
        answer(200, registry.contentType, text);
      },
      (error: unknown) => {
        // Of a foreign error only the name: its message may hold a secret.
        log.error(`metrics: cannot be read (${error instanceof Error ? error.name : 'unknown error'})`);
        answer(500, 'text/plain', "the metrics cannot be read; see the worker's log\n");
      },
    );
  });
}

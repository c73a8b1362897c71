import { createServer, type Server } from 'node:http';
import { listenOf } from '../config/listen';
import type { Logger } from '../log';
import { Listening } from '../network/listening';
import type { WorkerMetrics } from './metrics';

const PATH = '/metrics';
const PATHS = [PATH, '/livez', '/readyz'];

/**
 * Serves the metrics of this process at each address (`metrics.listen`). They are about all of its syncs.
 *
 * @returns ends it
 * @throws UserError if it cannot listen, except where another process has the address: then it waits for its end
 */
export async function serveMetrics(
  addresses: ReadonlySet<string>,
  metrics: Pick<WorkerMetrics, 'registry' | 'health'>,
  log: Logger,
): Promise<() => Promise<void>> {
  const servers: { server: Server; listening: Listening }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(endServer));
  };
  try {
    for (const address of addresses) {
      const server = serverOf(metrics, log);
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

function serverOf({ registry, health }: Pick<WorkerMetrics, 'registry' | 'health'>, log: Logger): Server {
  return createServer((request, response) => {
    const answer = (status: number, contentType: string, text: string): void => {
      response.writeHead(status, { 'content-type': contentType }).end(text);
    };
    // Prometheus may add parameters.
    const path = request.url?.split('?')[0] ?? '';
    if (!PATHS.includes(path)) {
      answer(404, 'text/plain', `there is only ${PATHS.join(', ')}\n`);
      return;
    }
    if (path === '/livez') {
      answer(200, 'text/plain', 'ok\n');
      return;
    }
    const answered =
      path === PATH
        ? registry.metrics().then((text) => {
            answer(200, registry.contentType, text);
          })
        : health.problems().then((problems) => {
            const ready = problems.length === 0;
            answer(ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, problems })}\n`);
          });
    answered.catch((error: unknown) => {
      // Of a foreign error only the name: its message may hold a secret.
      log.error(`metrics: cannot be read (${error instanceof Error ? error.name : 'unknown error'})`);
      answer(500, 'text/plain', "the metrics cannot be read; see the worker's log\n");
    });
  });
}

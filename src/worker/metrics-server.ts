import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import type { Clients } from '../activities/clients';
import { listenOf } from '../config/listen';
import { Listening } from '../feed/listening';
import type { Logger } from '../log';
import { WorkerMetrics } from './metrics';

const PATH = '/metrics';

/**
 * Serves the metrics of this process at every `metrics.listen` of its configurations. They are about all of its syncs.
 *
 * @returns ends it
 * @throws UserError if it cannot listen, except where another process has the address: then it waits for its end
 */
export async function serveMetrics(syncs: readonly Clients[], log: Logger): Promise<() => Promise<void>> {
  const given = syncs.flatMap(({ deps }) => deps.config.metrics.listen ?? []);
  const servers: { server: Server; listening: Listening }[] = [];
  const close = async (): Promise<void> => {
    const stopped = servers.map(({ server, listening }) => {
      const ended = listening.stop();
      // Prometheus keeps its connection open.
      server.closeAllConnections();
      return ended;
    });
    await Promise.all(stopped);
  };
  if (given.length === 0) return close;
  // Only here: a worker without metrics needs no memory for them.
  const { registry } = new WorkerMetrics(syncs);
  for (const address of new Set(given)) {
    const server = serverOf(registry);
    const place = { key: 'metrics.listen', listen: listenOf(address), log, onTakenOver: () => undefined };
    servers.push({ server, listening: await Listening.begin(server, place) });
    log.info(`metrics: http://${address}${PATH}`);
  }
  return close;
}

function serverOf(registry: Registry): Server {
  return createServer((request, response) => {
    if (request.url !== PATH) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`there is only ${PATH}\n`);
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}

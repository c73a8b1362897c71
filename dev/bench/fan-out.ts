import net, { type AddressInfo, type Socket } from 'node:net';
import { Pool } from 'undici';
import { percentile } from './results';

/*
 * What Syncer is measured with: instances, and the floor. Both run in processes of their own (floor.ts). An instance
 * is a TCP server that answers each request with one fixed text, so that it costs as little CPU as possible.
 */

/** Starts instances that have every token; the last ones never answer. Done: their ports. */
export interface InstancesWork {
  count: number;
  hanging: number;
}

/** The floor: for each question one request to each instance, with undici and nothing else. */
export interface FanOutWork {
  ports: readonly number[];
  questions: number;
  inFlight: number;
  /** Connections to one instance. */
  connections: number;
}

export interface FanOutDone {
  ms: number;
  /** Median time of one question. */
  medianMs: number;
}

const YES = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const END = '\r\n\r\n';

export async function startInstances({ count, hanging }: InstancesWork): Promise<number[]> {
  const servers = Array.from({ length: count }, (_, at) =>
    net.createServer(at < count - hanging ? answerYes : swallow),
  );
  return Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            resolve((server.address() as AddressInfo).port);
          });
        }),
    ),
  );
}

function answerYes(socket: Socket): void {
  let rest = '';
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    const requests = (rest + chunk.toString('latin1')).split(END);
    rest = requests.pop() ?? '';
    if (requests.length > 0) socket.write(YES.repeat(requests.length));
  });
}

function swallow(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.resume();
}

export async function fanOut(work: FanOutWork): Promise<FanOutDone> {
  const { ports, connections } = work;
  const pools = ports.map((port) => new Pool(`http://127.0.0.1:${port}`, { connections }));
  let next = 0;
  const headers = { host: 'api.example.com', cookie: 'auth_token=token' };
  const measured = await askAll(work, async () => {
    headers.cookie = `auth_token=token-${next++}`;
    await Promise.all(
      pools.map(async (pool) => {
        const { body } = await pool.request({ method: 'GET', path: '/check', headers });
        await body.dump();
      }),
    );
  });
  await Promise.all(pools.map((pool) => pool.close()));
  return { ms: measured.ms, medianMs: percentile(measured.latencies, 0.5) };
}

export interface Asked {
  ms: number;
  /** Of each question, in the order of their ends. */
  latencies: number[];
}

/** Asks a number of questions, so many at the same time. */
export async function askAll(
  { questions, inFlight }: { questions: number; inFlight: number },
  ask: (nth: number) => Promise<void>,
): Promise<Asked> {
  const latencies: number[] = [];
  let begun = 0;
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (begun < questions) {
        const nth = begun++;
        const askedMs = performance.now();
        await ask(nth);
        latencies.push(performance.now() - askedMs);
      }
    }),
  );
  return { ms: performance.now() - startedMs, latencies };
}

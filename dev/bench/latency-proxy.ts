/** The process of the proxies that add latency: opens one for each address that it is told. */
import net from 'node:net';
import { answerParent } from './helper-child';

export interface LatencyWork {
  /** URLs of the servers behind it. */
  targets: readonly string[];
  /** Added to each request on its way to the server; the answer passes at once. */
  delayMs: number;
}

/** URLs of the proxies, in the order of the targets. */
export type LatencyDone = string[];

answerParent(({ targets, delayMs }: LatencyWork): Promise<LatencyDone> =>
  Promise.all(targets.map((target) => open(target, delayMs))),
);

function open(target: string, delayMs: number): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = net.createServer({ noDelay: true }, (outer) => {
    const inner = net.connect({ host: hostname, port: Number(port), noDelay: true });
    // Timers of one length fire in the order in which they were set, so the bytes stay in order.
    outer.on('data', (bytes) => setTimeout(() => inner.write(bytes), delayMs));
    outer.on('end', () => setTimeout(() => inner.end(), delayMs));
    inner.pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
    outer.on('close', () => setTimeout(() => inner.destroy(), delayMs));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
    });
  });
}

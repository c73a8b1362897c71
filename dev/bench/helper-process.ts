/** The process behind `Helper`: does the work of each message, one after the other, and ends with its parent. */
import { TcpProxy } from '../shared/tcp-proxy';
import { fanOut, startInstances } from './fan-out';
import { copy, scan } from './floor';
import type { Reply, Work } from './helper';

let last = Promise.resolve();

process.on('message', (work: Work) => {
  last = last.then(async () => {
    const reply: Reply = await perform(work).then(
      (done) => ({ done }),
      (error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }),
    );
    process.send?.(reply);
  });
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches all processes of a terminal, and the parent decides in which order they end.
process.on('SIGINT', () => undefined);

async function perform(work: Work): Promise<unknown> {
  if (work.kind === 'instances') return startInstances(work);
  if (work.kind === 'fan-out') return fanOut(work);
  if (work.kind === 'scan') return scan(work);
  if (work.kind === 'copy') return copy(work);
  const { targets, delayMs } = work;
  const proxies = await Promise.all(targets.map((url) => TcpProxy.before(new URL(url).host, { delayMs })));
  return proxies.map(({ address }) => `http://${address}`);
}

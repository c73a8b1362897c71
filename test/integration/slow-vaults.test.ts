import { readFileSync, writeFileSync } from 'node:fs';
import { RunningSync, type RunningOptions } from '../support/running-sync';

/** An answer may be acted upon for 5 s only. Slow answers and queues must not use up this time. */

const GONE = Array.from({ length: 8 }, (_, number) => `gone${number}`);
const CHANGED = Array.from({ length: 24 }, (_, number) => `changed${number}`);

/** A sync whose next destination cycle has updates and deletes to do. */
async function withWork(options: RunningOptions = {}): Promise<RunningSync> {
  const running = await RunningSync.create({
    secrets: [...GONE, ...CHANGED, 'other'],
    edit: (file) => {
      file['maxDeletes'] = '100%';
    },
    ...options,
  });
  const { sync } = running;
  for (const path of GONE) await sync.originVault.delete(sync.mount, path);
  for (const path of CHANGED) await sync.originVault.put(sync.mount, path, { path, changed: true });
  await sync.cycle('origin');
  return running;
}

async function expectDone(running: RunningSync): Promise<void> {
  expect(await running.sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { updated: CHANGED.length, deleted: GONE.length, held: 0, failed: 0 },
  });
  const there = await Promise.all([...CHANGED, ...GONE].map((path) => running.at(path)));
  expect(there).toEqual([
    ...CHANGED.map((path) => [{ path, changed: true }, 2]),
    ...GONE.map(() => [undefined, 1]),
  ]);
}

test.concurrent(
  'destination cycle finishes all updates and deletes with few requests per second',
  async () => {
    const running = await withWork();
    const { sync } = running;
    try {
      const file = sync.destinationFiles[0] ?? '';
      const content = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...content, requestsPerSecond: 6 }));
      await sync.stopWork();
      await sync.work({ only: 'destination' });
      await expectDone(running);
    } finally {
      await running.tearDown();
    }
  },
);

test.concurrent(
  'destination cycle finishes all updates and deletes although each answer takes seconds',
  async () => {
    const running = await withWork();
    try {
      const { originVault, vault } = running.proxies;
      const isSlow = (url: string): boolean => /\/(data|metadata|delete)\/(gone|changed)\d+$/.test(url);
      for (const proxy of [originVault, vault])
        proxy.choose(async (_method, url) => {
          if (isSlow(url)) await new Promise((resolve) => setTimeout(resolve, 3_000));
          return undefined;
        });
      await expectDone(running);
    } finally {
      await running.tearDown();
    }
  },
);

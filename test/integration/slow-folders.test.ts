import { OriginRun } from '../support/origin-run';
import { FaultProxy } from '../support/fault-proxy';
import { publishedBy } from '../support/published';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** Folders whose listing takes long: a proxy in front of the real Vault holds their answers back. */

interface OriginFile {
  origin: { vault: { address: string; requestTimeout?: string }; numWorkers?: number };
}

let sync: SyncFixture;
let proxy: FaultProxy;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await sync.tearDown();
});

async function originRun(origin: { numWorkers?: number; requestTimeout?: string }): Promise<OriginRun> {
  proxy = await FaultProxy.before(sharedServers().origin.address);
  closers.push(() => proxy.close());
  sync = await SyncFixture.create({
    destinations: 0,
    edit: (content) => {
      const file = content as unknown as OriginFile;
      file.origin.vault.address = proxy.address;
      if (origin.requestTimeout !== undefined) file.origin.vault.requestTimeout = origin.requestTimeout;
      if (origin.numWorkers !== undefined) file.origin.numWorkers = origin.numWorkers;
    },
  });
  const run = await OriginRun.of(sync);
  closers.push(run.close);
  return run;
}

const isListOf = (method: string, url: string, folder: string): boolean =>
  method === 'LIST' && url.includes(`/metadata/${folder}`);

test('listPaths lists the other folders while some are slow, also when numWorkers is small', async () => {
  const slow = ['a-slow', 'b-slow'];
  const others = [...Array(12).keys()].map((number) => `quick-${number}`);
  const run = await originRun({ numWorkers: slow.length });
  for (const folder of [...slow, ...others]) await sync.originVault.put(sync.mount, `${folder}/one`, {});
  const listed = new Set<string>();
  let release = (): void => undefined;
  // The slow folders are answered only after all others were requested.
  const allOthers = new Promise<void>((resolve) => (release = resolve));
  proxy.choose((method, url) => {
    for (const folder of others) if (isListOf(method, url, folder)) listed.add(folder);
    if (listed.size === others.length) release();
    return slow.some((folder) => isListOf(method, url, folder)) ? { late: allOthers } : undefined;
  });
  expect((await run.cycle()).unknown).toBe(0);
  const { insights } = await publishedBy(sync);
  expect(Object.keys(insights)).toHaveLength(slow.length + others.length);
});

test('listPaths requests a listing that exceeds requestTimeout once, and only its folder is unknown', async () => {
  // Longer than the other listings take on a slow machine.
  const run = await originRun({ requestTimeout: '3s' });
  for (const folder of ['quick', 'slow']) await sync.originVault.put(sync.mount, `${folder}/one`, {});
  await run.cycle();
  await sync.originVault.put(sync.mount, 'quick/two', {});
  await sync.originVault.put(sync.mount, 'slow/two', {});
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  proxy.choose((method, url) => (isListOf(method, url, 'slow') ? { late: ended } : undefined));
  expect((await run.cycle()).unknown).toBe(1);
  end();
  expect(
    proxy.requests.filter((request) => request.startsWith('LIST') && request.includes('/slow')),
  ).toHaveLength(1);
  const { insights } = await publishedBy(sync);
  expect(Object.keys(insights).sort()).toEqual(['quick/one', 'quick/two', 'slow/one']);
});

import { publishedBy } from '../support/published';
import { FaultProxy } from '../support/fault-proxy';
import { RunningSync } from '../support/running-sync';
import { sharedServers } from '../support/shared-servers';
import { onVault } from '../support/vault-kind';

/**
 * Outdated answers: from a Vault that lags behind its primary, or from a Consul follower. Each is correct in itself and
 * was true some time ago.
 */

let running: RunningSync;
let ownConsul: FaultProxy;

beforeAll(async () => {
  ownConsul = await FaultProxy.before(sharedServers().consul);
  running = await RunningSync.create({
    secrets: ['a', 'b', 'comes-back', 'd', 'e'],
    edit: (file, role) => {
      if (role === 'destination')
        (file['destination'] as { consul: { address: string } }).consul.address = ownConsul.address;
    },
  });
});

afterAll(async () => {
  await running.tearDown();
  await ownConsul.close();
});

afterEach(() => {
  running.mendAll();
  ownConsul.choose(() => undefined);
});

/** OpenBao's listings may hide names, so the origin cycle asks for each missing one: an outdated LIST takes nothing out. */
const listingIsEvidence = onVault('a name that is missing in its listing is not asked for');

/** Chooses outdated answers for reads of these paths and for all listings. */
const asks = (...paths: readonly string[]): ((method: string, url: string) => 'stale' | undefined) => {
  return (method, url) =>
    method === 'LIST' || (method === 'GET' && paths.some((path) => url.endsWith(path))) ? 'stale' : undefined;
};

/** Has a proxy remember all answers during some work. */
async function remember(proxy: FaultProxy, work: () => Promise<unknown>): Promise<void> {
  proxy.remember(true);
  await work();
  proxy.remember(false);
}

const undelete = (path: string): Promise<unknown> =>
  running.sync.originVault.request('POST', `${running.sync.mount}undelete/${path}`, { versions: [1] });

/** Makes all answers current. After a cycle of each role the next one finds nothing, and all sync info is whole. */
async function expectHealed(): Promise<void> {
  const { sync } = running;
  running.mendAll();
  ownConsul.choose(() => undefined);
  await sync.cycle('origin');
  await sync.cycle('destination');
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'unchanged',
    counts: { held: 0, read: 0 },
  });
  expect((await publishedBy(sync, 'destination')).insights).toEqual((await publishedBy(sync)).insights);
}

listingIsEvidence.test(
  'destination cycle deletes no secret that outdated LIST and metadata answers took out of the origin info',
  async () => {
    const { sync, proxies } = running;
    await sync.originVault.delete(sync.mount, 'comes-back');
    await remember(proxies.originVault, () => sync.cycle('origin'));
    await undelete('comes-back');
    await running.put('listed');
    await sync.cycle('origin');
    await sync.cycle('destination');

    proxies.originVault.choose(asks('/metadata/comes-back'));
    await sync.cycle('origin');
    expect(Object.keys((await publishedBy(sync)).insights).sort()).toEqual(['a', 'b', 'd', 'e']);
    proxies.originVault.choose(() => undefined);
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0, held: 2, unknown: 0 } });
    await expectHealed();
    await running.expectFirstVersions(['a', 'b', 'comes-back', 'd', 'e', 'listed']);
  },
);

listingIsEvidence.test(
  'destination cycle deletes softly if the last request before it gets an outdated answer too, and the secret returns as one new version',
  async () => {
    const { sync, proxies } = running;
    proxies.originVault.choose(asks('/metadata/comes-back'));
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 1, held: 1 } });
    expect(await running.at('comes-back')).toEqual([undefined, 1]);
    await expectHealed();
    expect(await running.at('comes-back')).toEqual([{ path: 'comes-back' }, 2]);
    await running.expectFirstVersions(['a', 'b', 'd', 'e', 'listed']);
  },
);

test('destination cycle does not overwrite a value with an outdated one, and reports it as stale', async () => {
  const { sync, proxies } = running;
  await sync.originVault.put(sync.mount, 'a', { value: 'second' });
  await remember(proxies.originVault, async () => {
    await sync.cycle('origin');
    await sync.cycle('destination');
  });
  await sync.originVault.put(sync.mount, 'a', { value: 'third' });
  await sync.cycle('origin');
  // As after a kill: the third value has arrived and is not claimed.
  await sync.destinationVaults[0]?.put(sync.mount, 'a', { value: 'third' });
  proxies.originVault.choose(asks('/data/a'));
  const cycle = await sync.cycle('destination');
  expect(cycle).toMatchObject({ outcome: 'partial', counts: { updated: 0, failed: 1 } });
  expect(cycle.failures).toEqual([{ path: running.data('a'), class: 'stale' }]);
  expect(await running.at('a')).toEqual([{ value: 'third' }, 3]);
  await expectHealed();
  expect(await running.at('a')).toEqual([{ value: 'third' }, 3]);
});

test('destination cycle compares once after an outdated insight, and writes no version', async () => {
  const { sync, proxies } = running;
  proxies.originVault.choose(asks('/metadata/a'));
  await sync.cycle('origin');
  expect((await publishedBy(sync)).insights['a']).toMatchObject({ version: 2 });
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 0, skipped: 1, failed: 0 } });
  await expectHealed();
  expect(await running.at('a')).toEqual([{ value: 'third' }, 3]);
});

test('destination cycle copies the old value of an origin whose answers are all outdated, and the current one afterwards', async () => {
  const { sync, proxies } = running;
  proxies.originVault.choose(asks('/metadata/a', '/data/a'));
  await sync.cycle('origin');
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 1, deleted: 0 } });
  expect(await running.at('a')).toEqual([{ value: 'second' }, 4]);
  await expectHealed();
  expect(await running.at('a')).toEqual([{ value: 'third' }, 5]);
});

describe('destination cycle with outdated sync info', () => {
  /** Current versions at the destination, by path. */
  const versions = async (): Promise<Record<string, number | undefined>> => {
    const paths = ['a', 'b', 'comes-back', 'd', 'e', 'listed', 'later'];
    return Object.fromEntries(
      await Promise.all(paths.map(async (path) => [path, (await running.at(path))[1]] as const)),
    );
  };

  /** Has the next cycle read every bucket. */
  const lookAtAll = (): Promise<void> => {
    const { sync } = running;
    return sync.consul.put(`${sync.infoPrefix('destination')}unsaved`, '{"v":1}');
  };

  beforeAll(async () => {
    const { sync, proxies } = running;
    await lookAtAll();
    await remember(proxies.originConsul, () => sync.cycle('destination'));
    await sync.originVault.put(sync.mount, 'b', { value: 'newer' });
    await sync.originVault.delete(sync.mount, 'd');
    await running.put('later');
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  test.each([
    ['index and buckets', /./],
    ['the index alone', /index$/],
    ['the buckets alone', /\d$/],
  ])('writes no version and deletes nothing if the origin info is outdated: %s', async (_what, which) => {
    const { sync, proxies } = running;
    const before = await versions();
    await lookAtAll();
    const prefix = sync.infoPrefix('origin');
    proxies.originConsul.choose((method, url) => {
      const key = decodeURIComponent(url.replace(/\?.*/, '')).split(prefix)[1];
      return method === 'GET' && key !== undefined && which.test(key) ? 'stale' : undefined;
    });
    const cycle = await sync.cycle('destination');
    expect(proxies.originConsul.answeredStale.length).toBeGreaterThan(0);
    expect(cycle.counts).toMatchObject({ added: 0, updated: 0, deleted: 0, failed: 0 });
    expect(await versions()).toEqual(before);
    await expectHealed();
    expect(await versions()).toEqual(before);
  });

  test('fails with Conflict if the destination info is outdated, and the next cycle continues', async () => {
    const { sync } = running;
    await sync.originVault.put(sync.mount, 'e', { value: 'first change' });
    await sync.cycle('origin');
    await lookAtAll();
    await remember(ownConsul, () => sync.cycle('destination'));
    await sync.originVault.put(sync.mount, 'e', { value: 'second change' });
    await undelete('d');
    await sync.cycle('origin');
    await sync.cycle('destination');
    await sync.originVault.put(sync.mount, 'b', { value: 'newest' });
    await sync.cycle('origin');
    const before = await versions();
    ownConsul.choose((method) => (method === 'GET' ? 'stale' : undefined));
    await expect(sync.cycle('destination')).rejects.toMatchObject({ cause: { type: 'Conflict' } });
    await expectHealed();
    expect(await versions()).toEqual({ ...before, b: (before['b'] ?? 0) + 1 });
  });

  test('asks Consul for consistent answers only', async () => {
    const { sync, proxies } = running;
    await running.put('last');
    running.mendAll();
    ownConsul.choose(() => undefined);
    await sync.cycle('origin');
    await sync.cycle('destination');
    const reads = [...proxies.originConsul.requests, ...ownConsul.requests]
      .filter((request) => request.startsWith('GET /v1/kv/'))
      .map(decodeURIComponent);
    expect(reads).toContainEqual(expect.stringContaining(`${sync.infoPrefix('origin')}index`));
    expect(reads).toContainEqual(expect.stringContaining(`${sync.infoPrefix('destination')}state`));
    expect(reads.filter((request) => !/[?&]consistent/.test(request) || request.includes('stale'))).toEqual(
      [],
    );
  });
});

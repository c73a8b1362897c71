import { createClients } from '../../src/activities/clients';
import { GateProxy } from '../support/gate-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

test('requestsPerSecond limits all clients of one Vault in a process, and ends with the client that set it', async () => {
  const proxy = await GateProxy.before(sharedServers().destinations[0].address);
  const sync = await SyncFixture.create({
    destinations: 2,
    edit: (file, role) => {
      if (role === 'origin') return;
      const { vault } = file['destination'] as { vault: Record<string, unknown> };
      Object.assign(vault, { address: proxy.address, token: sharedServers().destinations[0].rootToken });
      file['requestsPerSecond'] = String(file['name']).startsWith('d0-') ? 4 : 1000;
    },
  });
  const first = await createClients(sync.config('destination', 0));
  const second = await createClients(sync.config('destination', 1));
  let closeFirst: (() => Promise<void>) | undefined = first.close;
  try {
    if (first.role !== 'destination' || second.role !== 'destination') throw new Error('no destinations');
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // the clients' first requests are older than a second then
    proxy.passed.length = 0;
    const beginMs = Date.now();
    /** How many requests the limit has allowed so far, on a machine of any speed. */
    const allowed = (): number => 4 * (1 + Math.floor((Date.now() - beginMs) / 1000));
    const { vault } = first.deps;
    const other = second.deps.vault;
    const reads = Array.from({ length: 6 }, () => [vault.mount(sync.mount), other.mount(sync.mount)]).flat();
    await Promise.race(reads);
    expect(proxy.passed.length).toBeLessThanOrEqual(allowed());
    await Promise.all(reads);
    expect(proxy.passed).toHaveLength(12);
    expect(allowed()).toBeGreaterThanOrEqual(12);
    await first.close();
    closeFirst = undefined;

    proxy.passed.length = 0;
    await Promise.all(Array.from({ length: 40 }, () => other.mount(sync.mount)));
    expect(proxy.passed).toHaveLength(40);
  } finally {
    await closeFirst?.();
    await second.close();
    await sync.tearDown();
    await proxy.close();
  }
});

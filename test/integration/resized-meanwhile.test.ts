import type { OriginConfig } from '../../src/config/schema';
import { GateProxy } from '../support/gate-proxy';
import { OriginRun } from '../support/origin-run';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

const PATHS = Array.from({ length: 12 }, (_, number) => `app${number}/db`);
const GONE = PATHS.slice(0, 5);

test.each([
  [9, 1],
  [1, 9],
])(
  'destination cycle keeps all claims when the origin changes from %i buckets to %i during the cycle',
  async (from, to) => {
    const gate = await GateProxy.before(sharedServers().destinations[0].address);
    const sync = await SyncFixture.create({ numBuckets: from, destinationVault: gate.address });
    const [vault] = sync.destinationVaults;
    try {
      for (const path of PATHS) await sync.originVault.put(sync.mount, path, { path });
      await sync.run();
      await sync.cycle('origin');
      await sync.cycle('destination');
      await sync.originVault.put(sync.mount, 'app11/db', { path: 'changed' });
      await sync.cycle('origin');

      gate.hold((method, url) => method === 'POST' && url.includes('/data/'));
      const held = gate.held();
      const cycle = sync.cycle('destination');
      await held;
      const origin = await OriginRun.of(sync, { config: { ...originConfig(sync), numBuckets: to } });
      await origin.cycle();
      gate.release();
      await cycle;
      // A secret can only be deleted here if it is still claimed.
      for (const path of GONE) await sync.originVault.delete(sync.mount, path);
      await origin.cycle();
      await origin.close();
      await sync.cycle('destination');
      await sync.cycle('destination');
      const left = PATHS.filter((path) => !GONE.includes(path));
      const there = await Promise.all(PATHS.map(async (path) => [path, await vault?.get(sync.mount, path)]));
      expect(there.filter(([, value]) => value !== undefined).map(([path]) => path)).toEqual(left);
      const versions = await Promise.all(left.map(async (path) => vault?.version(sync.mount, path)));
      expect(versions).toEqual(left.map((path) => (path === 'app11/db' ? 2 : 1)));
    } finally {
      await sync.tearDown();
      await gate.close();
    }
  },
);

function originConfig(sync: SyncFixture): OriginConfig {
  const config = sync.config('origin');
  if (config.role !== 'origin') throw new Error('the configuration of an origin is one');
  return config;
}

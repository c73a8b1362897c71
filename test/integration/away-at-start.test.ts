import { startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import { collectedLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** A worker starts while the real Vault of one of its syncs is sealed. */

let vault: VaultFileServer;
let sync: SyncFixture;

beforeAll(async () => {
  vault = await startVaultFile({ mounts: [] });
});

afterAll(() => vault.stop());

beforeEach(async () => {
  sync = await SyncFixture.create({ servers: { ...sharedServers(), destinations: [vault, vault] } });
  await sync.originVault.put(sync.mount, 'app', { v: 1 });
  await sync.start('origin');
  await sync.startQuietly('destination');
  await vault.seal();
});

afterEach(async () => {
  await vault.unseal();
  await sync.tearDown();
});

test('a worker serves its other syncs meanwhile, and begins when the Vault is unsealed', async () => {
  const { log, lines } = collectedLog();
  await sync.work({ log, awayRetryMs: 100 });
  await sync.idle('origin');
  await sync.originVault.put(sync.mount, 'later', { v: 2 });
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
  await eventually(() => {
    expect(lines).toContainEqual(
      expect.stringMatching(/^not started: Vault .*: the Vault is sealed.* It is tried again every 0\.1 s$/),
    );
    return Promise.resolve();
  }, 'the wait to be logged');

  await vault.unseal();
  await sync.idle('destination');
  await sync.cycle('destination');
  expect(await sync.destinationVaults[0]?.get(sync.mount, 'later')).toEqual({ v: 2 });
});

test('a worker that only waits ends when it is told to', async () => {
  await sync.work({ only: 'destination' });
  await sync.stopWork();
});

import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

test('a slow destination does not delay the other one', async () => {
  const gate = await GateProxy.before(sharedServers().destinations[0].address);
  const sync = await SyncFixture.create({
    destinations: 2,
    edit: (file) => {
      const destination = file['destination'] as { vault: { address: string } } | undefined;
      if (destination?.vault.address === sharedServers().destinations[0].address) {
        destination.vault.address = gate.address;
      }
    },
  });
  try {
    await sync.work();
    await sync.start('origin');
    await sync.start('destination', 0);
    await sync.start('destination', 1);
    gate.hold((method, url) => method === 'POST' && url.includes(`${sync.mount}data/`));
    const held = gate.held();
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    await sync.cycle('origin');
    await held;

    await eventually(async () => {
      expect(await sync.destinationVaults[1]?.get(sync.mount, 'a')).toEqual({ value: 1 });
    }, 'the secret to arrive at the second destination');
    expect((await sync.schedule('destination', 0).describe()).info.runningActions).toHaveLength(1);
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toBeUndefined();

    gate.release();
    await eventually(async () => {
      expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ value: 1 });
    }, 'the secret to arrive at the first destination');
  } finally {
    await sync.tearDown();
    await gate.close();
  }
});

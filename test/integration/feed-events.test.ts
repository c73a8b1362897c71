import { event, EventServer } from '../support/event-server';
import { eventually } from '../support/eventually';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** The event stream of Vault Enterprise, which a server in front of the Vault imitates as documented. */

test('an origin that follows events brings a change to the destination without a tick', async () => {
  const shared = sharedServers();
  const events = await EventServer.start(101, shared.origin.address);
  const sync = await SyncFixture.create({
    edit: (file, role) => {
      if (role !== 'origin') return;
      const origin = file['origin'] as { vault: { address: string }; feed?: object };
      origin.vault.address = events.address;
      origin.feed = { events: true };
    },
  });
  try {
    await sync.originVault.put(sync.mount, 'a', { round: 1 });
    await sync.run();
    await sync.start('destination');
    const arrives = (round: number): Promise<void> =>
      eventually(async () => {
        expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ round });
      }, `round ${round} to arrive`);
    await sync.cycle('origin');
    await arrives(1);
    expect(events.attempts[0]?.headers).toMatchObject({ 'x-vault-token': shared.origin.rootToken });

    await sync.originVault.put(sync.mount, 'a', { round: 2 });
    const path = `${sync.mount}data/a`;
    events.send(event('kv-v2/data-write', { path, data_path: path }, sync.mount));
    await arrives(2);
  } finally {
    await sync.tearDown();
    await events.close();
  }
});

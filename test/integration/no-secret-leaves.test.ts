import { randomBytes } from 'node:crypto';
import { debugLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { exportRuns, readableTexts } from '../support/histories';
import { SyncFixture } from '../support/sync-fixture';

/** The invariant: a secret's value exists in the memory of one activity only. */
test('vsync keeps secret values and tokens out of Temporal, Consul and the log, also when a copy fails', async () => {
  const planted = `planted-${randomBytes(16).toString('hex')}`;
  const { log, lines } = debugLog();
  const sync = await SyncFixture.create({
    edit: (file, role) => {
      if (role === 'destination') (file['destination'] as { vault: { token: string } }).vault.token = token;
    },
    beforeFiles: async ({ destinationVaults: [vault], mount, id }) => {
      // The destination refuses one of the two secrets. The refused request contained its value.
      token = (await vault?.tokenFor(
        `deny-${id}`,
        `path "${mount}*" { capabilities = ["create", "read", "update", "delete", "list"] }
         path "${mount}data/refused" { capabilities = ["deny"] }`,
      )) as string;
    },
  });
  try {
    for (const path of ['good', 'refused']) {
      await sync.originVault.put(sync.mount, path, { password: planted, [planted]: 'as a key' });
    }
    await sync.work({ log });
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('origin');
    const cycle = await sync.cycle('destination');
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { failed: 1 } });
    expect(cycle.failures).toEqual([
      { path: `${sync.mount}data/refused`, class: 'forbidden', at: 'destination' },
    ]);
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'good')).toMatchObject({ password: planted });

    const runs = await eventually(async () => {
      const found = await exportRuns(sync.client, sync.id);
      expect(new Set(found.map(({ type }) => type))).toEqual(
        new Set(['originCycle', 'destinationCycle', 'watchOrigin']),
      );
      return found;
    }, 'all workflows to be listed');
    const consul = await sync.consul.values(sync.syncPath);
    const everything = [readableTexts(runs), JSON.stringify(consul), ...lines].join('\n');
    expect(everything).toContain(`${sync.mount}data/refused`); // proves that the search covers real content
    expect(lines.length).toBeGreaterThan(0);
    expect(everything).not.toContain(planted);
    for (const secret of [
      token,
      ...[sync.servers.origin, ...sync.servers.destinations].map((vault) => vault.rootToken),
    ]) {
      expect(everything).not.toContain(secret);
    }
  } finally {
    await sync.tearDown();
  }
});

let token = '';

import { randomBytes } from 'node:crypto';
import { debugLog } from '../support/collected-log';
import { exportRuns, readableTexts } from '../support/histories';
import { SettingsSync } from '../support/settings-sync';

/** custom_metadata may be private. Like a value, it exists in the memory of one activity only. */
test('vsync keeps custom_metadata out of Temporal, Consul and the log, also when a Vault refuses it', async () => {
  const planted = `planted-${randomBytes(16).toString('hex')}`;
  const { log, lines } = debugLog();
  let token = '';
  const sync = await SettingsSync.create({
    edit: (file, role) => {
      if (role === 'destination') (file['destination'] as { vault: { token: string } }).vault.token = token;
    },
    beforeFiles: async ({ destinationVaults: [vault], mount, id }) => {
      token = (await vault?.tokenFor(
        `private-${id}`,
        `path "${mount}*" { capabilities = ["create", "read", "update", "delete", "list"] }
         path "${mount}metadata/refused" { capabilities = ["deny"] }`,
      )) as string;
    },
  });
  try {
    for (const path of ['good', 'refused', 'sealed']) {
      await sync.put(path);
      await sync.set(path, { custom_metadata: { owner: planted, [planted]: 'as a key' } });
    }
    // The answer repeats what was sent, as a careless proxy might do.
    sync.proxy.choose((method, url) =>
      method === 'POST' && url.endsWith('/metadata/sealed')
        ? { status: 400, body: JSON.stringify({ errors: [`bad custom_metadata ${planted}`] }) }
        : undefined,
    );
    await sync.fixture.run({ log });
    const cycle = await sync.cycles();
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { failed: 2 } });
    expect(cycle.failures.map(({ class: why }) => why).sort()).toEqual([
      'settings-forbidden',
      'settings-rejected',
    ]);
    expect(await sync.settings('good')).toMatchObject({ custom_metadata: { owner: planted } });

    const runs = await exportRuns(sync.fixture.client, sync.fixture.id);
    const consul = await sync.fixture.consul.values(sync.fixture.syncPath);
    const everything = [readableTexts(runs), JSON.stringify(consul), ...lines].join('\n');
    expect(everything).toContain(`${sync.fixture.mount}data/refused`); // proves that the search covers real content
    expect(lines.length).toBeGreaterThan(0);
    expect(everything).not.toContain(planted);
  } finally {
    await sync.remove();
  }
});

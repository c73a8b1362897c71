import { readFileSync, writeFileSync } from 'node:fs';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';

/** `origin.include` and `origin.exclude` decide what is published and what the origin's Vault is asked for. */
describe('origin filters', () => {
  let sync: SyncFixture;
  let token = '';

  afterEach(() => sync.tearDown());

  /** Starts an origin with these secrets and a changed section of its configuration. */
  async function startOrigin(
    paths: readonly string[],
    change: (origin: OriginSection, sync: SyncFixture) => void,
    options: FixtureOptions = {},
  ): Promise<void> {
    let fixture: SyncFixture | undefined;
    sync = await SyncFixture.create({
      destinations: 0,
      ...options,
      beforeFiles: async (created) => {
        fixture = created;
        await options.beforeFiles?.(created);
      },
      edit: (file) => {
        change(file['origin'] as OriginSection, fixture as SyncFixture);
      },
    });
    for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
    await sync.work();
    await sync.start('origin');
    if (options.destinations === 1) await sync.startQuietly('destination');
  }

  /** Changes the origin's file, and restarts worker and schedule with it. */
  async function reconfigure(change: (origin: OriginSection) => void): Promise<void> {
    const file = JSON.parse(readFileSync(sync.originFile, 'utf8')) as { origin: OriginSection };
    change(file.origin);
    writeFileSync(sync.originFile, JSON.stringify(file));
    await sync.stopWork();
    await sync.start('origin');
    await sync.work();
    await sync.idle('origin');
  }

  interface OriginSection {
    vault: { token: string };
    include: string[];
    exclude: string[];
  }

  /** Paths in the origin's buckets, without mount and "data/". */
  async function published(): Promise<string[]> {
    const values = await sync.consul.values(sync.infoPrefix('origin'));
    return Object.entries(values)
      .filter(([key]) => /\/\d+$/.test(key))
      .flatMap(([, value]) => Object.keys(JSON.parse(value) as object))
      .map((path) => path.replace(`${sync.mount}data/`, ''))
      .sort();
  }

  test('leave all other secrets out of the sync info', async () => {
    await startOrigin(['team/a', 'team/b/c', 'team/tmp/d', 'other/e', 'team'], (origin, { mount }) => {
      origin.include = [`${mount}team/**`];
      origin.exclude = [`${mount}**/tmp/`];
    });
    const cycle = await sync.cycle('origin');
    expect(cycle).toMatchObject({ outcome: 'unchanged', counts: { listed: 2, read: 2, unknown: 0 } });
    expect(await published()).toEqual(['team/a', 'team/b/c']);
  });

  test('need no permission on excluded paths, nor on the folders above the included ones', async () => {
    await startOrigin(
      ['team/a', 'team/tmp/b', 'other/c'],
      (origin, { mount }) => {
        origin.vault.token = token;
        origin.include = [`${mount}team/**`];
        origin.exclude = [`${mount}team/tmp/**`];
      },
      {
        beforeFiles: async ({ originVault, mount, id }) => {
          token = await originVault.tokenFor(
            `f-${id}`,
            `path "${mount}metadata/team/*" { capabilities = ["read", "list"] }
             path "${mount}metadata/team" { capabilities = ["list"] }
             path "${mount}metadata/team/tmp/*" { capabilities = ["deny"] }
             path "${mount}metadata/team/tmp" { capabilities = ["deny"] }`,
          );
        },
      },
    );
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
    expect(await published()).toEqual(['team/a']);
  });

  test('remove newly excluded secrets from the sync info, also below a folder that cannot be listed, and destinations keep them', async () => {
    await startOrigin(
      ['keep/a', 'keep/x/b', 'drop/c', 'keep/tmp/d'],
      (origin) => {
        origin.vault.token = token;
      },
      {
        destinations: 1,
        beforeFiles: async ({ originVault, mount, id }) => {
          token = await originVault.tokenFor(
            `f-${id}`,
            `path "${mount}*" { capabilities = ["read", "list"] }`,
          );
        },
      },
    );
    await sync.cycle('destination');
    const arrived = (path: string): Promise<unknown> =>
      sync.destinationVaults[0]?.get(sync.mount, path) ?? Promise.resolve();
    expect(await arrived('keep/tmp/d')).toEqual({ path: 'keep/tmp/d' });

    // An included folder cannot be listed now: its known paths are kept. An excluded folder is not listed at all.
    await sync.originVault.request('PUT', `sys/policies/acl/f-${sync.id}`, {
      policy: `path "${sync.mount}*" { capabilities = ["read", "list"] }
        path "${sync.mount}metadata/keep" { capabilities = ["deny"] }
        path "${sync.mount}detailed-metadata/keep" { capabilities = ["deny"] }
        path "${sync.mount}metadata/drop" { capabilities = ["deny"] }
        path "${sync.mount}detailed-metadata/drop" { capabilities = ["deny"] }`,
    });
    await reconfigure((origin) => {
      origin.exclude = [`${sync.mount}drop/`, `${sync.mount}keep/tmp/`];
    });
    const cycle = await sync.cycle('origin');
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { unknown: 1, listed: 0 } });
    expect(cycle.failures).toEqual([{ path: `${sync.mount}keep/`, class: 'forbidden' }]);
    expect(await published()).toEqual(['keep/a', 'keep/x/b']);

    // The destination asks the origin before a delete, and the origin still serves them.
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0, held: 2 } });
    for (const path of ['drop/c', 'keep/tmp/d', 'keep/a']) expect(await arrived(path)).toEqual({ path });
  });
});

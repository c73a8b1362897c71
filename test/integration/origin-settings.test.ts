import { vaultKind } from '../../dev/servers/start';
import { fingerprintOfSettings, settingsOf, type SettingsMetadata } from '../../src/rules/settings';
import { FaultProxy } from '../support/fault-proxy';
import { INTERRUPTIONS, isWrite } from '../support/interrupted-saves';
import { OriginRun } from '../support/origin-run';
import { publishedBy } from '../support/published';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** `syncMetadata` at the origin: what it publishes of the secrets' settings, and what stays untouched. */

const DEFAULTS: SettingsMetadata = {
  custom_metadata: null,
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
};
const fingerprint = (settings: Partial<SettingsMetadata>): string | undefined =>
  fingerprintOfSettings(settingsOf({ ...DEFAULTS, ...settings }));

let sync: SyncFixture;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await sync.tearDown();
});

async function originRun(changed: Parameters<typeof OriginRun.of>[1] = {}): Promise<OriginRun> {
  const run = await OriginRun.of(sync, changed);
  closers.push(run.close);
  return run;
}

const set = (path: string, settings: object): Promise<unknown> =>
  sync.originVault.request('POST', `${sync.mount}metadata/${path}`, settings);

interface OriginFile {
  syncMetadata: boolean;
  origin: { consul: { address: string }; vault: { token: string } };
}

async function createSync(
  edit: (file: OriginFile) => void = () => undefined,
  options: { numBuckets?: number; beforeFiles?: (created: SyncFixture) => Promise<void> } = {},
): Promise<void> {
  sync = await SyncFixture.create({
    destinations: 0,
    ...options,
    edit: (content) => {
      const file = content as unknown as OriginFile;
      file.syncMetadata = true;
      edit(file);
    },
  });
}

/** Revisions of the origin's keys, without the staged lists. */
async function revisions(): Promise<Record<string, number>> {
  const all = await sync.consul.revisions(sync.infoPrefix('origin'));
  return Object.fromEntries(
    Object.entries(all)
      .map(([key, revision]) => [key.replace(sync.infoPrefix('origin'), ''), revision] as const)
      .filter(([key]) => !key.startsWith('staging/')),
  );
}

describe('origin cycle', () => {
  test('publishes settings as fingerprints, and changes nothing else when only settings change', async () => {
    await createSync();
    for (const path of ['plain', 'owned', 'short']) await sync.originVault.put(sync.mount, path, { path });
    await sync.originVault.put(sync.mount, 'deleted', {});
    await sync.originVault.delete(sync.mount, 'deleted');
    await set('owned', { custom_metadata: { owner: 'private-name' } });
    await set('short', { max_versions: 2, cas_required: true, delete_version_after: '3h25m19s' });
    await set('deleted', { max_versions: 2 });
    await sync.work();
    await sync.start('origin');
    expect((await publishedBy(sync)).settings).toEqual({
      owned: fingerprint({ custom_metadata: { owner: 'private-name' } }),
      short: fingerprint({ max_versions: 2, cas_required: true, delete_version_after: '3h25m19s' }),
    });
    const values = await sync.consul.values(sync.infoPrefix('origin'));
    expect(JSON.stringify(values)).not.toContain('private-name');

    const before = await revisions();
    await set('owned', { custom_metadata: { owner: 'other-name' } });
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
    const after = await revisions();
    const changed = Object.keys(after).filter((key) => after[key] !== before[key]);
    expect(changed).toHaveLength(3);
    expect(changed).toEqual(
      expect.arrayContaining(['meta/index', 'state', expect.stringMatching(/^meta\/\d$/) as string]),
    );
    expect((await publishedBy(sync)).settings?.['owned']).toBe(
      fingerprint({ custom_metadata: { owner: 'other-name' } }),
    );

    // Default settings have no entry.
    await set('short', DEFAULTS);
    await sync.cycle('origin');
    expect(Object.keys((await publishedBy(sync)).settings ?? {})).toEqual(['owned']);
  });

  test('writes nothing without a change, and requests nothing below meta/ without syncMetadata', async () => {
    const proxy = await FaultProxy.before(sharedServers().consul);
    closers.push(() => proxy.close());
    await createSync((file) => (file.origin.consul.address = proxy.address));
    for (const path of ['a', 'b/c', 'b/d']) await sync.originVault.put(sync.mount, path, { path });
    await set('a', { max_versions: 2 });
    const run = await originRun();
    const { config, vault } = run.deps;
    const calls = [vault.client, vault.client, vault.client].map((client, which) =>
      jest.spyOn(client, (['read', 'list', 'write'] as const)[which] ?? 'read'),
    );
    /** Requests of an unchanged cycle. Vault: reads, listings, writes. Consul: by method, and those below meta/. */
    const counted = async (): Promise<object> => {
      calls.forEach((call) => call.mockClear());
      proxy.inject();
      expect(await run.cycle()).toEqual({ unknown: 0, saved: { v: 1, writes: 0 } });
      const requests = proxy.requests.map(decodeURIComponent);
      return {
        vault: calls.map((call) => call.mock.calls.length),
        get: requests.filter((request) => request.startsWith('GET ')).length,
        other: requests.filter((request) => !request.startsWith('GET ')),
        meta: requests.filter((request) => request.includes('origin/meta/')).length,
      };
    };
    try {
      await run.cycle();
      const off = await originRun({ config: { ...config, syncMetadata: false } });
      await off.cycle();
      const before = await sync.consul.revisions(sync.infoPrefix('origin'));

      // Vault: the mount four times, three metadata (OpenBao sends them with the listings), two listings, the token's
      // capabilities. Consul: the index at the beginning and at the end, and for the chunk of four buckets the index and
      // each of them.
      const reads = vaultKind() === 'bao' ? 4 : 7;
      const on = { vault: [reads, 2, 1], other: [], meta: 1 + (1 + 4) + 1 };
      const withSettings = (await counted()) as { get: number };
      expect(withSettings).toEqual({ ...on, get: withSettings.get });
      run.deps.config = { ...config, syncMetadata: false };
      expect(await counted()).toEqual({ ...on, meta: 0, get: withSettings.get - on.meta });
      expect(await sync.consul.revisions(sync.infoPrefix('origin'))).toEqual(before);
    } finally {
      await proxy.close();
    }
  });

  test('stores nothing below meta/ without syncMetadata', async () => {
    await createSync((file) => (file.syncMetadata = false));
    await sync.originVault.put(sync.mount, 'a', {});
    await set('a', { max_versions: 2 });
    const run = await originRun();
    await run.cycle();
    expect(Object.keys(await revisions()).sort()).toEqual(['0', '1', '2', '3', 'index', 'state']);
  });

  test('keeps the fingerprints of settings that it cannot read, and rebuilds damaged ones', async () => {
    let token = '';
    await createSync((file) => (file.origin.vault.token = token), {
      beforeFiles: async ({ originVault, mount, id }) => {
        token = await originVault.tokenFor(
          `s-${id}`,
          `path "${mount}metadata/*" { capabilities = ["read", "list"] }`,
        );
      },
    });
    for (const path of ['open', 'single', 'closed/a']) {
      await sync.originVault.put(sync.mount, path, { path });
      await set(path, { custom_metadata: { path } });
    }
    const run = await originRun();
    await run.cycle();
    const before = await publishedBy(sync);
    expect(Object.keys(before.settings ?? {}).sort()).toEqual(['closed/a', 'open', 'single']);

    await sync.originVault.request('PUT', `sys/policies/acl/s-${sync.id}`, {
      policy: `path "${sync.mount}metadata/*" { capabilities = ["read", "list"] }
        path "${sync.mount}metadata/closed" { capabilities = ["deny"] }
        path "${sync.mount}metadata/single" { capabilities = ["deny"] }`,
    });
    await set('open', { max_versions: 9 });
    expect(await run.cycle()).toMatchObject({ unknown: 2 });
    const after = await publishedBy(sync);
    expect(after.insights).toEqual(before.insights);
    expect(after.settings).toEqual({
      ...before.settings,
      open: fingerprint({ custom_metadata: { path: 'open' }, max_versions: 9 }),
    });

    // A lost fingerprint that cannot be read again has no entry, and does not block the others.
    for (const key of ['0', '1', '2', '3', 'index']) {
      await sync.consul.put(`${sync.infoPrefix('origin')}meta/${key}`, '<html>');
    }
    await run.cycle();
    expect((await publishedBy(sync)).settings).toEqual({ open: after.settings?.['open'] });
  });
});

describe('origin cycle after an interrupted save', () => {
  /** Insights and settings fill two transactions, even if some buckets stay empty. */
  const numBuckets = 128;
  const paths = [...Array(110).keys()].map(String);
  let proxy: FaultProxy;

  beforeEach(async () => {
    proxy = await FaultProxy.before(sharedServers().consul);
    closers.push(() => proxy.close());
    await createSync((file) => (file.origin.consul.address = proxy.address), { numBuckets });
    await Promise.all(paths.map((path) => sync.originVault.put(sync.mount, path, {})));
  });

  test.each(INTERRUPTIONS)(
    'finishes a save of settings that was interrupted by a %s request',
    async (_what, fault) => {
      const run = await originRun();
      const failedAt: number[] = [];
      for (let failing = 1; ; failing++) {
        await Promise.all(
          paths.map(async (path) => {
            await sync.originVault.put(sync.mount, path, { failing });
            await set(path, { max_versions: failing + 20 });
          }),
        );
        const ended = await run
          .cycle(() => {
            let writes = 0;
            proxy.choose((method, url) => (isWrite(method, url) && ++writes === failing ? fault : undefined));
          })
          .catch((error: unknown) => error);
        proxy.choose(() => undefined);
        if (!(ended instanceof Error)) break;
        expect(ended).toMatchObject({ name: 'ConsulError', kind: 'unavailable' });
        failedAt.push(failing);

        // The next cycle finishes the save first, then publishes its own change.
        await set('0', { max_versions: 5 });
        await run.cycle();
        const { insights, settings } = await publishedBy(sync);
        expect(Object.values(insights).map(({ version }) => version)).toEqual(paths.map(() => failing + 1));
        expect(new Set(Object.values(settings ?? {}))).toEqual(
          new Set([fingerprint({ max_versions: failing + 20 }), fingerprint({ max_versions: 5 })]),
        );
        const state = (await sync.consul.values(`${sync.infoPrefix('origin')}state`))[
          `${sync.infoPrefix('origin')}state`
        ];
        expect(state).not.toContain('pending');
      }
      // A save writes the state, two transactions of buckets, the index of the settings, the index, the state.
      expect(failedAt).toEqual([1, 2, 3, 4, 5, 6]);
    },
    240_000,
  );
});

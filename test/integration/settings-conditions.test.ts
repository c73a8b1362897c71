import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { DEFAULTS, SettingsSync } from '../support/settings-sync';

/** `syncMetadata` that is turned on and off, refused, or limited by filters. */
let sync: SettingsSync;

describe('settings of secrets under the filters of a destination', () => {
  beforeAll(async () => {
    sync = await SettingsSync.create({ numBuckets: 1, destination: { exclude: ['**/not/**'] } });
    for (const path of ['wanted', 'not/wanted']) {
      await sync.put(path);
      await sync.set(path, { max_versions: 2 });
    }
    await sync.run();
    await sync.cycles();
  });
  afterAll(() => sync.remove());

  test('are not written for excluded secrets, and excluded secrets do not hide other ones', async () => {
    expect(await sync.settings('wanted')).toEqual({ ...DEFAULTS, max_versions: 2 });
    expect(await sync.version('not/wanted')).toBe(0);
    sync.proxy.inject();
    // Both buckets stay different, and cause no request.
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
    expect(
      sync.proxy.requests.filter((request) => request.includes(`${sync.fixture.mount}metadata/`)),
    ).toEqual([]);
    await sync.set('wanted', { max_versions: 3 });
    expect(await sync.cycles()).toMatchObject({ outcome: 'synced', counts: { settings: 1 } });
    expect(await sync.settings('wanted')).toEqual({ ...DEFAULTS, max_versions: 3 });
    await sync.set('not/wanted', { max_versions: 3 });
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged', counts: { settings: 0 } });
  });
});

describe('settings of secrets in a collision', () => {
  afterEach(() => sync.remove());

  test('stay as they are until the collision is resolved', async () => {
    const transforms = [{ name: 'z', from: 'data/(x|y)/(?P<name>.+)$', to: 'MOUNT/data/z/name' }];
    sync = await SettingsSync.create({
      edit: (file, role) => {
        if (role !== 'destination') return;
        const { mounts } = file['destination'] as { mounts: string[] };
        const to = transforms[0]?.to.replace('MOUNT', mounts[0] ?? '') ?? '';
        file['destination'] = { ...(file['destination'] as object), transforms: [{ ...transforms[0], to }] };
      },
    });
    await sync.put('x/a');
    await sync.set('x/a', { max_versions: 2 });
    await sync.run();
    await sync.cycles();
    expect(await sync.settings('z/a')).toEqual({ ...DEFAULTS, max_versions: 2 });

    await sync.put('y/a');
    for (const path of ['x/a', 'y/a']) await sync.set(path, { max_versions: 3 });
    const cycle = await sync.cycles();
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { settings: 0, failed: 1 } });
    expect(cycle.failures).toEqual([
      expect.objectContaining({ path: `${sync.fixture.mount}data/y/a`, class: 'collision' }),
    ]);
    expect(await sync.settings('z/a')).toEqual({ ...DEFAULTS, max_versions: 2 });

    await sync.fixture.originVault.request('DELETE', `${sync.fixture.mount}metadata/y/a`);
    expect(await sync.cycles()).toMatchObject({ outcome: 'synced', counts: { settings: 1, read: 0 } });
    expect(await sync.settings('z/a')).toEqual({ ...DEFAULTS, max_versions: 3 });
  });
});

describe('settings of secrets within one Vault', () => {
  afterEach(() => sync.remove());

  test('are not copied where a secret would be its own copy', async () => {
    sync = await SettingsSync.create({
      edit: (file, role) => {
        if (role !== 'destination') return;
        const { vault } = file['origin'] as { vault: unknown };
        const transforms = [{ name: 'other', from: '^other/data/(?P<rest>.+)$', to: 'more/data/rest' }];
        file['destination'] = { ...(file['destination'] as object), vault, transforms };
      },
    });
    await sync.put('a');
    await sync.set('a', { max_versions: 2 });
    await sync.run();
    expect((await sync.cycles()).counts).toMatchObject({ settings: 0, failed: 0, held: 1 });
    await sync.set('a', { max_versions: 3 });
    await sync.fixture.cycle('origin');
    const path = `${sync.fixture.mount}data/a`;
    expect((await sync.fixture.plan()).planned).toEqual([
      expect.objectContaining({ action: 'hold', path, why: expect.stringContaining('own copy') as string }),
    ]);
    expect((await sync.fixture.cycle('destination')).counts).toMatchObject({
      settings: 0,
      failed: 0,
      held: 1,
    });
    // Nothing was copied, so neither the secret nor its settings are claimed.
    const stored = await sync.fixture.consul.values(sync.fixture.infoPrefix('destination'));
    expect(Object.values(stored).filter((value) => value.includes(path))).toEqual([]);
    expect((await sync.fixture.cycle('destination')).outcome).toBe('unchanged');
  });
});

describe('an unchanged destination cycle with syncMetadata', () => {
  afterEach(() => sync.remove());

  test('reads two more indices, and nothing below meta/ once it is turned off', async () => {
    const consul = await FaultProxy.before(sharedServers().consul);
    try {
      sync = await SettingsSync.create({
        edit: (file, role) => {
          if (role !== 'destination') return;
          for (const side of ['origin', 'destination'])
            file[side] = { ...(file[side] as object), consul: { address: consul.address } };
        },
      });
      await sync.put('a');
      await sync.set('a', { max_versions: 2 });
      await sync.run();
      await sync.cycles();
      await sync.cycles();
      const reads = async (): Promise<{ meta: number; other: number; writes: number }> => {
        consul.inject();
        expect(await sync.fixture.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
        const requests = consul.requests.map(decodeURIComponent);
        const meta = requests.filter((request) => request.includes('/meta/')).length;
        const writes = requests.filter((request) => !request.startsWith('GET ')).length;
        return { meta, other: requests.length - meta - writes, writes };
      };
      const on = await reads();
      expect(on).toEqual({ meta: 2, other: on.other, writes: 0 });
      await sync.fixture.reconfigure('destination', (content) => (content['syncMetadata'] = false));
      await sync.fixture.cycle('destination');
      expect(await reads()).toEqual({ meta: 0, other: on.other, writes: 0 });
    } finally {
      await consul.close();
    }
  });
});

describe('settings of secrets', () => {
  afterEach(() => sync.remove());

  test('arrive without a new version when syncMetadata is turned on later, and stay untouched when it is turned off', async () => {
    sync = await SettingsSync.create({ edit: (file) => (file['syncMetadata'] = false) });
    for (const path of ['a', 'b']) await sync.put(path);
    await sync.set('a', { custom_metadata: { owner: 'a' }, delete_version_after: '1h' });
    await sync.run();
    await sync.cycles();
    expect(await sync.settings('a')).toEqual(DEFAULTS);
    expect(Object.keys(await sync.fixture.consul.values(sync.metaPrefix('destination')))).toEqual([]);

    const turn = (role: 'origin' | 'destination', on: boolean): Promise<void> =>
      sync.fixture.reconfigure(role, (content) => (content['syncMetadata'] = on));
    await turn('destination', true);
    expect(await sync.fixture.cycle('destination')).toMatchObject({
      outcome: 'unchanged',
      note: expect.stringContaining('the origin publishes no settings of secrets') as string,
    });
    expect((await sync.fixture.plan()).notes).toEqual([
      expect.stringContaining('the origin publishes no settings of secrets') as string,
    ]);
    await turn('origin', true);
    const cycle = await sync.cycles();
    expect(cycle).toMatchObject({ outcome: 'synced', counts: { settings: 1, read: 0, updated: 0 } });
    expect(cycle.note).toBeUndefined();
    expect(await sync.settings('a')).toMatchObject({
      custom_metadata: { owner: 'a' },
      delete_version_after: '1h0m0s',
    });
    expect([await sync.version('a'), await sync.version('b')]).toEqual([1, 1]);
    expect(await sync.deletionTime('a')).toBe('');

    await turn('destination', false);
    const before = await sync.fixture.consul.revisions(sync.metaPrefix('destination'));
    await sync.set('a', DEFAULTS);
    await sync.put('b', { changed: true });
    expect(await sync.cycles()).toMatchObject({ counts: { updated: 1, settings: 0 } });
    expect(await sync.settings('a')).toMatchObject({ custom_metadata: { owner: 'a' } });
    expect(await sync.fixture.consul.revisions(sync.metaPrefix('destination'))).toEqual(before);
  });
});

describe('settings of secrets under a limited policy', () => {
  afterEach(() => sync.remove());

  test('block nothing else when the destination refuses them, except a value that would never expire without them', async () => {
    let token = '';
    const policy = (mount: string, denied: string): string =>
      `path "${mount}*" { capabilities = ["create", "read", "update", "delete", "list"] } ${denied}`;
    const deny = (mount: string): string =>
      ['old', 'new', 'expires']
        .map((path) => `path "${mount}metadata/${path}" { capabilities = ["deny"] }`)
        .join('\n');
    sync = await SettingsSync.create({
      edit: (file, role) => {
        if (role === 'destination') (file['destination'] as { vault: { token: string } }).vault.token = token;
      },
      beforeFiles: async ({ destinationVaults: [vault], mount, id }) => {
        token = (await vault?.tokenFor(`p-${id}`, policy(mount, deny(mount)))) as string;
      },
    });
    await sync.put('old');
    await sync.run();
    await sync.cycles();
    for (const path of ['old', 'new', 'expires', 'fine']) {
      await sync.set(path, {
        custom_metadata: { path },
        delete_version_after: path === 'expires' ? '1h' : '0s',
      });
      if (path !== 'old') await sync.put(path);
    }
    const cycle = await sync.cycles();
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { added: 2, settings: 1, failed: 3 } });
    expect(cycle.failures.map(({ path, class: why }) => [path, why]).sort()).toEqual(
      ['expires', 'new', 'old'].map((path) => [`${sync.fixture.mount}data/${path}`, 'settings-forbidden']),
    );
    expect(await sync.settings('fine')).toMatchObject({ custom_metadata: { path: 'fine' } });
    expect(await sync.value('new')).toEqual({ path: 'new' });
    expect(await sync.version('expires')).toBe(0);

    await sync.fixture.destinationVaults[0]?.request('PUT', `sys/policies/acl/p-${sync.fixture.id}`, {
      policy: policy(sync.fixture.mount, ''),
    });
    expect(await sync.cycles()).toMatchObject({
      outcome: 'synced',
      counts: { added: 1, settings: 3, failed: 0 },
    });
    expect(await sync.deletionTime('expires')).not.toBe('');
    expect([await sync.version('old'), await sync.version('new')]).toEqual([1, 1]);
  });

  test('are written without a prior read when the token may not read them', async () => {
    let token = '';
    sync = await SettingsSync.create({
      edit: (file, role) => {
        if (role === 'destination') (file['destination'] as { vault: { token: string } }).vault.token = token;
      },
      beforeFiles: async ({ destinationVaults: [vault], mount, id }) => {
        token = (await vault?.tokenFor(
          `w-${id}`,
          `path "${mount}data/*" { capabilities = ["create", "read", "update"] }
           path "${mount}delete/*" { capabilities = ["update"] }
           path "${mount}metadata/*" { capabilities = ["create", "update"] }`,
        )) as string;
      },
    });
    await sync.put('a');
    await sync.set('a', { max_versions: 4 });
    await sync.run();
    await sync.cycles();
    expect(await sync.settings('a')).toEqual({ ...DEFAULTS, max_versions: 4 });
    sync.proxy.inject();
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
    expect(sync.settingsWritten()).toEqual([]);
  });
});

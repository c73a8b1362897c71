import { DEFAULTS, SettingsSync } from '../support/settings-sync';

/** `syncMetadata` copies the settings of secrets to a destination. */
let sync: SettingsSync;

describe('settings of secrets', () => {
  beforeAll(async () => {
    sync = await SettingsSync.create();
    await sync.set('short', { delete_version_after: '2h' });
    for (const path of ['plain', 'owned', 'tuned', 'short', 'late']) await sync.put(path);
    await sync.set('owned', { custom_metadata: { owner: 'team', room: '7' } });
    await sync.set('tuned', { max_versions: 3, cas_required: true });
    await sync.set('late', { delete_version_after: '1h' });
    await sync.run();
  });
  afterAll(() => sync.remove());
  beforeEach(() => {
    sync.proxy.inject();
  });

  test('arrive with the first copy, and versions expire where those of the origin do', async () => {
    // The destination's first cycle may have run before the origin's.
    await sync.cycles();
    expect(await sync.settings('plain')).toEqual(DEFAULTS);
    expect(await sync.settings('owned')).toEqual({
      ...DEFAULTS,
      custom_metadata: { owner: 'team', room: '7' },
    });
    expect(await sync.settings('tuned')).toEqual({ ...DEFAULTS, max_versions: 3, cas_required: true });
    expect(await sync.settings('short')).toEqual({ ...DEFAULTS, delete_version_after: '2h0m0s' });
    expect(await sync.settings('late')).toEqual({ ...DEFAULTS, delete_version_after: '1h0m0s' });
    for (const path of ['plain', 'owned', 'tuned', 'short', 'late']) {
      expect(await sync.value(path)).toEqual({ path });
      expect(await sync.version(path)).toBe(1);
    }
    expect(await sync.deletionTime('short')).not.toBe('');
    // Its value was written at the origin before the expiry was set.
    expect(await sync.deletionTime('late')).toBe('');
  });

  test('stay untouched, with all sync info, while nothing changes', async () => {
    const before = await sync.fixture.consul.revisions(sync.fixture.syncPath);
    for (let round = 0; round < 2; round++)
      expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged', counts: { read: 0, settings: 0 } });
    expect(await sync.fixture.consul.revisions(sync.fixture.syncPath)).toEqual(before);
    // The only POST asks for the token's capabilities.
    const posts = sync.proxy.requests.filter((request) => request.startsWith('POST'));
    expect(new Set(posts)).toEqual(new Set(['POST /v1/sys/capabilities-self']));
  });

  test('arrive as a whole and without a new version when only they change', async () => {
    await sync.set('owned', { custom_metadata: { owner: 'other' } });
    expect((await sync.fixture.plan()).planned).toEqual([]); // the origin has not published the change
    await sync.fixture.cycle('origin');
    const { planned } = await sync.fixture.plan();
    expect(planned).toEqual([
      {
        action: 'settings',
        path: `${sync.fixture.mount}data/owned`,
        why: 'they differ from those that were copied',
      },
    ]);
    expect(sync.settingsWritten()).toEqual([]);
    expect(await sync.fixture.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { settings: 1, read: 0, updated: 0 },
    });
    expect(await sync.settings('owned')).toEqual({ ...DEFAULTS, custom_metadata: { owner: 'other' } });
    expect(await sync.version('owned')).toBe(1);
    expect(sync.settingsWritten()).toEqual(['owned']);
    expect((await sync.fixture.plan()).planned).toEqual([]);
  });

  test('apply to later versions: check-and-set is required, and old versions are dropped', async () => {
    const { originVault, mount } = sync.fixture;
    for (const cas of [1, 2, 3, 4]) {
      const data = { changed: cas };
      await originVault.request('POST', `${mount}data/tuned`, { data, options: { cas } });
      expect(await sync.cycles()).toMatchObject({ counts: { updated: 1, settings: 0, failed: 0 } });
    }
    expect(await sync.value('tuned')).toEqual({ changed: 4 });
    expect(Object.keys((await sync.metadata('tuned')).versions)).toEqual(['3', '4', '5']);
  });

  test('return to the defaults', async () => {
    await sync.set('tuned', DEFAULTS);
    await sync.set('owned', { custom_metadata: {} });
    expect(await sync.cycles()).toMatchObject({ outcome: 'synced', counts: { settings: 2 } });
    for (const path of ['tuned', 'owned']) expect(await sync.settings(path)).toEqual(DEFAULTS);
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged', counts: { settings: 0 } });
  });

  test('arrive before a value that changed with them', async () => {
    await sync.set('short', { delete_version_after: '0s' });
    await sync.put('short', { changed: true });
    expect(await sync.cycles()).toMatchObject({ counts: { updated: 1, settings: 1 } });
    expect(await sync.deletionTime('short', 2)).toBe('');
    await sync.set('short', { delete_version_after: '3h' });
    await sync.put('short', { changed: 'again' });
    expect(await sync.cycles()).toMatchObject({ counts: { updated: 1, settings: 1 } });
    expect(await sync.deletionTime('short', 3)).not.toBe('');
  });

  test('outlive a soft delete, and do not make the next secret of that name expire', async () => {
    await sync.fixture.originVault.request('DELETE', `${sync.fixture.mount}metadata/short`);
    expect(await sync.cycles()).toMatchObject({ counts: { deleted: 1, settings: 0 } });
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
    await sync.put('short', { anew: true });
    expect(await sync.cycles()).toMatchObject({ outcome: 'synced', counts: { updated: 1, settings: 1 } });
    expect(await sync.value('short')).toEqual({ anew: true });
    expect(await sync.settings('short')).toEqual(DEFAULTS);
    expect(await sync.deletionTime('short', 4)).toBe('');
  });

  test('are not written where they are equal already', async () => {
    await sync.set('plain', { custom_metadata: { by: 'hand' } });
    await sync.fixture.destinationVaults[0]?.request('POST', `${sync.fixture.mount}metadata/plain`, {
      custom_metadata: { by: 'hand' },
    });
    expect(await sync.cycles()).toMatchObject({ counts: { settings: 0, failed: 0 } });
    expect(sync.settingsWritten()).toEqual([]);
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
  });

  test.each([
    ['an index that is no index', 'malformed', ['index'], '<html>'],
    ['an index of another length', 'torn-bucket', ['index'], JSON.stringify(['a'.repeat(64)])],
    ['buckets that do not fit', 'torn-bucket', ['0', '1', '2', '3'], `{"x/data/y":"${'a'.repeat(64)}"}`],
    ['buckets that are none', 'torn-bucket', ['0', '1', '2', '3'], '<html>'],
  ])(
    'are unknown when the origin has %s: they stay as they are, and a secret that expires waits',
    async (what, why, keys, text) => {
      const path = what.replaceAll(' ', '-');
      await sync.set('plain', { custom_metadata: { what } });
      await sync.set(path, { delete_version_after: '1h' });
      for (const name of [path, `${path}-forever`]) await sync.put(name);
      await sync.fixture.cycle('origin');
      const meta = sync.metaPrefix('origin');
      const published = await sync.fixture.consul.values(meta);
      const before = await sync.settings('plain');
      for (const key of keys) await sync.fixture.consul.put(meta + key, text);

      const cycle = await sync.fixture.cycle('destination');
      expect(cycle).toMatchObject({ outcome: 'partial', counts: { settings: 0, added: 1, failed: 1 } });
      expect(cycle.failures).toContainEqual({ path: expect.stringContaining(meta) as string, class: why });
      const data = `${sync.fixture.mount}data/${path}`;
      expect(cycle.failures).toContainEqual({ path: data, class: 'waits-for-settings' });
      expect(await sync.settings('plain')).toEqual(before);
      expect(await sync.version(path)).toBe(0);
      expect(await sync.value(`${path}-forever`)).toEqual({ path: `${path}-forever` });

      for (const key of keys) await sync.fixture.consul.put(meta + key, published[meta + key] ?? '');
      expect(await sync.cycles()).toMatchObject({
        outcome: 'synced',
        counts: { settings: 2, added: 1, failed: 0 },
      });
      expect(await sync.settings('plain')).toEqual({ ...DEFAULTS, custom_metadata: { what } });
      expect(await sync.deletionTime(path)).not.toBe('');
      expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
    },
  );

  test('are compared instead of written when their claims are lost or damaged', async () => {
    for (const path of ['plain', 'owned']) await sync.set(path, { max_versions: 5 });
    await sync.cycles();
    const meta = sync.metaPrefix('destination');
    const write = async (keys: string[], text: string): Promise<void> => {
      for (const key of keys) await sync.fixture.consul.put(meta + key, text);
    };
    const index = (await sync.fixture.consul.values(`${meta}index`))[`${meta}index`];
    for (const damage of [
      () => write(['index'], '<html>'),
      () => write(['index', '0', '1', '2', '3'], '<html>'),
      async () => {
        const keys = Object.keys(await sync.fixture.consul.values(meta));
        for (const key of keys) await sync.fixture.consul.delete(key);
      },
    ]) {
      await damage();
      sync.proxy.inject();
      expect(await sync.cycles()).toMatchObject({ counts: { settings: 0, added: 0, updated: 0, failed: 0 } });
      expect(sync.settingsWritten()).toEqual([]);
      expect((await sync.fixture.consul.values(`${meta}index`))[`${meta}index`]).toBe(index);
      expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
    }
    // The claim of the settings to reset is lost. Reading the secret shows that they differ.
    await write(['0', '1', '2', '3'], '<html>');
    await sync.set('owned', DEFAULTS);
    await sync.set('plain', { max_versions: 6 });
    expect(await sync.cycles()).toMatchObject({ counts: { settings: 2, failed: 0 } });
    expect(await sync.settings('owned')).toEqual(DEFAULTS);
  });
});

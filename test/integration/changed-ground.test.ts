import { readFileSync, writeFileSync } from 'node:fs';
import { publishedBy } from '../support/published';
import { SyncFixture } from '../support/sync-fixture';

/** The configuration or a mount changes: nothing is deleted because of it, and every secret arrives again. */
describe('after a configuration or mount change,', () => {
  let sync: SyncFixture;

  beforeEach(async () => {
    sync = await SyncFixture.create({ numBuckets: 3 });
    await sync.run();
    for (const path of ['old/app', 'b', 'c', 'd']) await sync.originVault.put(sync.mount, path, { path });
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterEach(() => sync.tearDown());

  const at = (path: string): Promise<unknown> =>
    sync.destinationVaults[0]?.get(sync.mount, path) ?? Promise.resolve();

  const setTransform = (from: string, to: string): Promise<void> =>
    sync.reconfigure('destination', ({ destination }) => {
      destination.transforms = [
        { name: 'test', from: `^${sync.mount}data/${from}$`, to: `${sync.mount}data/${to}` },
      ];
    });

  test('destination cycle copies secrets to the paths of a new transform, and leaves the old ones', async () => {
    await setTransform('(?P<name>[bc])', 'moved/name');
    expect(await at('moved/b')).toEqual({ path: 'b' });
    expect(await at('moved/c')).toEqual({ path: 'c' });
    expect(await at('b')).toEqual({ path: 'b' });
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'd')).toBe(1);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  });

  test('destination cycle keeps a secret at a path where vsync never wrote, also if the origin deleted its counterpart', async () => {
    await sync.destinationVaults[0]?.put(sync.mount, 'moved/b', { owner: 'another' });
    await sync.originVault.delete(sync.mount, 'b');
    await sync.schedule('destination').pause();
    await sync.cycle('origin');
    await sync.schedule('destination').unpause();
    await setTransform('(?P<name>[bc])', 'moved/name');
    await sync.cycle('destination');
    expect(await at('moved/b')).toEqual({ owner: 'another' });
    expect(await at('b')).toEqual({ path: 'b' });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 0 } });
  });

  test('destination cycle keeps what it just wrote, if the origin renamed a secret to a path with the same target', async () => {
    await setTransform('(old|new)/(?P<name>.+)', 'name');
    expect(await at('app')).toEqual({ path: 'old/app' });
    await sync.originVault.put(sync.mount, 'new/app', { path: 'new/app' });
    await sync.originVault.delete(sync.mount, 'old/app');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0 } });
    expect(await at('app')).toEqual({ path: 'new/app' });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  });

  test('destination cycle fills its re-created mount again', async () => {
    await sync.destinationVaults[0]?.unmount(sync.mount);
    await sync.destinationVaults[0]?.mount(sync.mount);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 4 } });
    expect(await at('old/app')).toEqual({ path: 'old/app' });
  });

  test('destination cycle deletes nothing for a re-created mount of the origin until both roles have an approval', async () => {
    await sync.originVault.unmount(sync.mount);
    await sync.originVault.mount(sync.mount);
    await sync.originVault.put(sync.mount, 'b', { path: 'new b' });
    // A delete in the new mount is not evidence about the old one.
    await sync.originVault.put(sync.mount, 'c', { path: 'new c' });
    await sync.originVault.delete(sync.mount, 'c');
    const kept = { path: sync.mount, class: 'mount-changed' };
    const origin = await sync.cycle('origin');
    expect(origin).toMatchObject({ outcome: 'partial', counts: { listed: 2 } });
    expect(Object.keys((await publishedBy(sync)).insights).sort()).toEqual(['b', 'c', 'd', 'old/app']);
    expect(origin.failures).toEqual([kept]);
    const destination = await sync.cycle('destination');
    expect(destination).toMatchObject({ outcome: 'partial', counts: { updated: 1, deleted: 0 } });
    expect(await at('b')).toEqual({ path: 'new b' });
    expect(await at('old/app')).toEqual({ path: 'old/app' });

    // The status names the mount. One more cycle changes nothing, and writes nothing.
    expect((await sync.status('destination')).changedMounts).toEqual([sync.mount]);
    const before = await sync.consul.revisions(sync.infoPrefix('destination'));
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'partial', counts: { deleted: 0 } });
    expect(await sync.consul.revisions(sync.infoPrefix('destination'))).toEqual(before);
    await expect(sync.approve()).rejects.toThrow(`re-created mounts do: vsync approve --mount ${sync.mount}`);
    await expect(sync.approveMounts('origin', 'other/')).rejects.toThrow(
      `other/: the last cycle found no such re-created mount of the origin; waiting for an approval: ${sync.mount}`,
    );

    // With an approval at the origin alone, the destination still deletes nothing.
    await sync.approveMounts('origin', sync.mount);
    expect(await sync.cycle('origin')).toMatchObject({ counts: { unknown: 0, listed: 2 } });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'partial', counts: { deleted: 0 } });
    expect(await at('old/app')).toEqual({ path: 'old/app' });
    await sync.approveMounts('destination', sync.mount);
    expect((await sync.status('destination')).changedMounts).toBeUndefined();
    await expect(sync.approveMounts('destination', sync.mount)).rejects.toThrow('for an approval: none');
    // Three of four secrets are gone: their deletes wait for an approval.
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'held',
      counts: { held: 3, deleted: 0 },
    });
    await sync.approve();
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 3 } });
    expect(await at('old/app')).toBeUndefined();
  });

  test('destination cycle reads and copies nothing for another number of buckets, and deletes only what the origin deleted', async () => {
    await sync.reconfigure('origin', (content) => {
      content['numBuckets'] = 7;
    });
    await sync.originVault.delete(sync.mount, 'd');
    await sync.cycle('origin');
    // The claims move to the new buckets, so no value is read.
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { read: 0, added: 0, updated: 0, deleted: 1 },
    });
    for (const path of ['old/app', 'b', 'c']) {
      expect(await sync.destinationVaults[0]?.version(sync.mount, path)).toBe(1);
    }
    expect(await at('d')).toBeUndefined();
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'unchanged',
      counts: { held: 0, read: 0 },
    });
  });

  test('start refuses another sync with the same sync path', async () => {
    const content = JSON.parse(readFileSync(sync.destinationFiles[0] ?? '', 'utf8')) as { name: string };
    content.name = `other-${sync.id}`;
    writeFileSync(sync.destinationFiles[0] ?? '', JSON.stringify(content));
    await expect(sync.start('destination')).rejects.toThrow(
      new RegExp(`is the sync info of d0-${sync.id}, and this sync is called other-${sync.id}`),
    );
    content.name = `d0-${sync.id}`;
    writeFileSync(sync.destinationFiles[0] ?? '', JSON.stringify(content));
  });
});

describe('under a policy that hides paths of the origin,', () => {
  test('destination cycle keeps the secrets of a folder that may not be listed, and a secret that may not be read', async () => {
    let token = '';
    const policy = (mount: string, denied: string): string =>
      `path "${mount}*" { capabilities = ["read", "list"] } ${denied}`;
    const sync = await SyncFixture.create({
      beforeFiles: async ({ originVault, mount, id }) => {
        token = await originVault.tokenFor(`p-${id}`, policy(mount, ''));
      },
      edit: (file) => {
        (file['origin'] as { vault: { token: string } }).vault.token = token;
      },
    });
    try {
      for (const path of ['open', 'closed/a', 'closed/b', 'single'])
        await sync.originVault.put(sync.mount, path, { path });
      await sync.run();
      await sync.cycle('origin');
      await sync.cycle('destination');

      const denied = `path "${sync.mount}metadata/closed/*" { capabilities = ["deny"] }
        path "${sync.mount}metadata/closed" { capabilities = ["deny"] }
        path "${sync.mount}metadata/single" { capabilities = ["deny"] }
        path "${sync.mount}detailed-metadata/*" { capabilities = ["deny"] }`;
      await sync.originVault.request('PUT', `sys/policies/acl/p-${sync.id}`, {
        policy: policy(sync.mount, denied),
      });
      await sync.originVault.delete(sync.mount, 'open');
      const origin = await sync.cycle('origin');
      expect(origin.outcome).toBe('partial');
      expect(origin.failures).toEqual(
        expect.arrayContaining([
          { path: `${sync.mount}closed/`, class: 'forbidden' },
          { path: `${sync.mount}data/single`, class: 'forbidden' },
        ]),
      );
      await sync.cycle('destination');
      const [vault] = sync.destinationVaults;
      expect(await vault?.get(sync.mount, 'open')).toBeUndefined();
      for (const path of ['closed/a', 'closed/b', 'single'])
        expect(await vault?.get(sync.mount, path)).toEqual({ path });
    } finally {
      await sync.tearDown();
    }
  });
});

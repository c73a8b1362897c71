import { SyncFixture } from '../support/sync-fixture';

/** What a cycle finds and did not make: a value at the destination, and deletes of the time with `ignoreDeletes`. */

describe('with a value at the destination that vsync did not write,', () => {
  test.each([
    ['overwrite', { path: 'a' }, 2],
    ['keep', { owner: 'another' }, 1],
  ] as const)('destination cycle obeys onConflict: %s', async (onConflict, expected, version) => {
    const sync = await SyncFixture.create({ destination: { onConflict } });
    try {
      const [vault] = sync.destinationVaults;
      for (const path of ['a', 'b', 'c']) await sync.originVault.put(sync.mount, path, { path });
      await vault?.put(sync.mount, 'a', { owner: 'another' });
      await vault?.put(sync.mount, 'b', { path: 'b' });
      await sync.run();
      expect(await vault?.get(sync.mount, 'a')).toEqual(expected);
      expect(await vault?.version(sync.mount, 'a')).toBe(version);
      // An equal value is not a conflict, and a missing secret is written in any case.
      expect(await vault?.version(sync.mount, 'b')).toBe(1);
      expect(await vault?.get(sync.mount, 'c')).toEqual({ path: 'c' });
      // The value stays, and is not read again before something changes.
      const before = await sync.consul.revisions(sync.infoPrefix('destination'));
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'unchanged',
        counts: { read: 0, held: onConflict === 'keep' ? 1 : 0 },
      });
      expect(await sync.consul.revisions(sync.infoPrefix('destination'))).toEqual(before);

      // A copy that was changed by hand is not a conflict: it is overwritten in either case.
      await vault?.put(sync.mount, 'c', { changed: 'by hand' });
      await sync.originVault.put(sync.mount, 'a', { path: 'a', changed: true });
      await sync.originVault.put(sync.mount, 'c', { path: 'c', changed: true });
      await sync.cycle('origin');
      const result = await sync.cycle('destination');
      expect(await vault?.get(sync.mount, 'c')).toEqual({ path: 'c', changed: true });
      if (onConflict === 'overwrite')
        expect(await vault?.get(sync.mount, 'a')).toEqual({ path: 'a', changed: true });
      else {
        expect(await vault?.get(sync.mount, 'a')).toEqual(expected);
        expect(result).toMatchObject({ outcome: 'synced', counts: { updated: 1, held: 1 } });
        expect(result.failures).toEqual([{ path: `${sync.mount}data/a`, class: 'kept' }]);
      }
    } finally {
      await sync.tearDown();
    }
  });
});

test('destination cycle overwrites what onConflict: keep has kept, once the key is changed', async () => {
  const sync = await SyncFixture.create({ destination: { onConflict: 'keep' } });
  const setConflict = (onConflict: string) =>
    sync.reconfigure('destination', (file) => {
      (file['destination'] as Record<string, unknown>)['onConflict'] = onConflict;
    });
  try {
    const [vault] = sync.destinationVaults;
    await sync.originVault.put(sync.mount, 'a', { path: 'a' });
    await vault?.put(sync.mount, 'a', { owner: 'another' });
    await sync.run();
    expect(await vault?.get(sync.mount, 'a')).toEqual({ owner: 'another' });

    await setConflict('overwrite');
    expect(await vault?.get(sync.mount, 'a')).toEqual({ path: 'a' });
    await setConflict('keep');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  } finally {
    await sync.tearDown();
  }
});

test('destination cycle holds the deletes of the time with ignoreDeletes until an approval, once it is off', async () => {
  const sync = await SyncFixture.create({ ignoreDeletes: true });
  try {
    const [vault] = sync.destinationVaults;
    for (const path of ['a', 'b', 'c']) await sync.originVault.put(sync.mount, path, { path });
    await sync.run();
    await sync.originVault.delete(sync.mount, 'a');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 1 } });
    await sync.reconfigure('destination', (file) => {
      file['ignoreDeletes'] = false;
    });
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'held',
      counts: { held: 1, deleted: 0 },
    });
    expect(await vault?.get(sync.mount, 'a')).toEqual({ path: 'a' });
    await sync.approve();
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    expect(await vault?.get(sync.mount, 'a')).toBeUndefined();
  } finally {
    await sync.tearDown();
  }
});

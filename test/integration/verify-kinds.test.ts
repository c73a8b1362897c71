import type { Finding } from '../../src/activities/destination/verify/findings';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';

/** A sync that has copied everything that it can. Its cycles run only when a test triggers them. */
async function synced(paths: readonly string[], options: FixtureOptions = {}): Promise<SyncFixture> {
  const sync = await SyncFixture.create(options);
  for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
  await sync.run();
  await sync.cycle('origin');
  await sync.cycle('destination');
  return sync;
}

const short = (sync: SyncFixture, findings: readonly Finding[]): string[] =>
  findings.map(({ kind, path, class: why, with: other }) =>
    [kind, path, why, other]
      .filter((word) => word !== undefined)
      .join(' ')
      .replaceAll(`${sync.mount}data/`, ''),
  );

/** Gives the destination a token with this policy. */
function limitedTo(policy: (mount: string) => string): FixtureOptions {
  let token: unknown;
  return {
    beforeFiles: async ({ destinationVaults: [vault], mount, id }) => {
      token = await vault?.tokenFor(`verify-${id}`, policy(mount));
    },
    edit: (file, role) => {
      if (role === 'destination') (file['destination'] as { vault: { token: unknown } }).vault.token = token;
    },
  };
}

describe('vsync verify under transforms and filters', () => {
  test('compares at the new target, and names collisions, orphans and retained secrets', async () => {
    const sync = await synced(['x/a', 'x/b', 'y/c', 'out/d'], { ignoreDeletes: true });
    try {
      await sync.reconfigure('destination', ({ destination }) => {
        destination.transforms = [
          {
            name: 'flat',
            from: `^${sync.mount}data/[xz]/(?P<name>.+)$`,
            to: `${sync.mount}data/flat/name`,
          },
        ];
        destination['exclude'] = [`${sync.mount}out/**`];
      });
      await sync.originVault.put(sync.mount, 'z/b', { path: 'z/b' });
      await sync.originVault.delete(sync.mount, 'y/c');
      await sync.cycle('origin');
      await sync.cycle('destination');
      await sync.destinationVaults[0]?.put(sync.mount, 'flat/a', { path: 'by hand' });
      const { counts, findings, notes } = await sync.verify();
      expect(short(sync, findings)).toEqual([
        'drift x/a',
        'refused x/b collision z/b',
        'refused z/b collision x/b',
        'orphan x/a x/a',
        'orphan x/b x/b',
        'extra out/d kept out/d',
        'extra y/c kept y/c',
      ]);
      expect(findings[0]).toMatchObject({ to: `${sync.mount}data/flat/a` });
      expect(counts).toMatchObject({ equal: 0, drift: 1, refused: 2, orphan: 2, extra: 2 });
      expect(notes).toEqual([]);
    } finally {
      await sync.tearDown();
    }
  });

  test('names loops within one Vault, and does not report secrets of the origin as extra', async () => {
    const sync = await synced(['app/a', 'other'], {
      edit: (file, role) => {
        if (role !== 'destination') return;
        const { vault, mounts } = file['origin'] as { vault: unknown; mounts: string[] };
        const [mount = ''] = mounts;
        const transforms = [
          { name: 'copy', from: `^${mount}data/app/(?P<name>.+)$`, to: `${mount}data/copy/name` },
        ];
        Object.assign(file['destination'] as object, { vault, transforms });
      },
    });
    try {
      const { counts, findings } = await sync.verify();
      expect(short(sync, findings)).toEqual(['refused app/a loop copy/a']);
      expect(counts).toMatchObject({ refused: 1, extra: 0 });
    } finally {
      await sync.tearDown();
    }
  });
});

describe('vsync verify with limited permissions', () => {
  test('names a secret that it cannot read, and compares all others', async () => {
    const sync = await synced(
      ['a', 'b', 'hidden'],
      limitedTo(
        (mount) => `
          path "${mount}*" { capabilities = ["create", "read", "update", "delete", "list"] }
          path "${mount}data/hidden" { capabilities = ["deny"] }`,
      ),
    );
    try {
      await sync.destinationVaults[0]?.put(sync.mount, 'a', { path: 'by hand' });
      const { counts, findings } = await sync.verify();
      expect(short(sync, findings)).toEqual(['drift a', 'failed hidden forbidden']);
      expect(findings[1]).toMatchObject({ at: 'destination' });
      expect(counts).toMatchObject({ equal: 1, drift: 1, failed: 1 });
    } finally {
      await sync.tearDown();
    }
  });

  test('compares without the permission to list and notes it, and marks extras as perhaps deleted without metadata', async () => {
    const policy = (list: string) => (mount: string) => `
      path "${mount}data/*" { capabilities = ["create", "read", "update"] }
      path "${mount}delete/*" { capabilities = ["update"] }
      ${list.replaceAll('MOUNT', mount)}`;
    const none = await synced(['a', 'folder/b'], limitedTo(policy('')));
    try {
      const { counts, findings, notes } = await none.verify();
      expect(findings).toEqual([]);
      expect(counts).toMatchObject({ equal: 2 });
      expect(notes).toEqual([
        `${none.mount}: forbidden: not listed, so extras below it are not known; the destination's token needs list ` +
          'on metadata/ there',
      ]);
    } finally {
      await none.tearDown();
    }

    const names = await synced(
      ['a', 'folder/b'],
      limitedTo(policy('path "MOUNTmetadata/*" { capabilities = ["list"] }')),
    );
    try {
      await names.destinationVaults[0]?.put(names.mount, 'folder/extra', {});
      const { findings, notes } = await names.verify();
      expect(short(names, findings)).toEqual(['extra folder/extra perhaps-deleted']);
      expect(notes).toEqual([]);
    } finally {
      await names.tearDown();
    }
  });
});

describe('vsync verify', () => {
  let sync: SyncFixture;

  beforeEach(async () => {
    sync = await synced(['a', 'b', 'c', 'd']);
    await sync.destinationVaults[0]?.put(sync.mount, 'a', { path: 'by hand' });
  });

  afterEach(() => sync.tearDown());

  test('compares all the same, and notes it, when the destination info is damaged, lost, or has another number of buckets', async () => {
    const own = sync.infoPrefix('destination');
    await sync.consul.delete(`${own}2`);
    expect(await sync.verify()).toMatchObject({
      counts: { equal: 3, drift: 1, unknown: 0 },
      notes: [expect.stringContaining("1 buckets of the destination's info are missing or do not fit")],
    });
    await sync.consul.put(`${own}index`, 'not an index');
    expect(await sync.verify()).toMatchObject({
      counts: { equal: 3, drift: 1 },
      notes: [expect.stringContaining('the destination has a damaged index (')],
    });
    await sync.consul.delete(`${own}index`);
    expect(await sync.verify()).toMatchObject({
      counts: { equal: 3, drift: 1 },
      notes: ['the destination has no sync info yet: the next cycle compares every value'],
    });
    expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 1 } });
    expect(await sync.verify()).toMatchObject({ counts: { equal: 4, drift: 0 }, findings: [], notes: [] });

    await sync.reconfigure('origin', (file) => {
      file['numBuckets'] = 7;
    });
    expect(await sync.verify()).toMatchObject({
      counts: { equal: 4 },
      notes: ['the number of buckets changes from 4 to 7 with the next cycle'],
    });
  });

  test('names a torn bucket of the origin, and fails like a cycle when the origin info is gone', async () => {
    const origin = sync.infoPrefix('origin');
    const keys = Object.entries(await sync.consul.values(origin));
    const [key = '', value = ''] =
      keys.find(([name, text]) => /\d$/.test(name) && text.includes('/a"')) ?? [];
    await sync.consul.put(key, '{}');
    const torn = await sync.verify();
    expect(short(sync, torn.findings)).toEqual([`unknown ${key} torn-bucket`]);
    expect(torn.notes).toEqual(["some extras may be left out: the origin's sync info was being written"]);
    await sync.consul.put(key, value);
    expect(await sync.verify()).toMatchObject({ counts: { drift: 1, unknown: 0 }, notes: [] });

    await sync.consul.delete(`${origin}index`);
    await expect(sync.verify()).rejects.toThrow(
      /the verify failed: OriginInfoGone: beginVerify: .*index is gone/,
    );
  });
});

test('vsync verify has nothing to compare before the origin has sync info', async () => {
  const sync = await SyncFixture.create();
  try {
    await sync.work();
    expect(await sync.verify()).toMatchObject({
      counts: { equal: 0, missing: 0 },
      findings: [],
      notes: ['the origin has not written any sync info yet: there is nothing to compare with'],
    });
  } finally {
    await sync.tearDown();
  }
});

describe('vsync verify --repair', () => {
  const drift = async (sync: SyncFixture): Promise<void> => {
    await sync.originVault.delete(sync.mount, 'gone');
    await sync.cycle('origin');
    await sync.destinationVaults[0]?.put(sync.mount, 'a', { path: 'by hand' });
  };
  const isMended = async (sync: SyncFixture): Promise<void> => {
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ path: 'a' });
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'a')).toBe(3);
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'b')).toBe(1);
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'gone')).toEqual({ path: 'gone' });
  };

  test('keeps the pending deletes of the bucket that it repairs, as the same set', async () => {
    const sync = await synced(['a', 'b', 'gone'], {
      numBuckets: 1,
      edit: (file) => {
        file['maxDeletes'] = 0;
      },
    });
    try {
      await drift(sync);
      const held = await sync.cycle('destination');
      expect(held).toMatchObject({ outcome: 'held', counts: { held: 1 } });
      expect(await sync.repair()).toMatchObject({
        doubted: 1,
        left: 0,
        cycle: { result: { outcome: 'held', note: held.note, counts: { deleted: 0 } } },
      });
      await isMended(sync);
      await sync.approve();
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    } finally {
      await sync.tearDown();
    }
  });

  test('has a known difference read once, which is known again afterwards', async () => {
    const sync = await synced(['a', 'b', 'gone'], { numBuckets: 1, ignoreDeletes: true });
    try {
      await drift(sync);
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 1 } });
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
      expect(await sync.repair()).toMatchObject({
        doubted: 1,
        left: 0,
        cycle: { result: { counts: { held: 1, deleted: 0 } } },
      });
      await isMended(sync);
      const before = await sync.consul.revisions(sync.infoPrefix('destination'));
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'unchanged',
        counts: { read: 0, held: 1 },
      });
      expect(await sync.consul.revisions(sync.infoPrefix('destination'))).toEqual(before);
    } finally {
      await sync.tearDown();
    }
  });
});

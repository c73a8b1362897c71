import { runChecks } from '../../src/cli/check/command';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';

/** Copies that end by themselves: by `delete_version_after` of the destination's mount, of the secret, or of both. */

let sync: SyncFixture;

const proxies: FaultProxy[] = [];

afterEach(async () => {
  await sync.tearDown();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

async function begin(rule: string, options: FixtureOptions = {}): Promise<void> {
  sync = await SyncFixture.create(options);
  await sync.destinationVaults[0]?.request('POST', `${sync.mount}config`, { delete_version_after: rule });
  await sync.run();
}

const put = async (...paths: string[]): Promise<void> => {
  for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
};

const set = async (path: string, rule: string): Promise<void> => {
  await sync.originVault.request('POST', `${sync.mount}metadata/${path}`, { delete_version_after: rule });
};

const cycles = async () => {
  await sync.cycle('origin');
  return sync.cycle('destination');
};

const at = async (path: string): Promise<[value: unknown, version: number | undefined]> => {
  const [vault] = sync.destinationVaults;
  return [await vault?.get(sync.mount, path), await vault?.version(sync.mount, path)];
};

const ended = (path: string): Promise<void> =>
  eventually(async () => {
    expect((await at(path))[0]).toBeUndefined();
  }, `${path} to end`);

const ends = async () => (await sync.status('destination')).expiries;

test('vsync check warns of a mount whose rule ends copies, and reports nothing where the token may not read the rule', async () => {
  await begin('1h');
  const config = sync.config('destination');
  if (config.role !== 'destination') throw new Error('it is the configuration of a destination');
  const found = async (asked: typeof config): Promise<string[]> =>
    (await runChecks(asked, { warnings: [], foreign: [] }))
      .filter(({ what }) => what.endsWith('rules'))
      .map(({ outcome, detail }) => `${outcome}: ${detail}`);
  expect(await found(config)).toEqual([
    expect.stringMatching(
      /^warning: delete_version_after is 1h0m0s \(at the origin: none\): each copy expires/,
    ),
  ]);
  const policy = `path "${sync.mount}data/*" { capabilities = ["create", "read", "update"] }`;
  const token = await sync.destinationVaults[0]?.tokenFor(`rules-${sync.id}`, policy);
  const vault = { ...config.destination.vault, auth: { kind: 'token' as const, token: token ?? '' } };
  expect(await found({ ...config, destination: { ...config.destination, vault } })).toEqual([]);
});

test('destination cycle copies a secret again after its copy ended by the rule of the mount, and not before', async () => {
  // Longer than a slow machine needs for the steps before the end of the copies.
  await begin('24s');
  await put('forever');
  // The original ends at about the same time, so this copy does not end early.
  await set('ends-too', '24s');
  await put('ends-too');
  const first = await cycles();
  expect(first).toMatchObject({ outcome: 'synced', counts: { added: 2 } });
  expect(first.note).toContain('1 more copies end before their originals do');
  expect(await ends()).toMatchObject({ copies: 2, early: 1 });
  const next = (await ends())?.nextAt ?? '';
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  expect(await at('forever')).toEqual([{ path: 'forever' }, 1]);

  await ended('forever');
  await ended('ends-too');
  await eventually(async () => {
    expect(await sync.originVault.get(sync.mount, 'ends-too')).toBeUndefined();
    await Promise.resolve();
  }, 'the original to end');
  expect((await sync.plan()).planned).toMatchObject([
    { action: 'compare', path: `${sync.mount}data/ends-too` },
    { action: 'compare', path: `${sync.mount}data/forever` },
  ]);
  expect(await cycles()).toMatchObject({ counts: { updated: 1, added: 0, failed: 0 } });
  expect(await at('forever')).toEqual([{ path: 'forever' }, 2]);
  expect(await at('ends-too')).toEqual([undefined, 1]);
  const after = await ends();
  expect(after).toMatchObject({ copies: 1, early: 1 });
  expect(Date.parse(after?.nextAt ?? '')).toBeGreaterThan(Date.parse(next));
});

test('destination cycle keeps the recorded expiries after another number of buckets, a cycle that did not save, and a lost record', async () => {
  await begin('1h');
  await put('a', 'b', 'c');
  await cycles();
  const noted = { copies: 3, early: 3 };
  expect(await ends()).toMatchObject(noted);

  await sync.reconfigure('origin', (file) => (file['numBuckets'] = 8));
  expect(await cycles()).toMatchObject({ counts: { added: 0, updated: 0, failed: 0 } });
  expect(await ends()).toMatchObject(noted);

  const prefix = sync.infoPrefix('destination');
  const change = async (key: string, by: (text: string) => string): Promise<void> => {
    const values = await sync.consul.values(prefix + key);
    await sync.consul.put(prefix + key, by(values[prefix + key] ?? ''));
  };
  const withoutEnds = (text: string): string => {
    const { expiries: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify(rest);
  };
  await change('state', withoutEnds);
  await sync.consul.put(`${prefix}unsaved`, '{"v":1}');
  await sync.cycle('destination');
  expect(await ends()).toMatchObject(noted);

  // Where the record cannot be read, each secret is compared once and recorded again.
  const keys = Object.keys(await sync.consul.values(`${prefix}expiries/`));
  for (const key of keys) await sync.consul.put(key, '<html>');
  await sync.consul.put(`${prefix}unsaved`, '{"v":1}');
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 0, skipped: 3, failed: 0 } });
  expect(await ends()).toMatchObject(noted);
  for (const path of ['a', 'b', 'c']) expect(await at(path)).toEqual([{ path }, 1]);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
});

test('destination cycle finds the recorded expiries again after the state was removed, or written without them', async () => {
  await begin('1h');
  await put('a', 'b');
  await cycles();
  const key = `${sync.infoPrefix('destination')}state`;
  const known = await ends();
  expect(known).toMatchObject({ copies: 2, early: 2 });

  await sync.consul.delete(key);
  await sync.cycle('destination');
  expect(await ends()).toEqual(known);

  const stored = await sync.consul.values(key);
  const { expiries: _, ...rest } = JSON.parse(stored[key] ?? '') as Record<string, unknown>;
  await sync.consul.put(key, JSON.stringify(rest));
  await sync.cycle('destination');
  expect(await ends()).toEqual(known);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
});

test.each([
  ['before the claims', []],
  ['after the claims', ['unsaved']],
])('destination cycle counts the expiries of an attempt that failed %s', async (_when, keys) => {
  const consul = await FaultProxy.before(sharedServers().consul);
  proxies.push(consul);
  await begin('1h', {
    numBuckets: 1,
    edit: (file, role) => {
      if (role === 'destination')
        Object.assign(file['destination'] as object, { consul: { address: consul.address } });
    },
  });
  await put('a');
  await sync.cycle('origin');
  const prefix = sync.infoPrefix('destination');
  let met = 0;
  consul.choose(async (method) => {
    if (method !== 'PUT' || met > 0) return undefined;
    const values = await sync.consul.values(prefix);
    if (met > 0 || !['expiries/0', ...keys].every((key) => `${prefix}${key}` in values)) return undefined;
    met++;
    return { status: 500, isCarriedOut: true };
  });
  expect(await sync.cycle('destination')).toMatchObject({ counts: { failed: 0 } });
  expect(met).toBe(1);
  expect(await at('a')).toEqual([{ path: 'a' }, 1]);
  const noted = { copies: 1, early: 1, nextAt: expect.any(String) as string };
  expect(await ends()).toEqual(noted);
});

test('destination cycle retries an ended copy that cannot be compared in each cycle, and reads only its bucket', async () => {
  const consul = await FaultProxy.before(sharedServers().consul);
  const origin = await FaultProxy.before(sharedServers().origin.address);
  proxies.push(consul, origin);
  await begin('0s', {
    numBuckets: 8,
    edit: (file, role) => {
      if (role === 'origin') return;
      Object.assign(file['destination'] as object, { consul: { address: consul.address } });
      (file['origin'] as { vault: { address: string } }).vault.address = origin.address;
    },
  });
  const rules = `${sync.mount}metadata/`;
  for (const [path, rule] of Object.entries({ a: '4s', b: '1h' }))
    await sync.destinationVaults[0]?.request('POST', rules + path, { delete_version_after: rule });
  await put('a', 'b');
  await cycles();
  expect(await ends()).toMatchObject({ copies: 2, early: 2 });
  await ended('a');

  origin.choose((method, url) =>
    method === 'GET' && url.endsWith('/data/a') ? { status: 403, body: '{"errors":["denied"]}' } : undefined,
  );
  const listsRead = async (): Promise<number> => {
    consul.choose(() => undefined);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'partial', counts: { failed: 1 } });
    return new Set(consul.requests.filter((request) => decodeURIComponent(request).includes('/expiries/')))
      .size;
  };
  expect(await listsRead()).toBe(8);
  expect(await listsRead()).toBe(1);
  expect(await listsRead()).toBe(1);
  origin.choose(() => undefined);
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 1, failed: 0 } });
  expect(await at('a')).toEqual([{ path: 'a' }, 2]);
  expect(await ends()).toMatchObject({ copies: 2, early: 2 });
});

test('destination cycle compares a copy that no longer ends once, and removes its record', async () => {
  // The second copy must be written before the first one ends.
  await begin('15s');
  await put('a');
  await cycles();
  await sync.destinationVaults[0]?.request('POST', `${sync.mount}config`, { delete_version_after: '0s' });
  await sync.originVault.put(sync.mount, 'a', { value: 'second' });
  expect(await cycles()).toMatchObject({ counts: { updated: 1 } });
  await eventually(async () => {
    expect((await sync.plan()).planned).toHaveLength(1);
  }, 'the noted end');
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 0, skipped: 1, failed: 0 } });
  expect(await at('a')).toEqual([{ value: 'second' }, 2]);
  expect(await ends()).toBeUndefined();
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
});

test('destination cycle copies a secret again after an undelete at the origin, if its copy ended while its delete was retained', async () => {
  await begin('5s', { ignoreDeletes: true });
  await put('a');
  await cycles();
  await sync.originVault.delete(sync.mount, 'a');
  expect(await cycles()).toMatchObject({ counts: { held: 1, deleted: 0 } });
  await ended('a');
  expect(await sync.cycle('destination')).toMatchObject({ counts: { held: 1, updated: 0 } });
  expect(await ends()).toBeUndefined();
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });

  await sync.originVault.request('POST', `${sync.mount}undelete/a`, { versions: [1] });
  expect(await cycles()).toMatchObject({ counts: { updated: 1, failed: 0 } });
  expect(await at('a')).toEqual([{ path: 'a' }, 2]);
});

test.each([
  ['the rule of the secret, which is the shorter one', '2h', '1h', { copies: 1, early: 0 }],
  ['the rule of the mount, which is the shorter one', '1h', '2h', { copies: 1, early: 1 }],
  ['no rule, because the mount switches it off', '-1s', '1h', undefined],
])('destination cycle with syncMetadata makes a copy end by %s', async (_what, mount, secret, noted) => {
  await begin(mount, {
    edit: (file) => {
      file['syncMetadata'] = true;
    },
  });
  await set('a', secret);
  await put('a');
  expect(await cycles()).toMatchObject({ counts: { added: 1, settings: 1, failed: 0 } });
  if (noted === undefined) expect(await ends()).toBeUndefined();
  else expect(await ends()).toMatchObject(noted);
});

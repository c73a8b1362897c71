import { randomUUID } from 'node:crypto';
import { ConsulStore } from '../../src/consul/client';
import { ConsulAcl } from '../support/consul-acl';
import { endOf } from '../support/ended';
import { startConsul, type ConsulServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture, type FileContent } from '../support/sync-fixture';

/** A policy of a real Consul suddenly hides existing keys: a hidden key is not a missing key. */

const PATHS = ['a', 'b', 'c', 'gone'];
const managementToken = randomUUID();
let consul: ConsulServer;
let acl: ConsulAcl;
let sync: SyncFixture;

beforeAll(async () => {
  consul = await startConsul({ managementToken });
  acl = new ConsulAcl(consul.address, managementToken);
  // The test itself reads without a token.
  await acl.allowAnonymous('key_prefix "" { policy = "read" }');
  const tokens = { origin: '', atOrigin: '', own: '' };
  sync = await SyncFixture.create({
    servers: { ...sharedServers(), consul: consul.address },
    numBuckets: 2,
    beforeFiles: async ({ id, syncPath }) => {
      const all = `key_prefix "${syncPath}" { policy = "write" }`;
      tokens.origin = await acl.tokenFor(`origin-${id}`, all);
      tokens.atOrigin = await acl.tokenFor(`at-origin-${id}`, all);
      tokens.own = await acl.tokenFor(`own-${id}`, all);
    },
    edit: (file, role) => {
      type Section = { consul: { token?: string } };
      const { origin, destination } = file as FileContent as unknown as Record<string, Section>;
      if (origin !== undefined) origin.consul.token = role === 'origin' ? tokens.origin : tokens.atOrigin;
      if (destination !== undefined) destination.consul.token = tokens.own;
    },
  });
  for (const path of PATHS) await sync.originVault.put(sync.mount, path, { path });
  await sync.run();
  await sync.cycle('origin');
  await sync.cycle('destination');
});

afterAll(async () => {
  await sync.tearDown();
  await consul.stop();
});

/** Hides keys from one token: its policy gets "deny" for them, and keeps everything else. */
async function hide(token: string, hidden: string): Promise<void> {
  await acl.change(`${token}-${sync.id}`, `key_prefix "${sync.syncPath}" { policy = "write" } ${hidden}`);
}

const there = (): Promise<unknown[]> =>
  Promise.all(PATHS.map(async (path) => sync.destinationVaults[0]?.get(sync.mount, path)));

describe('ConsulStore.keys', () => {
  const listed = async (rules: string): Promise<unknown> => {
    const token = await acl.tokenFor(`lists-${randomUUID()}`, rules);
    const store = new ConsulStore({ address: consul.address, token });
    try {
      return await store.keys(sync.infoPrefix('origin'));
    } catch (error) {
      return error;
    } finally {
      store.close();
    }
  };

  test('refuses a listing that leaves out keys which the token may not read, and names the missing policy line', async () => {
    const all = await listed('key_prefix "" { policy = "read" }');
    expect(all).toContain(`${sync.infoPrefix('origin')}index`);
    for (const rules of [
      `key_prefix "" { policy = "read" } ${deny(`${sync.infoPrefix('origin')}index`)}`,
      'key_prefix "elsewhere/" { policy = "read" }',
    ]) {
      const error = await listed(rules);
      expect(error).toMatchObject({ name: 'ConsulError', kind: 'forbidden' });
      expect((error as Error).message).toContain(`key_prefix "${sync.infoPrefix('origin')}" with read`);
    }
  });
});

/** ModifyIndex of each index and bucket of both ends. */
async function indicesAndBuckets(): Promise<Record<string, number>> {
  const revisions = Object.entries(await sync.consul.revisions(sync.syncPath));
  return Object.fromEntries(revisions.filter(([key]) => /\/(index|\d+)$/.test(key)));
}

const deny = (key: string): string => `key "${key}" { policy = "deny" }`;
const denyBelow = (prefix: string): string => `key_prefix "${prefix}" { policy = "deny" }`;
const buckets = (prefix: string): string => deny(`${prefix}0`) + deny(`${prefix}1`);

/** What is hidden, from which token, and which step reports it. */
type Hidden = [
  what: string,
  role: 'origin' | 'destination',
  token: string,
  step: string,
  rules: () => string,
];

const HIDDEN: readonly Hidden[] = [
  [
    "the origin's index",
    'destination',
    'at-origin',
    'diffIndices',
    () => deny(`${sync.infoPrefix('origin')}index`),
  ],
  [
    "the origin's buckets",
    'destination',
    'at-origin',
    'guardDeletes',
    () => buckets(sync.infoPrefix('origin')),
  ],
  [
    "the destination's own index",
    'destination',
    'own',
    'diffIndices',
    () => deny(`${sync.infoPrefix('destination')}index`),
  ],
  [
    "the destination's own buckets",
    'destination',
    'own',
    'guardDeletes',
    () => buckets(sync.infoPrefix('destination')),
  ],
  [
    "all of the destination's own keys",
    'destination',
    'own',
    'preflight',
    () => denyBelow(sync.infoPrefix('destination')),
  ],
  ['its own index', 'origin', 'origin', 'listPaths', () => deny(`${sync.infoPrefix('origin')}index`)],
  ['its own buckets', 'origin', 'origin', 'fetchMetadata', () => buckets(sync.infoPrefix('origin'))],
  ['all of its own keys', 'origin', 'origin', 'preflight', () => denyBelow(sync.infoPrefix('origin'))],
];

test('cycles fail with a 403 when a policy hides keys in Consul, delete nothing and change no sync info', async () => {
  // One delete is due at the destination during all of this.
  await sync.originVault.delete(sync.mount, 'gone');
  await sync.cycle('origin');
  await sync.originVault.put(sync.mount, 'new', { path: 'new' });
  const before = await indicesAndBuckets();
  expect(Object.keys(before)).toHaveLength(6);
  for (const [what, role, token, step, rules] of HIDDEN) {
    await hide(token, rules());
    expect([what, await endOf(sync.cycle(role))]).toEqual([
      what,
      {
        outcome: 'failed',
        note: expect.stringMatching(
          new RegExp(
            `^ConsulForbidden: ${step}: Consul ${consul.address}: ${sync.syncPath}\\S+: permission denied \\(403\\)`,
          ),
        ) as string,
      },
    ]);
    await hide(token, '');
  }
  expect(await indicesAndBuckets()).toEqual(before);
  expect(await there()).toEqual(PATHS.map((path) => ({ path })));

  // Once all keys are visible again, the cycles do exactly what is left.
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { deleted: 1, added: 0 },
  });
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced', counts: { unknown: 0 } });
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { deleted: 0, added: 1 },
  });
  expect(await there()).toEqual([{ path: 'a' }, { path: 'b' }, { path: 'c' }, undefined]);
});

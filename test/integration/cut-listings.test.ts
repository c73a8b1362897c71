import { BaoFront, pagedListings } from '../support/bao-front';
import { documentedPolicies } from '../../dev/shared/policies';
import { vaultKind } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { onVault } from '../support/vault-kind';

/** An origin whose listings are cut: by the `pagination_limit` of a policy on OpenBao, by the stand-in on Vault. */

const LIMIT = 3;
const TEAM = Array.from({ length: 10 }, (_, number) => `team/${number}`);
const DARK = ['dark/0', 'dark/1', 'dark/2', 'dark/3'];
const PATHS = ['top', ...TEAM, ...DARK];

let sync: SyncFixture;
let front: BaoFront | undefined;
/** Names that the policy leaves out of listings. A test changes it. */
let hidden: (path: string) => boolean = () => false;

beforeAll(async () => {
  const { origin } = sharedServers();
  const paging = pagedListings({ limit: LIMIT, hidden: (path) => hidden(path) });
  if (vaultKind() === 'vault') front = await BaoFront.before(origin.address, paging);
  let token = origin.rootToken;
  sync = await SyncFixture.create({
    numBuckets: 4,
    beforeFiles: async ({ originVault, mount, id }) => {
      if (vaultKind() === 'vault') return;
      const policy = `path "${mount}metadata/*" { capabilities = ["read", "list"]\n pagination_limit = ${LIMIT} }
        path "${mount}data/*" { capabilities = ["read"] }`;
      token = await originVault.tokenFor(`limited-${id}`, policy);
    },
    edit: (file) => {
      const { vault } = file['origin'] as { vault: Record<string, unknown> };
      vault['token'] = token;
      if (front !== undefined) vault['address'] = front.address;
    },
  });
  for (const path of PATHS) await sync.originVault.put(sync.mount, path, { path });
  await sync.run();
  await sync.cycle('origin');
  await sync.cycle('destination');
});

afterAll(async () => {
  await sync.tearDown();
  await front?.close();
});

const isAtDestination = async (path: string): Promise<boolean> =>
  (await sync.destinationVaults[0]?.get(sync.mount, path)) !== undefined;

test('origin cycle publishes every secret although a policy cuts its listings, and destination cycle copies all of them', async () => {
  for (const path of PATHS) expect([path, await isAtDestination(path)]).toEqual([path, true]);
  const { counts, findings, notes } = await sync.verify();
  expect({ counts, findings, notes }).toMatchObject({
    counts: { equal: PATHS.length },
    findings: [],
    notes: [],
  });
});

test('verify reads all pages of the origin too, and names what its info lacks', async () => {
  for (const path of ['team/new', 'team/new-deleted']) await sync.originVault.put(sync.mount, path, { path });
  await sync.originVault.delete(sync.mount, 'team/new-deleted');
  const { counts, findings } = await sync.verify();
  expect(findings).toEqual([{ kind: 'unpublished', path: `${sync.mount}data/team/new` }]);
  expect(counts).toMatchObject({ equal: PATHS.length, unpublished: 1 });
  await sync.cycle('origin');
  await sync.cycle('destination');
  expect((await sync.verify()).findings).toEqual([]);
});

test('origin cycle asks for a secret that its listings lack, and destination cycle deletes it if it is gone', async () => {
  await sync.originVault.request('DELETE', `${sync.mount}metadata/team/4`);
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced', counts: { unknown: 0 } });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
  expect(await isAtDestination('team/4')).toBe(false);
  expect(await isAtDestination('team/5')).toBe(true);
});

onVault('the stand-in changes a policy').test(
  'origin cycle keeps each secret that still exists in its info, also when a page hides all of its names',
  async () => {
    await sync.originVault.request('DELETE', `${sync.mount}metadata/dark/3`);
    hidden = (path) => /\/dark\/\d$/.test(path);
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced', counts: { unknown: 0 } });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    for (const path of DARK) expect([path, await isAtDestination(path)]).toEqual([path, path !== 'dark/3']);
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
  },
);

const policyOf = (name: string): string =>
  documentedPolicies().get(name)?.replaceAll('secret/', sync.mount) ?? '';

/** Gives the destination tokens with these documented policies. */
async function underPolicies(atOrigin: string, ...own: string[]): Promise<void> {
  const name = `${atOrigin}-${sync.id}`;
  const tokens = {
    origin: await sync.originVault.tokenFor(name, policyOf(atOrigin)),
    destination: (await sync.destinationVaults[0]?.tokenFor(name, own.map(policyOf).join(''))) ?? '',
  };
  await sync.reconfigure('destination', (file) => {
    for (const side of ['origin', 'destination'] as const) {
      const { vault } = file[side] as { vault: Record<string, unknown> };
      vault['token'] = tokens[side];
    }
  });
}

test('verify lists both ends under its documented policies', async () => {
  await underPolicies('verify-at-origin', 'destination', 'verify-at-destination');
  expect(await sync.verify()).toMatchObject({ findings: [], notes: [] });
});

test('verify without list at the origin reports that, and names the missing line of the policy', async () => {
  await underPolicies('destination-at-origin', 'destination', 'verify-at-destination');
  const { notes, findings } = await sync.verify();
  expect(findings).toEqual([]);
  expect(notes).toEqual([
    `${sync.mount}: forbidden: not listed at the origin, so secrets that its info lacks are not known there; to have ` +
      `it listed, give the destination's token at the origin: path "${sync.mount}metadata/*" { capabilities = ["list", "read"] }`,
  ]);
});

import { readFileSync, writeFileSync } from 'node:fs';
import { endOf } from '../support/ended';
import type { Proxies } from '../support/running-sync';
import { RunningSync } from '../support/running-sync';
import type { FileContent, SyncFixture } from '../support/sync-fixture';
import type { VaultApi } from '../../dev/shared/vault-api';

/** A token is revoked during a cycle. A 403 after that is not evidence about any secret. */

const LIVING = ['stays', 'team/a', 'team/b'];
/** Secrets that are deleted at the origin, by test. */
const GONE = [0, 1].map((test) => [...Array(6).keys()].map((number) => `gone${test}-${number}`));
const DEAD = expect.stringMatching(
  /^VaultForbidden: \w+: Vault http:\S+: .*permission denied \(403.*\); check the token(: this Vault does not know it| and its policies)/,
) as string;

let running: RunningSync;
let tokens: Tokens;

beforeAll(async () => {
  running = await RunningSync.create({
    secrets: [...LIVING, ...GONE.flat()],
    // One request at a time, so that the test knows which ones precede the revocation.
    numWorkers: 1,
    numBuckets: 1,
    beforeFiles: async (fixture) => {
      tokens = await newTokens(fixture);
    },
    edit: (file, role) => {
      setTokens(file as FileContent, role, tokens);
      file['maxDeletes'] = 100;
    },
  });
});

afterAll(() => running.tearDown());

/** Tokens of one sync, by section and role of the configuration. */
type Tokens = Record<'origin' | 'destinationAtOrigin' | 'destination', string>;

async function newTokens({ id, mount, originVault, destinationVaults }: SyncFixture): Promise<Tokens> {
  const policy = `path "${mount}*" { capabilities = ["create", "read", "update", "delete", "list"] }`;
  return {
    origin: await originVault.tokenFor(`all-${id}`, policy),
    destinationAtOrigin: await originVault.tokenFor(`all-${id}`, policy),
    destination: await (destinationVaults[0] as VaultApi).tokenFor(`all-${id}`, policy),
  };
}

function setTokens(file: FileContent, role: 'origin' | 'destination', tokens: Tokens): void {
  type Section = { vault: { token: string } };
  (file.origin as Section).vault.token = role === 'origin' ? tokens.origin : tokens.destinationAtOrigin;
  if (role === 'destination') (file.destination as unknown as Section).vault.token = tokens.destination;
}

/** Revokes a token just before a chosen request is answered. */
function revokeAt(proxy: keyof Proxies, token: string, isIt: (request: string) => boolean): void {
  const { sync, proxies } = running;
  const vault = proxy === 'vault' ? (sync.destinationVaults[0] as VaultApi) : sync.originVault;
  let revoked: Promise<unknown> | undefined;
  proxies[proxy].choose(async (method, url) => {
    if (isIt(`${method} ${url}`)) revoked ??= vault.request('POST', 'auth/token/revoke', { token });
    await revoked;
    return undefined;
  });
}

/** Gives the sync new tokens. */
async function mend(): Promise<void> {
  tokens = await newTokens(running.sync);
  running.mendAll();
  const { sync } = running;
  const file = JSON.parse(readFileSync(sync.originFile, 'utf8')) as FileContent;
  setTokens(file, 'origin', tokens);
  writeFileSync(sync.originFile, JSON.stringify(file));
  await sync.reconfigure('destination', (content) => {
    setTokens(content, 'destination', tokens);
  });
}

/** How many of these secrets are deleted at the destination. */
async function deleted(paths: readonly string[]): Promise<number> {
  const values = await Promise.all(paths.map(async (path) => (await running.at(path))[0]));
  return values.filter((value) => value === undefined).length;
}

test('origin cycle whose token is revoked during the listing publishes nothing, deletes nothing, and reports the token', async () => {
  const { sync } = running;
  const index = `${sync.infoPrefix('origin')}index`;
  const before = await sync.consul.revisions(index);
  revokeAt('originVault', tokens.origin, (request) => /^LIST .*\/metadata\/team\/?$/.test(request));
  expect(await endOf(sync.cycle('origin'))).toEqual({ outcome: 'failed', note: DEAD });
  expect(await endOf(sync.cycle('origin'))).toEqual({ outcome: 'failed', note: DEAD });
  expect(await sync.consul.revisions(index)).toEqual(before);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  await running.expectFirstVersions([...LIVING, ...GONE.flat()]);

  await mend();
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
});

type Revoked = [
  whose: string,
  proxy: keyof Proxies,
  which: keyof Tokens,
  at: RegExp,
  gone: readonly string[],
];

test.each<Revoked>([
  ["of the origin's Vault", 'originVault', 'destinationAtOrigin', /^GET .*\/metadata\/gone/, GONE[0] ?? []],
  ["of the destination's Vault", 'vault', 'destination', /^POST .*\/delete\/gone/, GONE[1] ?? []],
])(
  'destination cycle whose token %s is revoked between two deletes deletes nothing more, and the next cycle reports what to do',
  async (_whose, proxy, which, at, gone) => {
    const { sync } = running;
    for (const path of gone) await sync.originVault.delete(sync.mount, path);
    await sync.cycle('origin');
    // The origin is asked twice about each delete, the second time just before it.
    const before = proxy === 'vault' ? 2 : gone.length + 2;
    let seen = 0;
    revokeAt(proxy, tokens[which], (request) => at.test(request) && ++seen > before);
    const met = await sync.cycle('destination');
    expect(met).toMatchObject({ outcome: 'partial', counts: { deleted: 2, unknown: gone.length - 2 } });
    expect(met.failures.map((failure) => failure.class)).toEqual(Array(gone.length - 2).fill('forbidden'));
    expect(await deleted(gone)).toBe(2);
    expect(await endOf(sync.cycle('destination'))).toEqual({ outcome: 'failed', note: DEAD });
    expect(await deleted(gone)).toBe(2);
    await running.expectFirstVersions(LIVING);

    await mend();
    expect(await deleted(gone)).toBe(gone.length);
    await running.expectFirstVersions(LIVING);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  },
);

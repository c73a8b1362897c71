import { readFileSync, writeFileSync } from 'node:fs';
import { endOf } from '../support/ended';
import type { Proxies } from '../support/running-sync';
import { RunningSync } from '../support/running-sync';
import type { FileContent, SyncFixture } from '../support/sync-fixture';
import type { VaultApi } from '../support/vault-api';

/** A token that dies in the middle of a cycle: each 403 after it says nothing about any secret. */

const LIVING = ['stays', 'team/a', 'team/b'];
const GONE = ['gone1', 'gone2', 'gone3', 'gone4', 'gone5', 'gone6'];
const DEAD = expect.stringMatching(
  /^VaultForbidden: \w+: Vault http:\S+: .*permission denied \(403.*\); check the token and its policies$/,
) as string;

let running: RunningSync;

afterEach(() => running.tearDown());

/** Tokens of one sync, by the section of the configuration and its role. */
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

/** A sync with tokens of its own, one request to each Vault at a time. */
async function start(): Promise<Tokens> {
  let tokens: Tokens | undefined;
  running = await RunningSync.create({
    secrets: [...LIVING, ...GONE],
    numWorkers: 1,
    numBuckets: 1,
    beforeFiles: async (fixture) => {
      tokens = await newTokens(fixture);
    },
    edit: (file, role) => {
      setTokens(file as FileContent, role, tokens as Tokens);
      file['maxDeletes'] = 100;
    },
  });
  return tokens as Tokens;
}

/** Revokes a token just before one request is answered, and counts such requests from then on. */
function revokeAt(proxy: keyof Proxies, token: string, isIt: (request: string) => boolean): () => number {
  const { sync, proxies } = running;
  const vault = proxy === 'vault' ? (sync.destinationVaults[0] as VaultApi) : sync.originVault;
  let asked = 0;
  let revoked: Promise<unknown> | undefined;
  proxies[proxy].choose(async (method, url) => {
    if (isIt(`${method} ${url}`)) revoked ??= vault.request('POST', 'auth/token/revoke', { token });
    if (revoked === undefined) return undefined;
    await revoked;
    asked += 1;
    return undefined;
  });
  return () => asked;
}

/** Gives the sync tokens that live. */
async function mend(): Promise<void> {
  const tokens = await newTokens(running.sync);
  running.mendAll();
  const { sync } = running;
  const file = JSON.parse(readFileSync(sync.originFile, 'utf8')) as FileContent;
  setTokens(file, 'origin', tokens);
  writeFileSync(sync.originFile, JSON.stringify(file));
  await sync.reconfigure('destination', (content) => {
    setTokens(content, 'destination', tokens);
  });
}

/** Number of secrets that are deleted at the destination, of those that the origin has deleted. */
async function deleted(): Promise<number> {
  const values = await Promise.all(GONE.map(async (path) => (await running.at(path))[0]));
  return values.filter((value) => value === undefined).length;
}

test.each([
  ['listed', /^LIST .*\/metadata\/team\/?$/],
  ['read', /^GET .*\/metadata\/stays$/],
])(
  'a token that is revoked while the origin is %s: nothing is published, nothing deleted, and it says so',
  async (_what, request) => {
    const { origin } = await start();
    const { sync } = running;
    const prefix = sync.infoPrefix('origin');
    const before = await sync.consul.values(`${prefix}index`);
    const asked = revokeAt('originVault', origin, (sent) => request.test(sent));
    expect(await endOf(sync.cycle('origin'))).toEqual({ outcome: 'failed', note: DEAD });
    expect(asked()).toBeGreaterThan(0);
    expect(await sync.consul.values(`${prefix}index`)).toEqual(before);
    expect(await endOf(sync.cycle('origin'))).toEqual({ outcome: 'failed', note: DEAD });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    await running.expectFirstVersions([...LIVING, ...GONE]);

    await mend();
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
  },
);

test.each<[string, keyof Proxies, keyof Tokens, RegExp]>([
  ["of the origin's Vault", 'originVault', 'destinationAtOrigin', /^GET .*\/metadata\/gone/],
  ["of the destination's Vault", 'vault', 'destination', /^POST .*\/delete\/gone/],
])(
  'a token %s that is revoked between two deletes: none follows, and the next cycle says what to do',
  async (_whose, proxy, which, request) => {
    const tokens = await start();
    const { sync } = running;
    for (const path of GONE) await sync.originVault.delete(sync.mount, path);
    await sync.cycle('origin');
    let seen = 0;
    // Each delete is asked about at the origin twice, the second time just before it.
    const before = proxy === 'vault' ? 2 : GONE.length + 2;
    revokeAt(proxy, tokens[which], (sent) => request.test(sent) && ++seen > before);
    const met = await sync.cycle('destination');
    expect(met).toMatchObject({ outcome: 'partial', counts: { deleted: 2, unknown: GONE.length - 2 } });
    expect(met.failures.map((failure) => failure.class)).toEqual(Array(GONE.length - 2).fill('forbidden'));
    expect(await deleted()).toBe(2);
    expect(await endOf(sync.cycle('destination'))).toEqual({ outcome: 'failed', note: DEAD });
    expect(await deleted()).toBe(2);
    await running.expectFirstVersions(LIVING);

    await mend();
    expect(await deleted()).toBe(GONE.length);
    await running.expectFirstVersions(LIVING);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  },
);

import { randomBytes } from 'node:crypto';
import { VaultClient, type VaultAuth } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { TokenKeeper } from '../../src/vault/token-keeper';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { collectedLog } from '../support/collected-log';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { VaultApi } from '../../dev/shared/vault-api';

/** Tokens that live for seconds on a real Vault. A proxy counts the requests. */

const { origin } = sharedServers();
const api = new VaultApi(origin);
const id = randomBytes(4).toString('hex');
const mount = `kv-${id}/`;
const SECTION = 'origin.vault';
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

let proxy: FaultProxy;
const open: { close: () => Promise<void> }[] = [];

beforeAll(async () => {
  await api.mount(mount);
  await api.put(mount, 'a', { a: 1 });
  await api.request('PUT', `sys/policies/acl/keeper-${id}`, {
    policy: `path "${mount}data/*" { capabilities = ["read"] }`,
  });
  await api.request('POST', `sys/auth/approle-${id}`, { type: 'approle' });
});

beforeEach(async () => (proxy = await FaultProxy.before(origin.address)));

afterEach(async () => {
  for (const opened of open.splice(0).reverse()) await opened.close();
  await proxy.close();
});

afterAll(async () => {
  await api.request('DELETE', `sys/auth/approle-${id}`);
  await api.unmount(mount);
});

function keep(auth: VaultAuth, log = collectedLog()): { kv: Kv2; lines: string[] } {
  const client = new VaultClient({ address: proxy.address, auth, namespace: '', concurrency: 2 });
  open.push(client, new TokenKeeper(client, { section: SECTION, log: log.log }));
  return { kv: new Kv2(client), lines: log.lines };
}

async function token(body: object): Promise<VaultAuth> {
  const policies = [`keeper-${id}`];
  const answer = await api.request('POST', 'auth/token/create', { policies, ...body });
  return { kind: 'token', token: (answer as { auth: { client_token: string } }).auth.client_token };
}

async function appRole(name: string, body: object): Promise<VaultAuth> {
  const role = `auth/approle-${id}/role/${name}`;
  await api.request('POST', role, { token_policies: [`keeper-${id}`], ...body });
  const { data: roleData } = (await api.request('GET', `${role}/role-id`)) as { data: { role_id: string } };
  const { data } = (await api.request('POST', `${role}/secret-id`)) as { data: { secret_id: string } };
  return { kind: 'approle', path: `approle-${id}`, roleId: roleData.role_id, secretId: data.secret_id };
}

const count = (part: string): number => proxy.requests.filter((request) => request.includes(part)).length;
const renewals = (): number => count('auth/token/renew-self');
const logins = (): number => count(`auth/approle-${id}/login`);
const until = (what: string, check: () => boolean): Promise<void> =>
  eventually(
    () => (check() ? Promise.resolve() : Promise.reject(new Error(proxy.requests.join(', ')))),
    what,
  );

test('TokenKeeper renews a token of 6 s repeatedly, so that it stays valid', async () => {
  const { kv, lines } = keep(await token({ ttl: '6s' }));
  await until('two renewals', () => renewals() >= 2);
  expect(await kv.data(mount, 'a')).toMatchObject({ live: true, data: { a: 1 } });
  expect(count('lookup-self')).toBe(1);
  expect(lines).toEqual([]);
});

test('TokenKeeper looks up a token without an end once, and never renews it', async () => {
  const { lines } = keep({ kind: 'token', token: origin.rootToken });
  await until('the look-up', () => count('lookup-self') === 1);
  await open.at(-1)?.close();
  expect({ renewals: renewals(), lines }).toEqual({ renewals: 0, lines: [] });
});

test('TokenKeeper reports a token with an explicit max TTL at once, renews it while that helps, and reports its end', async () => {
  const { lines } = keep(await token({ ttl: '3s', explicit_max_ttl: '5s' }));
  await until('the report of its death', () => lines.some((line) => line.includes('has ended')));
  expect(lines[0]).toMatch(
    new RegExp(
      `^Vault ${proxy.address}: the token of origin.vault.token ends at ${TIME}, and no renewal can extend it: ` +
        'before then, put a new one into origin.vault.token and restart the worker',
    ),
  );
  expect(lines).toHaveLength(2);
  expect(renewals()).toBeGreaterThanOrEqual(1);
});

test.each<[string, object]>([
  ['is not renewable', { ttl: '1h', renewable: false }],
  ['is a batch token', { ttl: '1h', type: 'batch' }],
])('TokenKeeper reports a token once, long before its end, if it %s', async (_what, body) => {
  const { lines } = keep(await token(body));
  await until('the warning', () => lines.length > 0);
  await open.at(-1)?.close();
  expect(lines).toEqual([expect.stringContaining('no renewal can extend it')]);
  const end = Date.parse(new RegExp(TIME).exec(lines[0] ?? '')?.[0] ?? '');
  expect(end - Date.now()).toBeGreaterThan(3_000_000);
  expect(renewals()).toBe(0);
});

test('TokenKeeper reports a token without the default policy, and makes no more requests for it', async () => {
  const { kv, lines } = keep(await token({ ttl: '1h', no_default_policy: true }));
  await until('the warning', () => lines.length > 0);
  expect(lines).toEqual([expect.stringContaining('can neither be looked up nor renewed (403)')]);
  expect(await kv.data(mount, 'a')).toMatchObject({ live: true });
  expect(count('auth/token/')).toBe(1);
});

test('TokenKeeper renews the token of an AppRole, and logs in again when the max TTL ends it', async () => {
  const { kv, lines } = keep(await appRole('max', { token_ttl: '3s', token_max_ttl: '5s' }));
  await until('the third login', () => logins() >= 3);
  expect(renewals()).toBeGreaterThanOrEqual(2);
  expect(await kv.data(mount, 'a')).toMatchObject({ live: true });
  expect(lines).toEqual([]);
});

test('TokenKeeper logs in again for an AppRole with batch tokens, and renews nothing', async () => {
  const { kv, lines } = keep(await appRole('batch', { token_type: 'batch', token_ttl: '3s' }));
  await until('the third login', () => logins() >= 3);
  expect(await kv.data(mount, 'a')).toMatchObject({ live: true });
  expect({ renewals: renewals(), lines }).toEqual({ renewals: 0, lines: [] });
});

test('TokenKeeper logs in again for an AppRole whose renewal is forbidden', async () => {
  const { lines } = keep(
    await appRole('bare', { token_ttl: '3s', token_max_ttl: '1h', token_no_default_policy: true }),
  );
  await until('the second login', () => logins() >= 2);
  expect(renewals()).toBeGreaterThanOrEqual(1);
  expect(lines).toEqual([]);
});

test('TokenKeeper reports an AppRole that can no longer log in, without its ids', async () => {
  const auth = await appRole('gone', { token_type: 'batch', token_ttl: '3s' });
  const { lines } = keep(auth);
  await until('the login', () => logins() >= 1);
  if (auth.kind !== 'approle') throw new Error('not an AppRole');
  const { secretId: secret_id } = auth;
  await api.request('POST', `auth/approle-${id}/role/gone/secret-id/destroy`, { secret_id });
  await until('the warning', () => lines.length > 0);
  expect(lines[0]).toMatch(
    /the AppRole of origin.vault cannot log in again \(Vault .*: auth\/approle-\w+\/login: /,
  );
  expect(lines.join('\n')).not.toContain(auth.secretId);
  expect(lines.join('\n')).not.toContain(auth.roleId);
});

test('TokenKeeper retries a due renewal during an outage until Vault answers', async () => {
  const { kv, lines } = keep(await token({ ttl: '12s' }));
  await until('the look-up', () => count('lookup-self') === 1);
  proxy.inject('reset', { status: 502, body: '<html>' });
  await until('three attempts', () => renewals() >= 3);
  expect(await kv.data(mount, 'a')).toMatchObject({ live: true });
  expect(lines).toEqual([]);
});

test('TokenKeeper sends nothing after close', async () => {
  const { lines } = keep(await token({ ttl: '3s' }));
  await until('the first renewal', () => renewals() >= 1);
  await open.at(-1)?.close();
  const sent = proxy.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(proxy.requests).toHaveLength(sent);
  expect(lines).toEqual([]);
});

describe('a worker of a destination', () => {
  let sync: SyncFixture | undefined;
  let proxies: FaultProxy[] = [];
  /** Life of a token, which a renewal extends after two thirds of it. */
  const PERIOD = '9s';

  afterEach(async () => {
    await sync?.tearDown();
    for (const each of proxies) await each.close();
  });

  /** Runs a destination with such tokens, and a proxy in front of each Vault. */
  async function work(renewToken: { origin: boolean; destination: boolean }): Promise<void> {
    const vaults = [sharedServers().origin, sharedServers().destinations[0]];
    proxies = await Promise.all(vaults.map(({ address }) => FaultProxy.before(address)));
    let tokens: string[] = [];
    sync = await SyncFixture.create({
      // The last step before the worker renews them: their time must not be over by then.
      beforeFiles: async () => {
        const body = { policies: ['root'], period: PERIOD };
        const created = vaults.map((vault) => new VaultApi(vault).request('POST', 'auth/token/create', body));
        const answers = (await Promise.all(created)) as { auth: { client_token: string } }[];
        tokens = answers.map(({ auth }) => auth.client_token);
      },
      edit: (file, role) => {
        if (role === 'origin') return;
        for (const [place, side] of (['origin', 'destination'] as const).entries()) {
          const section = file[side] as Record<string, unknown>;
          section['vault'] = { address: proxies[place]?.address, token: tokens[place] };
          section['renewToken'] = renewToken[side];
        }
      },
    });
    await sync.work({ only: 'destination' });
  }

  const renewed = (place: number): number =>
    proxies[place]?.requests.filter((request) => request.endsWith('renew-self')).length ?? 0;

  test('renews the tokens of both Vaults, and stops when it ends', async () => {
    await work({ origin: true, destination: true });
    await eventually(() => {
      expect(Math.min(renewed(0), renewed(1))).toBeGreaterThanOrEqual(2);
      return Promise.resolve();
    }, 'two renewals at each Vault');
    await sync?.stopWork();
    const sent = [renewed(0), renewed(1)];
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect([renewed(0), renewed(1)]).toEqual(sent);
  });

  test('does not renew the token of a side whose renewToken is off', async () => {
    await work({ origin: true, destination: false });
    await eventually(() => {
      expect(renewed(0)).toBeGreaterThanOrEqual(2);
      return Promise.resolve();
    }, 'two renewals at the origin');
    expect(renewed(1)).toBe(0);
  });
});

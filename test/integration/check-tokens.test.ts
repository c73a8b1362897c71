import { runChecks } from '../../src/cli/check/command';
import type { Check } from '../../src/access/check-line';
import { checkAccess, createClients } from '../../src/activities/clients';
import type { Config } from '../../src/config/schema';
import { VaultClient, type VaultAuth } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { eventually } from '../support/eventually';
import { exposed, rejection } from '../support/exposed';
import { FaultProxy } from '../support/fault-proxy';
import { SyncFixture } from '../support/sync-fixture';

/** `vsync check` finds tokens and logins that would not last. A proxy before the real Vault counts the logins. */

type AppRole = Extract<VaultAuth, { kind: 'approle' }>;

let sync: SyncFixture;
let proxy: FaultProxy;
const approle = (): string => `approle-${sync.id}`;

beforeAll(async () => {
  sync = await SyncFixture.create();
  const { originVault, mount, id } = sync;
  proxy = await FaultProxy.before(sync.servers.origin.address);
  await originVault.request('PUT', `sys/policies/acl/reader-${id}`, {
    policy: `path "${mount}metadata/*" { capabilities = ["read", "list"] }`,
  });
  await originVault.request('PUT', `sys/policies/acl/asker-${id}`, {
    policy: `path "auth/${approle()}/role/+/secret-id/lookup" { capabilities = ["update"] }`,
  });
  await originVault.request('POST', `sys/auth/${approle()}`, { type: 'approle' });
});

beforeEach(() => {
  proxy.choose(() => undefined);
});

afterAll(async () => {
  await proxy.close();
  await sync.originVault.request('DELETE', `sys/auth/${approle()}`);
  await sync.tearDown();
});

async function tokenOf(body: object): Promise<VaultAuth> {
  const policies = [`reader-${sync.id}`];
  const answer = await sync.originVault.request('POST', 'auth/token/create', {
    policies,
    ttl: '1h',
    no_parent: true,
    ...body,
  });
  return { kind: 'token', token: (answer as { auth: { client_token: string } }).auth.client_token };
}

async function appRoleOf(
  name: string,
  { asker = false, ...body }: Record<string, unknown>,
): Promise<AppRole> {
  const { originVault, id } = sync;
  const role = `auth/${approle()}/role/${name}`;
  const policies = [`reader-${id}`, ...(asker === true ? [`asker-${id}`] : [])];
  await originVault.request('POST', role, { token_policies: policies, token_ttl: '1h', ...body });
  const read = (await originVault.request('GET', `${role}/role-id`)) as { data: { role_id: string } };
  const made = (await originVault.request('POST', `${role}/secret-id`)) as { data: { secret_id: string } };
  return { kind: 'approle', path: approle(), roleId: read.data.role_id, secretId: made.data.secret_id };
}

function configWith(auth: VaultAuth): Config {
  const config = sync.config('origin');
  Object.assign(config.origin.vault, { address: proxy.address, auth });
  return config;
}

async function checked(auth: VaultAuth): Promise<{ checks: Check[]; token: Check | undefined }> {
  const checks = await runChecks(configWith(auth), { warnings: [], foreign: [] });
  expect(exposed(checks)).not.toContain(auth.kind === 'token' ? auth.token : auth.secretId);
  return { checks, token: checks.find(({ what }) => what.endsWith(': token')) };
}

/** The first step of `start` and of a worker. */
async function accessWith(auth: VaultAuth): Promise<string[]> {
  const clients = await createClients(configWith(auth));
  try {
    // At OpenBao the proxy refuses the metadata of folders, which is advised there and not about tokens.
    return (await checkAccess(clients)).filter((line) => !line.includes('/detailed-metadata/'));
  } finally {
    await clients.close();
  }
}

const count = (part: string): number => proxy.requests.filter((line) => line.includes(part)).length;

/** Number of live tokens from logins of this auth method. */
async function aliveLogins(): Promise<number> {
  const { data } = (await sync.originVault.request('LIST', 'auth/token/accessors')) as {
    data: { keys: string[] };
  };
  const found = await Promise.all(
    data.keys.map((accessor) =>
      sync.originVault
        .request('POST', 'auth/token/lookup-accessor', { accessor })
        .then((answer) => (answer as { data: { path: string } }).data.path)
        .catch(() => ''),
    ),
  );
  return found.filter((path) => path === `auth/${approle()}/login`).length;
}

describe('vsync check of a configured token', () => {
  test('refuses a token with a limited number of uses, and spends only one of them', async () => {
    const { checks, token } = await checked(await tokenOf({ num_uses: 10 }));
    expect(token).toMatchObject({
      outcome: 'fail',
      detail:
        'is good for 9 more requests only (num_uses), and a worker sends thousands: give origin.vault.token one that was ' +
        'made without -use-limit',
    });
    expect(checks.map(({ detail }) => detail)).toContain('not checked, because the token cannot be used');
    await expect(accessWith(await tokenOf({ num_uses: 10 }))).rejects.toMatchObject({
      type: 'VaultForbidden',
      message: expect.stringContaining(
        'the token of origin.vault is good for 9 more requests only',
      ) as string,
    });
  });

  test('refuses a token at its last use', async () => {
    const { token } = await checked(await tokenOf({ num_uses: 1 }));
    expect(token).toMatchObject({
      outcome: 'fail',
      detail: expect.stringMatching(/^is good for 0 more/) as string,
    });
  });

  test('warns of a token that ends with its parent', async () => {
    const auth = await tokenOf({ no_parent: false });
    const { token } = await checked(auth);
    expect(token).toMatchObject({
      outcome: 'warning',
      detail: expect.stringMatching(
        /a worker renews it; it ends as soon as the token that made it ends.*-orphan/,
      ) as string,
    });
    expect(await accessWith(auth)).toEqual([
      expect.stringMatching(
        /^Vault \S+: the token of origin\.vault ends as soon as the token that made it ends/,
      ),
    ]);
  });

  test('warns of a batch token, which cannot be renewed', async () => {
    const { token } = await checked(await tokenOf({ type: 'batch' }));
    expect(token).toMatchObject({
      outcome: 'warning',
      detail: expect.stringMatching(
        /^is alive until \S+, is a batch token and cannot be renewed: before then/,
      ) as string,
    });
  });

  test('passes a token that lasts, and never revokes it', async () => {
    const auth = await tokenOf({ period: '1h' });
    expect((await checked(auth)).token).toMatchObject({ outcome: 'pass' });
    expect((await checked(auth)).token).toMatchObject({ outcome: 'pass' });
    expect(await accessWith(auth)).toEqual([]);
    expect(count('revoke-self')).toBe(0);
  });
});

describe('vsync check of an AppRole', () => {
  test('logs in once, and revokes the token of its login at the end', async () => {
    const before = await aliveLogins();
    const auth = await appRoleOf('plain', {});
    const { checks, token } = await checked(auth);
    expect(checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect(token).toMatchObject({
      outcome: 'pass',
      detail: expect.stringMatching(
        /^the login works; .* Whether its secret id may be used again is not known: the token lacks update on auth\/\S+\/role\/plain\/secret-id\/lookup$/,
      ) as string,
    });
    expect([count('/login'), count('revoke-self')]).toEqual([1, 1]);
    await accessWith(auth);
    // The client that closes waits a bounded time for the revocation, which Vault may finish later.
    await eventually(async () => {
      expect(await aliveLogins()).toBe(before);
    }, 'the revocation of both logins');
  });

  test('refuses a role whose tokens have a limited number of uses', async () => {
    const { token } = await checked(await appRoleOf('uses', { token_num_uses: 5 }));
    expect(token).toMatchObject({
      outcome: 'fail',
      detail:
        'is good for 4 more requests only (num_uses), and a worker sends thousands: set token_num_uses=0 on the role of ' +
        'origin.vault.approle',
    });
  });

  test('reports how often and how long the secret id works, where the token may read that', async () => {
    const once = await checked(await appRoleOf('once', { asker: true, secret_id_num_uses: 1 }));
    expect(once.token).toMatchObject({
      outcome: 'fail',
      detail: expect.stringMatching(
        /^the login works, but its secret id was good for this one only/,
      ) as string,
    });
    expect(count('/login')).toBe(1);
    const thrice = await checked(await appRoleOf('thrice', { asker: true, secret_id_num_uses: 3 }));
    expect(thrice.token).toMatchObject({
      outcome: 'fail',
      detail: expect.stringMatching(/its secret id is good for 2 more only, and each start/) as string,
    });
    const ending = await checked(await appRoleOf('ending', { asker: true, secret_id_ttl: '2h' }));
    expect(ending.token).toMatchObject({
      outcome: 'warning',
      detail: expect.stringMatching(/but its secret id ends at \d{4}-\d\d-\d\dT/) as string,
    });
    const lasting = await checked(await appRoleOf('lasting', { asker: true }));
    expect(lasting.token).toMatchObject({
      outcome: 'pass',
      detail: expect.stringMatching(/and a worker logs in again by itself$/) as string,
    });
  });

  test('names a refused login, and what to check', async () => {
    const good = await appRoleOf('wrong', {});
    for (const auth of [
      { ...good, roleId: 'not-there' },
      { ...good, secretId: 'not-there-4711' },
    ]) {
      const { checks } = await checked(auth);
      expect(checks.find(({ outcome }) => outcome === 'fail')?.detail).toMatch(
        /the login was refused \(400: invalid role or secret ID\); check approle\.role_id and approle\.secret_id/,
      );
    }
    const elsewhere = await checked({ ...good, path: 'not-there' });
    expect(elsewhere.checks.find(({ outcome }) => outcome === 'fail')?.detail).toMatch(
      /the login was refused \(403: .*permission denied.*\); check that this auth method exists \(approle\.path\)$/,
    );
  });

  test('names a login that demands a second factor (MFA)', async () => {
    const { originVault, id } = sync;
    const auth = await appRoleOf('mfa', {});
    const { data: methods } = (await originVault.request('GET', 'sys/auth')) as {
      data: Record<string, { accessor: string }>;
    };
    const { data } = (await originVault.request('POST', 'identity/mfa/method/totp', { issuer: 'vsync' })) as {
      data: { method_id: string };
    };
    await originVault.request('POST', `identity/mfa/login-enforcement/${id}`, {
      mfa_method_ids: [data.method_id],
      auth_method_accessors: [methods[`${approle()}/`]?.accessor],
    });
    try {
      const { checks } = await checked(auth);
      expect(checks.find(({ outcome }) => outcome === 'fail')?.detail).toMatch(
        /the login asks for a second factor \(MFA\), which a worker cannot give; remove this auth method from/,
      );
    } finally {
      await originVault.request('DELETE', `identity/mfa/login-enforcement/${id}`);
    }
  });
});

test('VaultClient closes although its Vault does not answer the revocation of its login', async () => {
  const auth = await appRoleOf('silent', {});
  const client = new VaultClient({ address: proxy.address, auth, namespace: '', concurrency: 1 });
  await new Kv2(client).checkToken();
  proxy.choose(() => 'reset');
  await client.close();
  expect(count('revoke-self')).toBe(1);
  expect(await rejection(new Kv2(client).checkToken())).toBeInstanceOf(Error);
});

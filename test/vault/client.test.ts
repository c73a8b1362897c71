import { z } from 'zod';
import { capabilitiesOf } from '../../src/vault/token';
import { VaultClient, type VaultAuth } from '../../src/vault/client';
import { VaultError } from '../../src/vault/errors';
import { Kv2 } from '../../src/vault/kv2';
import { exposed, rejection } from '../support/exposed';
import { answer, reset, TinyServer } from '../support/tiny-server';

const TOKEN = 'hvs.token-4711';
const SECRET_ID = 'secret-id-4711';
const VALUE = 'secret-value-4711';

const ok = answer(200, { data: { version: 1 } });
const Body = z.object({ data: z.object({ version: z.number() }) });
const LOGIN = answer(200, { auth: { client_token: TOKEN } });
const APPROLE: VaultAuth = { kind: 'approle', path: 'approle', roleId: 'r', secretId: SECRET_ID };

let server: TinyServer;
const clients: VaultClient[] = [];

beforeAll(async () => (server = await TinyServer.start()));
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
afterAll(() => server.close());

function client(auth: VaultAuth = { kind: 'token', token: TOKEN }): VaultClient {
  const made = new VaultClient({ address: `${server.address}/`, auth, namespace: '', concurrency: 4 });
  clients.push(made);
  return made;
}

/** Not the question whether the whole Vault is down. */
const isOfSecret = (request: string): boolean => !request.includes('/v1/sys/health');

describe('VaultClient calls onSend just before it sends', () => {
  const given = new VaultError('cancelled', 'vault', 'kv/data/a', 'too old');

  test('for each attempt', async () => {
    server.answers(answer(429, { errors: [] }), ok);
    let asked = 0;
    const onSend = (): void => {
      asked++;
      if (asked > 1) throw given;
    };
    await expect(client().write('kv/data/a', {}, Body, { onSend })).rejects.toBe(given);
    expect([asked, server.requests]).toEqual([2, ['POST /v1/kv/data/a']]);
  });

  test('and does not count a refusal as a failure of the Vault', async () => {
    server.answers(ok);
    const vault = client();
    const onSend = (): void => {
      throw given;
    };
    for (let time = 0; time < 8; time++) await rejection(vault.read('kv/data/a', Body, { onSend }));
    expect(server.requests).toEqual([]);
    expect(await vault.read('kv/data/a', Body)).toEqual({ data: { version: 1 } });
  });
});

describe('VaultClient repeats', () => {
  test('a read after an outage', async () => {
    server.answers(answer(503, 'no server'), reset, ok);
    expect(await client().read('kv/data/a', Body)).toEqual({ data: { version: 1 } });
    expect(server.requests).toHaveLength(3);
  });

  test('a write that a quota refused, which cannot have happened', async () => {
    server.answers(answer(429, { errors: [] }), ok);
    await client().write('kv/data/a', {}, Body);
    expect(server.requests).toHaveLength(2);
  });

  test('not a write whose answer was lost, which may have happened', async () => {
    server.answers(reset, ok);
    await expect(client().write('kv/data/a', {}, Body)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(server.requests.filter(isOfSecret)).toEqual(['POST /v1/kv/data/a']);
  });

  test('no request that another attempt cannot help', async () => {
    for (const handler of [
      answer(403, { errors: [] }),
      answer(400, { errors: ['x'] }),
      answer(200, '<html>'),
    ]) {
      server.answers(handler);
      await expect(client().read('kv/data/a', Body)).rejects.toThrow(VaultError);
      expect(server.requests).toHaveLength(1);
    }
  });

  test('no request after it was cancelled', async () => {
    const stop = new AbortController();
    server.answers((request, response) => {
      answer(503)(request, response);
      stop.abort();
    });
    const read = client().read('kv/data/a', Body, { signal: stop.signal });
    await expect(read).rejects.toMatchObject({ kind: 'cancelled' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('VaultClient refuses a foreign page with status 200', () => {
  test.each<[string, (kv: Kv2) => Promise<unknown>]>([
    ['a value', (kv) => kv.data('kv/', 'a')],
    ['metadata', (kv) => kv.metadata('kv/', 'a')],
    ['a write', (kv) => kv.write('kv/', 'a', {}, 0)],
    ['a delete', (kv) => kv.deleteLatest('kv/', 'a')],
    ['a delete of a version', (kv) => kv.deleteVersion('kv/', 'a', 1)],
    ['the identity of the cluster', (kv) => kv.clusterId()],
    ['a look at the token', (kv) => kv.checkToken()],
  ])('instead of %s', async (_what, request) => {
    for (const page of ['<html>log in</html>', {}, [], 'null']) {
      server.answers(answer(200, page));
      await expect(request(new Kv2(client()))).rejects.toMatchObject({ kind: 'malformed', status: 200 });
    }
  });

  test('and does not take one for absence, whatever its status', async () => {
    for (const handler of [answer(404, '<html>'), answer(404, {}), answer(302, '', { location: '/login' })]) {
      server.answers(handler);
      await expect(new Kv2(client()).metadata('kv/', 'a')).rejects.toMatchObject({ kind: 'malformed' });
    }
  });
});

test('VaultClient waits for a standby without an active node, and does not follow its redirect', async () => {
  const standby = answer(307, undefined, { location: 'http://127.0.0.1:1/v1/kv/metadata/a' });
  server.answers(standby, standby, standby, standby);
  const error = await new Kv2(client()).metadata('kv/', 'a').catch((caught: unknown) => caught);
  expect(error).toMatchObject({ kind: 'unavailable', transient: true, status: 307 });
  expect((error as Error).message).toMatch(
    /: it redirects \(307\), as a standby does while no node is active; that passes/,
  );
  expect(server.requests.filter(isOfSecret)).toHaveLength(4);
});

describe('VaultClient lists', () => {
  const Keys = z.object({ data: z.object({ keys: z.array(z.string()) }) });
  const keys = { data: { keys: ['a'] } };

  // Node's own HTTP server is such a gateway: it answers 400 to a LIST, without a body.
  test('by GET after a gateway refused the verb LIST', async () => {
    server.answers(answer(200, keys));
    const vault = client();
    for (let time = 0; time < 3; time++) expect(await vault.list('kv/metadata/a', Keys)).toEqual(keys);
    expect(await vault.list('kv/metadata/a?after=b', Keys)).toEqual(keys);
    expect(server.requests).toEqual([
      ...Array<string>(3).fill('GET /v1/kv/metadata/a?list=true'),
      'GET /v1/kv/metadata/a?after=b&list=true',
    ]);
  });

  test('and reports the first refusal if GET is refused too', async () => {
    server.answers(answer(403, '<html>'));
    await expect(client().list('kv/metadata/a', Keys)).rejects.toMatchObject({
      kind: 'malformed',
      status: 400,
    });
  });
});

describe('VaultClient with an AppRole', () => {
  test('logs in once for all requests', async () => {
    server.answers(LOGIN, ok);
    const vault = client(APPROLE);
    await Promise.all([1, 2, 3].map(() => vault.read('kv/data/a', Body)));
    expect(server.requests.filter((line) => line.includes('login'))).toEqual(['POST /v1/auth/approle/login']);
    expect(server.headers.slice(1).map((headers) => headers['x-vault-token'])).toEqual([TOKEN, TOKEN, TOKEN]);
  });

  test('logs in again after a failed login', async () => {
    const vault = client(APPROLE);
    server.answers(answer(400, { errors: ['invalid role or secret ID'] }));
    await expect(vault.read('kv/data/a', Body)).rejects.toThrow('auth/approle/login: the login was refused');
    server.answers(LOGIN, ok);
    await expect(vault.read('kv/data/a', Body)).resolves.toBeDefined();
  });

  test('does not take a 404 of the login for an absent secret', async () => {
    server.answers(answer(404, { errors: [] }));
    const error = await rejection(new Kv2(client(APPROLE)).metadata('kv/', 'a'));
    expect(error).toMatchObject({ kind: 'rejected', path: 'auth/approle/login', status: 404 });
  });

  test('logs in again after a 403 whose body a proxy replaced', async () => {
    const now = jest.spyOn(Date, 'now');
    try {
      server.answers(LOGIN, ok);
      const vault = client(APPROLE);
      await vault.read('kv/data/a', Body);
      now.mockReturnValue(Date.now() + 3_600_000);
      server.answers(answer(403, '<html>'), LOGIN, ok);
      await expect(vault.read('kv/data/a', Body)).resolves.toBeDefined();
      expect(server.requests).toHaveLength(3);
    } finally {
      now.mockRestore();
    }
  });

  test('does not repeat a login that is forbidden', async () => {
    server.answers(answer(403, { errors: ['permission denied'] }));
    await expect(client(APPROLE).read('kv/data/a', Body)).rejects.toThrow('permission denied');
    expect(server.requests).toHaveLength(1);
  });

  test('logs in again only when its token has ended', async () => {
    const denied = answer(403, { errors: ['permission denied'] });
    const vault = client(APPROLE);
    const now = jest.spyOn(Date, 'now');
    try {
      server.answers(LOGIN, denied);
      await expect(vault.read('kv/data/a', Body)).rejects.toThrow('permission denied');
      expect(server.requests).toHaveLength(2); // a young login: it is the policy

      now.mockReturnValue(Date.now() + 3_600_000);
      server.answers(denied, LOGIN, ok);
      await expect(vault.read('kv/data/a', Body)).resolves.toBeDefined();
      expect(server.requests).toHaveLength(3);
    } finally {
      now.mockRestore();
    }
  });
});

test('VaultClient logs in once after its token has ended, however many requests wait', async () => {
  let tokens = 0;
  let oldest = 1;
  const byToken: ReturnType<typeof answer> = (request, response) => {
    if (request.url?.endsWith('/login') === true) {
      tokens += 1;
      answer(200, { auth: { client_token: `token-${tokens}` } })(request, response);
      return;
    }
    const isAlive = Number(request.headers['x-vault-token']?.toString().replace('token-', '')) >= oldest;
    (isAlive ? ok : answer(403, { errors: ['permission denied'] }))(request, response);
  };
  server.answers(byToken);
  const vault = client(APPROLE);
  await vault.read('kv/data/a', Body);
  const now = jest.spyOn(Date, 'now');
  try {
    now.mockReturnValue(Date.now() + 3_600_000);
    oldest = 2;
    await Promise.all([...Array(20).keys()].map(() => vault.read('kv/data/a', Body)));
  } finally {
    now.mockRestore();
  }
  expect(tokens).toBe(2);
});

test('VaultClient ignores VAULT_TOKEN and VAULT_NAMESPACE', async () => {
  const foreign = {
    VAULT_TOKEN: 'other',
    VAULT_NAMESPACE: 'other',
    VAULT_PREFIX: '/other',
    DEBUG: 'node-vault',
  };
  const replaced = jest.replaceProperty(process, 'env', { ...process.env, ...foreign });
  server.answers(LOGIN, ok);
  await client(APPROLE).read('kv/data/a', Body);
  replaced.restore();
  expect(JSON.stringify(server.headers) + server.requests.join()).not.toContain('other');
});

test('VaultClient shows no token, secret id or value in an error', async () => {
  const echo = `${TOKEN} ${SECRET_ID} ${VALUE}`;
  const handlers = [reset, answer(200, echo), answer(400, echo), answer(404, echo), answer(204, echo)];
  for (const auth of [{ kind: 'token', token: TOKEN }, APPROLE] as const) {
    for (const handler of [...handlers, answer(200, { data: echo }), answer(500, { data: echo })]) {
      server.answers(handler);
      const error = await rejection(new Kv2(client(auth)).write('kv/', 'a', { password: VALUE }, 0));
      expect(error).toBeInstanceOf(VaultError);
      expect((error as VaultError).cause).toBeUndefined();
      expect(exposed(error)).not.toContain('4711');
    }
  }
  const badToken = await rejection(client({ kind: 'token', token: `${TOKEN}\n` }).read('kv/data/a', Body));
  expect(exposed(badToken)).not.toContain('4711');
});

test('VaultClient names the namespace in the login too', async () => {
  server.answers(LOGIN, ok);
  const made = new VaultClient({
    address: server.address,
    auth: APPROLE,
    namespace: 'team/a',
    concurrency: 1,
  });
  clients.push(made);
  await made.read('kv/data/a', Body);
  expect(server.requests[0]).toMatch(/\/v1\/auth\/approle\/login$/);
  expect(server.headers.map((headers) => headers['x-vault-namespace'])).toEqual(['team/a', 'team/a']);
});

describe('VaultClient names the namespace', () => {
  const made = (namespace: string, authNamespace?: string): Kv2 => {
    const one = new VaultClient({ address: server.address, auth: APPROLE, namespace, authNamespace });
    clients.push(one);
    return new Kv2(one);
  };
  const asked = async (vault: Kv2): Promise<(string | undefined)[]> => {
    const health = answer(200, { cluster_id: 'c', sealed: false });
    const lookup = answer(200, { data: { ttl: 0 } });
    server.answers(LOGIN, health, lookup, answer(200, { data: {} }), ok);
    await vault.clusterId();
    await vault.checkToken();
    await capabilitiesOf(vault.client, ['kv/data/a']);
    await vault.client.read('kv/data/a', Body);
    expect(server.requests.map((request) => request.replace(/\?.*/, ''))).toEqual([
      'POST /v1/auth/approle/login',
      'GET /v1/sys/health',
      'GET /v1/auth/token/lookup-self',
      'POST /v1/sys/capabilities-self',
      'GET /v1/kv/data/a',
    ]);
    return server.headers.map((headers) => headers['x-vault-namespace'] as string | undefined);
  };

  test('in every request but sys/health, which only the root answers', async () => {
    expect(await asked(made('team/a'))).toEqual(['team/a', undefined, 'team/a', 'team/a', 'team/a']);
    expect(await asked(made(''))).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  test('of the token in requests about the token', async () => {
    expect(await asked(made('team/a', ''))).toEqual([undefined, undefined, undefined, undefined, 'team/a']);
    expect(await asked(made('team/a', 'team'))).toEqual(['team', undefined, 'team', 'team', 'team/a']);
    expect(await asked(made('', 'team'))).toEqual(['team', undefined, 'team', 'team', undefined]);
  });
});

test('VaultClient names a namespace that a gateway adds to sys/health as the cause', async () => {
  server.answers(answer(400, { errors: ['operation unavailable in namespaces'] }));
  await expect(new Kv2(client()).clusterId()).rejects.toThrow(
    /a proxy or gateway in front of the Vault adds a namespace to sys\/health/,
  );
});

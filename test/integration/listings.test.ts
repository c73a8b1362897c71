import { randomBytes } from 'node:crypto';
import { VaultClient } from '../../src/vault/client';
import { VaultError } from '../../src/vault/errors';
import { PagedLister } from '../../src/vault/listing';
import { Kv2 } from '../../src/vault/kv2';
import {
  answerOf,
  BaoFront,
  headerRequired,
  pagedListings,
  refusal,
  type Behaviour,
  type FrontRequest,
} from '../support/bao-front';
import { rejection } from '../support/exposed';
import { findBao, startVaultDev, type VaultServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { onVault, whereBaoIs } from '../support/vault-kind';
import { VaultApi, type RootVault } from '../../dev/shared/vault-api';

/** A listing is complete or fails: on the server under test, behind the stand-in for OpenBao, and on a real OpenBao. */

const { origin } = sharedServers();
const mount = `kv-${randomBytes(4).toString('hex')}/`;
/** In the order of bytes, as the servers answer. */
const NAMES = ['A', 'a', 'b', 'c', 'f/', 'g', '\uFFFD', '😀'];
const LIMIT = 3;

const clients: VaultClient[] = [];
const fronts: BaoFront[] = [];
let bao: VaultServer | undefined;

async function fill(vault: RootVault): Promise<void> {
  const api = new VaultApi(vault);
  await api.mount(mount);
  for (const name of NAMES) await api.put(mount, name.endsWith('/') ? `${name}x` : name, { name });
}

beforeAll(async () => {
  await fill(origin);
  if (findBao() === undefined) return;
  bao = await startVaultDev({ kind: 'bao' });
  await fill(bao);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(fronts.map((front) => front.close()));
  await bao?.stop();
});

/** A client, and the query of each LIST that it sends. */
interface Watched {
  client: VaultClient;
  lists: string[];
}

async function watched(vault: RootVault, token: string, ...behaviours: Behaviour[]): Promise<Watched> {
  const lists: string[] = [];
  const seen: Behaviour = (request, pass) => {
    if (request.method === 'LIST') lists.push(decodeURIComponent(request.query.toString()));
    return pass(request);
  };
  const front = await BaoFront.before(vault.address, seen, ...behaviours);
  const client = new VaultClient({
    address: front.address,
    auth: { kind: 'token', token },
    namespace: '',
    concurrency: 4,
  });
  fronts.push(front);
  clients.push(client);
  return { client, lists };
}

const list = ({ client }: Watched, folder = ''): Promise<string[]> => new Kv2(client).list(mount, folder);

/** Lists the mount in pages of two names. */
const inPagesOfTwo = ({ client }: Watched): Promise<string[]> =>
  new PagedLister(client, 2).list(`${mount}metadata`, mount);

async function error(listing: Promise<string[]>): Promise<VaultError> {
  const thrown = await rejection(listing);
  expect(thrown).toBeInstanceOf(VaultError);
  return thrown as VaultError;
}

describe('Kv2.list', () => {
  test('reads a folder with one LIST at the server under test, also an empty one', async () => {
    const vault = await watched(origin, origin.rootToken);
    expect(await list(vault)).toEqual(NAMES);
    expect(await list(vault, 'none/')).toEqual([]);
    expect(vault.lists).toEqual(['limit=100000', 'limit=100000']);
  });

  onVault('an old Vault says nothing').test(
    'reads a folder with one LIST at a Vault that does not warn of parameters',
    async () => {
      const silent: Behaviour = (request, pass) => {
        request.query.delete('limit');
        return pass(request);
      };
      const vault = await watched(origin, origin.rootToken, silent);
      expect(await list(vault)).toEqual(NAMES);
      expect(await list(vault, 'none/')).toEqual([]);
      expect(vault.lists).toHaveLength(2);
    },
  );

  onVault('the stand-in').test(
    'reads a folder with one LIST at a server that pages, without a limit in the policy',
    async () => {
      const vault = await watched(origin, origin.rootToken, pagedListings());
      expect(await list(vault)).toEqual(NAMES);
      expect(await list(vault, 'none/')).toEqual([]);
      expect(vault.lists).toHaveLength(2);
    },
  );
});

/** The queries of a listing in several pages. */
const IN_PAGES_OF_TWO = [
  'limit=2',
  'after=a&limit=2',
  'after=c&limit=2',
  'after=g&limit=2',
  'after=😀&limit=2',
];
const UP_TO_THE_END = [
  'limit=100000',
  'limit=max',
  'after=b&limit=max',
  'after=g&limit=max',
  'after=😀&limit=max',
  // The client has learnt that the policy refuses a higher number.
  'limit=max',
];

onVault('the stand-in').describe('behind the stand-in for OpenBao,', () => {
  test('PagedLister reads a folder page by page, in the order of bytes', async () => {
    const vault = await watched(origin, origin.rootToken, pagedListings());
    expect(await inPagesOfTwo(vault)).toEqual(NAMES);
    expect(vault.lists).toEqual(IN_PAGES_OF_TWO);
  });

  test('Kv2.list returns every name under a policy with a smaller limit, and does not ask for more again', async () => {
    const vault = await watched(origin, origin.rootToken, pagedListings({ limit: LIMIT }));
    const kv = new Kv2(vault.client);
    expect(await kv.list(mount, '')).toEqual(NAMES);
    expect(await kv.list(mount, 'none/')).toEqual([]);
    expect(vault.lists).toEqual(UP_TO_THE_END);
  });

  test.each([
    ['a 403', 'forbidden', refusal(403, 'permission denied')],
    ['a 400', 'rejected', refusal(400, 'no')],
    ['a foreign page', 'malformed', answerOf(200, { data: {} })],
  ])('Kv2.list fails for the whole folder if one page is answered with %s', async (_what, kind, answer) => {
    const third: Behaviour = (request, pass) =>
      request.query.get('after') === 'g' ? Promise.resolve(answer) : pass(request);
    const vault = await watched(origin, origin.rootToken, third, pagedListings({ limit: LIMIT }));
    expect(await error(list(vault))).toMatchObject({ kind, path: `${mount}metadata` });
  });

  test('PagedLister does not take a listing for complete if its next page begins anew', async () => {
    const forgets: Behaviour = (request: FrontRequest, pass) => {
      request.query.delete('after');
      return pass(request);
    };
    const vault = await watched(origin, origin.rootToken, forgets, pagedListings());
    const { kind, message } = await error(inPagesOfTwo(vault));
    expect(kind).toBe('malformed');
    expect(message).toContain('may be incomplete');
  });

  test('VaultClient sends the header that agents demand with each request', async () => {
    const vault = await watched(origin, origin.rootToken, headerRequired());
    const kv = new Kv2(vault.client);
    expect(await kv.list(mount, '')).toEqual(NAMES);
    expect((await kv.data(mount, 'a'))?.live).toBe(true);
    expect(await kv.write(mount, 'new', { x: 1 }, 0)).toMatchObject({ version: 1 });
    await kv.client.delete(`${mount}metadata/new`);
    expect(await kv.clusterId()).not.toBe('');
  });
});

onVault('Vault does not page').test(
  'Kv2.list asks for a forbidden folder once at a Vault that showed that it does not page',
  async () => {
    const api = new VaultApi(origin);
    const policy = `path "${mount}metadata/" { capabilities = ["list"] }`;
    const vault = await watched(origin, await api.tokenFor(`list-${mount.slice(3, -1)}`, policy));
    const kv = new Kv2(vault.client);
    await kv.list(mount, '');
    expect((await error(kv.list(mount, 'f/'))).kind).toBe('forbidden');
    expect(vault.lists).toEqual(['limit=100000', 'limit=100000']);
  },
);

whereBaoIs.describe('on a real OpenBao,', () => {
  test('Kv2.list reads a folder with one LIST, and PagedLister reads pages in the order of bytes', async () => {
    const real = bao as VaultServer;
    const vault = await watched(real, real.rootToken);
    expect(await list(vault)).toEqual(NAMES);
    expect(await list(vault, 'none/')).toEqual([]);
    expect(vault.lists).toEqual(['limit=100000', 'limit=100000']);
    vault.lists.length = 0;
    expect(await inPagesOfTwo(vault)).toEqual(NAMES);
    expect(vault.lists).toEqual(IN_PAGES_OF_TWO);
  });

  test('Kv2.list returns every name under a policy with pagination_limit', async () => {
    const real = bao as VaultServer;
    const policy = `path "${mount}metadata/*" { capabilities = ["list"]\n pagination_limit = ${LIMIT} }`;
    const vault = await watched(real, await new VaultApi(real).tokenFor('limited', policy));
    const kv = new Kv2(vault.client);
    expect(await kv.list(mount, '')).toEqual(NAMES);
    expect(await kv.list(mount, 'none/')).toEqual([]);
    expect(vault.lists).toEqual(UP_TO_THE_END);
  });

  test('Kv2.list reports a folder that the policy forbids as forbidden', async () => {
    const real = bao as VaultServer;
    const policy = `path "${mount}metadata/f/*" { capabilities = ["list"] }`;
    const vault = await watched(real, await new VaultApi(real).tokenFor('elsewhere', policy));
    expect((await error(list(vault))).kind).toBe('forbidden');
    expect(vault.lists).toEqual(['limit=100000', 'limit=max']);
  });
});

import { randomBytes } from 'node:crypto';
import {
  BaoFront,
  detailedListings,
  headerRequired,
  healthOfBao,
  metadataCas,
  movingTimes,
  pagedListings,
  type Behaviour,
} from '../support/bao-front';
import { findBao, startVaultDev, type VaultServer } from '../../dev/servers/start';
import { onVault, whereBaoIs } from '../support/vault-kind';
import { sharedServers } from '../support/shared-servers';

/**
 * The stand-in for OpenBao answers as the real one does. Both hold the same conversations, and each conversation has
 * one expected transcript. Where OpenBao is not installed, only the stand-in is asked.
 */

interface Server {
  address: string;
  rootToken: string;
}

interface Asked {
  method?: string;
  token?: string;
  namespace?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

interface Answer {
  status: number;
  body: { data?: Record<string, unknown>; errors?: string[] } & Record<string, unknown>;
}

/** Sends a request as curl does, with only the given headers. */
async function ask({ address, rootToken }: Server, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', token = rootToken, namespace, headers = {}, body } = asked;
  const response = await fetch(`${address}/v1/${path}`, {
    method,
    headers: {
      'X-Vault-Token': token,
      ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }),
      ...headers,
      ...(method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] };
}

const mount = `kv-${randomBytes(4).toString('hex')}`;
let bao: VaultServer | undefined;

beforeAll(async () => {
  if (findBao() !== undefined) bao = await startVaultDev({ kind: 'bao' });
});
afterAll(() => bao?.stop());

/** Names that the policy of {@link limitedToken} denies. */
const hidden = (path: string): boolean => /\/dark\/h/.test(path);

/** Runs a conversation with the stand-in, and with the real OpenBao where it is installed. */
function conversation(
  title: string,
  behaviours: (server: Server) => Behaviour[],
  talk: (server: Server) => Promise<unknown>,
  expected: unknown,
): void {
  onVault('the stand-in runs in front of a Vault').test(`the stand-in for OpenBao ${title}`, async () => {
    const vault = sharedServers().origin;
    const front = await BaoFront.before(vault.address, ...behaviours(vault));
    try {
      expect(await talk({ address: front.address, rootToken: vault.rootToken })).toEqual(expected);
    } finally {
      await front.close();
    }
  });
  whereBaoIs.test(`OpenBao ${title}`, async () => {
    expect(bao && (await talk(bao))).toEqual(expected);
  });
}

async function mounted(server: Server, name: string): Promise<string> {
  const path = `${mount}-${name}`;
  await ask(server, `sys/mounts/${path}`, {
    method: 'POST',
    body: { type: 'kv', options: { version: '2' } },
  });
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await ask(server, `${path}/config`)).status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return path;
}

const statusAndErrors = ({ status, body }: Answer): unknown => [status, body.errors];

conversation(
  'refuses sys/health in a namespace, and has no `enterprise` in its answer elsewhere',
  () => [healthOfBao()],
  async (server) => {
    const outside = await ask(server, 'sys/health');
    return [
      statusAndErrors(await ask(server, 'sys/health', { namespace: 'team' })),
      statusAndErrors(await ask(server, 'sys/health?standbyok=true', { namespace: 'root' })),
      outside.status,
      'enterprise' in outside.body,
      outside.body['version'],
    ];
  },
  [
    [400, ['operation unavailable in namespaces']],
    [400, ['operation unavailable in namespaces']],
    200,
    false,
    '2.6.2',
  ],
);

conversation(
  'moves updated_time with metadata writes and data writes, and with nothing else',
  () => [movingTimes()],
  async (server) => {
    const kv = await mounted(server, 'times');
    const times = async (): Promise<[updated: string, created: string]> => {
      const { body } = await ask(server, `${kv}/metadata/a/b`);
      const { updated_time, current_version, versions } = body.data as {
        updated_time: string;
        current_version: number;
        versions: Record<string, { created_time: string }>;
      };
      return [updated_time, versions[current_version]?.created_time ?? ''];
    };
    const steps: [method: string, path: string, body: unknown][] = [
      ['POST', 'data/a/b', { data: { x: 1 } }],
      ['POST', 'metadata/a/b', { max_versions: 3 }],
      ['PATCH', 'metadata/a/b', { custom_metadata: { owner: 'me' } }],
      ['POST', 'data/a/b', { data: { x: 2 } }],
      ['POST', 'delete/a/b', { versions: [2] }],
      ['POST', 'undelete/a/b', { versions: [2] }],
    ];
    const seen: unknown[] = [];
    let before = '';
    for (const [method, path, body] of steps) {
      await ask(server, `${kv}/${path}`, { method, body });
      const [updated, created] = await times();
      seen.push([
        path.slice(0, 4),
        updated > before ? 'moved' : 'same',
        updated === created ? 'equal' : 'later',
      ]);
      before = updated;
    }
    return seen;
  },
  [
    ['data', 'moved', 'equal'],
    ['meta', 'moved', 'later'],
    ['meta', 'moved', 'later'],
    ['data', 'moved', 'equal'],
    ['dele', 'same', 'equal'],
    ['unde', 'same', 'equal'],
  ],
);

/** A token whose policy has a `pagination_limit` of 3. Vault refuses such a policy, and gets it without the limit. */
async function limitedToken(server: Server, kv: string, extra = ''): Promise<string> {
  const policy = (limit: string): string =>
    `path "${kv}/*" { capabilities = ["read", "list"]\n ${limit} }\npath "${kv}/metadata/dark/h*" { capabilities = ["deny"] }`;
  const put = (text: string): Promise<Answer> =>
    ask(server, `sys/policies/acl/${kv}`, { method: 'PUT', body: { policy: text } });
  if ((await put(policy(`pagination_limit = 3\n ${extra}`))).status >= 300) await put(policy(''));
  const made = await ask(server, 'auth/token/create', { method: 'POST', body: { policies: [kv] } });
  return (made.body['auth'] as { client_token: string }).client_token;
}

/** Lists as curl does with `?list=true`. */
async function list(
  server: Server,
  path: string,
  token: string | undefined,
  query: string,
): Promise<unknown> {
  const asked = token === undefined ? {} : { token };
  const { status, body } = await ask(server, `${path}?${query}${query === '' ? '' : '&'}list=true`, asked);
  return body.data === undefined ? [status, body.errors] : [status, body.data['keys']];
}

const DENIED = ['1 error occurred:\n\t* permission denied\n\n'];

conversation(
  'cuts listings at the limit of a policy, and pages them',
  ({ rootToken }) => [pagedListings({ limit: 3, rootToken, hidden })],
  async (server) => {
    const kv = await mounted(server, 'pages');
    for (const name of ['é', 'a', 'B', 'sub/x', 'b', 'dark/h1', 'dark/h2', 'dark/h3', 'dark/k'])
      await ask(server, `${kv}/data/${encodeURIComponent(name).replace('%2F', '/')}`, {
        method: 'POST',
        body: { data: {} },
      });
    const token = await limitedToken(
      server,
      kv,
      'list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}"',
    );
    const of = (query: string, folder = ''): Promise<unknown> =>
      list(server, `${kv}/metadata/${folder}`, token, query);
    const asRoot = (query: string): Promise<unknown> => list(server, `${kv}/metadata/`, undefined, query);
    return {
      plain: await of(''),
      number: await of('limit=2'),
      most: await of('limit=3'),
      above: await of('limit=4'),
      below: await of('limit=-1'),
      max: await of('limit=max'),
      zero: await of('limit=0'),
      word: await of('limit=all'),
      next: await of('after=b&limit=3'),
      betweenNames: await of('after=c&limit=max'),
      end: await of(`after=${encodeURIComponent('é')}&limit=max`),
      noFolder: await of('limit=3', 'none/'),
      hiddenPage: await of('limit=3', 'dark/'),
      afterHiddenPage: await of('after=h3&limit=3', 'dark/'),
      root: await asRoot(''),
      rootLimited: await asRoot('limit=2'),
      rootNext: await asRoot('after=sub/&limit=100'),
      rootMax: await asRoot('limit=max'),
    };
  },
  {
    plain: [200, ['B', 'a', 'b']],
    number: [200, ['B', 'a']],
    most: [200, ['B', 'a', 'b']],
    above: [403, DENIED],
    below: [403, DENIED],
    max: [200, ['B', 'a', 'b']],
    zero: [200, ['B', 'a', 'b']],
    word: [403, DENIED],
    next: [200, ['dark/', 'sub/', 'é']],
    betweenNames: [200, ['dark/', 'sub/', 'é']],
    end: [404, []],
    noFolder: [404, []],
    hiddenPage: [404, []],
    afterHiddenPage: [200, ['k']],
    root: [200, ['B', 'a', 'b', 'dark/', 'sub/', 'é']],
    rootLimited: [200, ['B', 'a']],
    rootNext: [200, ['é']],
    rootMax: [
      400,
      [
        "Field validation failed: error converting input for field \"limit\": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
      ],
    ],
  },
);

/** What a detailed listing answers: each name with the current version in its metadata. */
async function listDetailed(server: Server, path: string, token?: string): Promise<unknown> {
  const { status, body } = await ask(server, path, { method: 'LIST', ...(token !== undefined && { token }) });
  if (body.data === undefined) return [status, body.errors];
  const { keys, key_info: info } = body.data as { keys: string[]; key_info: Record<string, object> };
  return [status, keys.map((key) => [key, (info[key] as { current_version?: number }).current_version])];
}

conversation(
  'lists the metadata of a folder, in pages, under a policy of its own',
  ({ rootToken }) => [detailedListings({ rootToken })],
  async (server) => {
    const kv = await mounted(server, 'detailed');
    for (const name of ['a', 'a', 'b/c', 'foo', 'foo/x', 'gone'])
      await ask(server, `${kv}/data/${name}`, { method: 'POST', body: { data: {} } });
    await ask(server, `${kv}/data/gone`, { method: 'DELETE' });
    await ask(server, `${kv}/metadata/empty`, { method: 'POST', body: { max_versions: 2 } });
    const tokenFor = async (name: string, policy: string): Promise<string> => {
      await ask(server, `sys/policies/acl/${kv}-${name}`, { method: 'PUT', body: { policy } });
      const body = { policies: [`${kv}-${name}`] };
      const made = await ask(server, 'auth/token/create', { method: 'POST', body });
      return (made.body['auth'] as { client_token: string }).client_token;
    };
    const plain = `path "${kv}/metadata/*" { capabilities = ["read", "list"] }`;
    const whole = `${plain}\npath "${kv}/detailed-metadata/*" { capabilities = ["list"] }`;
    const may = await tokenFor('may', whole);
    const mayNot = await tokenFor('may-not', plain);
    const { body } = await ask(server, `${kv}/detailed-metadata/`, { method: 'LIST' });
    const info = (body.data as { key_info: Record<string, Record<string, unknown>> }).key_info;
    const single = await ask(server, `${kv}/metadata/gone`);
    return {
      root: await listDetailed(server, `${kv}/detailed-metadata/`, may),
      without: await listDetailed(server, `${kv}/detailed-metadata`, may),
      page: await listDetailed(server, `${kv}/detailed-metadata/?limit=2`, may),
      next: await listDetailed(server, `${kv}/detailed-metadata/?after=b/&limit=2`, may),
      end: await listDetailed(server, `${kv}/detailed-metadata/?after=gone&limit=2`, may),
      folder: await listDetailed(server, `${kv}/detailed-metadata/b/`, may),
      none: await listDetailed(server, `${kv}/detailed-metadata/none/`, may),
      denied: await listDetailed(server, `${kv}/detailed-metadata/`, mayNot),
      isSameAsSingle: JSON.stringify(info['gone']) === JSON.stringify(single.body.data),
      isOfTheSecret: JSON.stringify(info['foo/']) === JSON.stringify(info['foo']),
    };
  },
  {
    root: [
      200,
      [
        ['a', 2],
        ['b/', undefined],
        ['empty', 0],
        ['foo', 1],
        ['foo/', 1],
        ['gone', 1],
      ],
    ],
    without: [
      200,
      [
        ['a', 2],
        ['b/', undefined],
        ['empty', 0],
        ['foo', 1],
        ['foo/', 1],
        ['gone', 1],
      ],
    ],
    page: [
      200,
      [
        ['a', 2],
        ['b/', undefined],
      ],
    ],
    next: [
      200,
      [
        ['empty', 0],
        ['foo', 1],
      ],
    ],
    end: [404, []],
    folder: [200, [['c', 1]]],
    none: [404, []],
    denied: [403, DENIED],
    isSameAsSingle: true,
    isOfTheSecret: true,
  },
);

conversation(
  'demands metadata_cas, the version of the metadata that was read, where the mount or the key requires it',
  () => [metadataCas()],
  async (server) => {
    const kv = await mounted(server, 'cas');
    const seen: unknown[] = [];
    const write = async (secret: string, body: unknown, method = 'POST'): Promise<void> => {
      seen.push(statusAndErrors(await ask(server, `${kv}/metadata/${secret}`, { method, body })));
    };
    const version = async (secret: string): Promise<void> => {
      const { body } = await ask(server, `${kv}/metadata/${secret}`);
      seen.push([body.data?.['current_metadata_version'], body.data?.['metadata_cas_required']]);
    };
    await ask(server, `${kv}/data/a`, { method: 'POST', body: { data: {} } });
    await version('a');
    await write('a', { max_versions: 1 });
    await version('a');
    await write('a', { max_versions: 2, metadata_cas: 0 });
    await write('a', { max_versions: 2, metadata_cas: 1, metadata_cas_required: true });
    await write('a', { max_versions: 3 });
    await write('a', { custom_metadata: { x: 'y' } }, 'PATCH');
    await write('a', { custom_metadata: { x: 'y' }, metadata_cas: 2 }, 'PATCH');
    await version('a');
    await ask(server, `${kv}/config`, { method: 'POST', body: { metadata_cas_required: true } });
    seen.push((await ask(server, `${kv}/config`)).body.data?.['metadata_cas_required']);
    await ask(server, `${kv}/data/b`, { method: 'POST', body: { data: {} } });
    await write('b', { max_versions: 1 });
    await write('b', { max_versions: 1, metadata_cas: 0 });
    await write('new', { max_versions: 1, metadata_cas: 1 });
    await write('new', { max_versions: 1, metadata_cas: 0 });
    await version('new');
    return seen;
  },
  [
    [0, false],
    [204, undefined],
    [1, false],
    [400, ['metadata check-and-set parameter does not match the current version']],
    [204, undefined],
    [400, ['metadata check-and-set parameter required for this call']],
    [400, ['metadata check-and-set parameter required for this call']],
    [204, undefined],
    [3, true],
    true,
    [400, ['metadata check-and-set parameter required for this call']],
    [204, undefined],
    [400, ['metadata_cas must be 0 when creating new metadata']],
    [204, undefined],
    [1, false],
  ],
);

onVault('both have the same agent').test(
  'the stand-in for an agent refuses a request without X-Vault-Request',
  async () => {
    const vault = sharedServers().origin;
    const front = await BaoFront.before(vault.address, headerRequired());
    const server = { ...vault, address: front.address };
    try {
      expect(statusAndErrors(await ask(server, 'sys/health'))).toEqual([
        412,
        ['missing "X-Vault-Request" header'],
      ]);
      expect(await ask(server, 'sys/health', { headers: { 'X-Vault-Request': 'true' } })).toMatchObject({
        status: 200,
      });
    } finally {
      await front.close();
    }
  },
);

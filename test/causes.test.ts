import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { ConsulStore } from '../src/consul/client';
import { ConsulError } from '../src/consul/errors';
import { describeNetworkError } from '../src/network/explain';
import type { TlsFiles } from '../src/tls';
import { VaultClient, type VaultAuth } from '../src/vault/client';
import { VaultError } from '../src/vault/errors';
import { Kv2 } from '../src/vault/kv2';
import { makeCertificates, type Certificates } from './support/certificates';
import { exposed, rejection } from './support/exposed';
import { portOf } from '../dev/shared/sockets';
import { answer, reset, TinyServer } from './support/tiny-server';

/**
 * What a user reads for each cause: the message names the layer that failed, and what to do there. The answers are
 * those of real servers, proxies and gateways; test/integration/causes.test.ts has the causes that the real servers
 * can be made to have.
 */

type Server = 'Vault' | 'Consul';
/** Where the request goes, and what differs from the defaults. */
interface Asked extends TlsFiles {
  address: string;
  auth?: VaultAuth;
  namespace?: string;
}

const TOKEN: VaultAuth = { kind: 'token', token: 'token-4711' };
const APPROLE: VaultAuth = { kind: 'approle', path: 'approle', roleId: 'r', secretId: 'secret-4711' };
const PAGE = '<html>planted-4711</html>';
const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-causes-'));
let certificates: Certificates;
let http: TinyServer;
/** Speaks TLS with the certificate of `certificates`, and answers nothing. */
let secure: tls.Server;
/** Sends one line that is not HTTP. */
let banner: net.Server;

beforeAll(async () => {
  certificates = await makeCertificates(folder);
  http = await TinyServer.start();
  const { certFile, keyFile } = certificates.server;
  secure = tls.createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  secure.on('tlsClientError', () => undefined);
  banner = net.createServer((socket) =>
    socket.on('error', () => undefined).end('220 mail.example.com ESMTP\r\n'),
  );
  for (const server of [secure, banner])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await http.close();
  for (const server of [secure, banner]) server.close();
  rmSync(folder, { recursive: true });
});

/** The message of one request that reads; no part of the error may show a secret or a foreign page. */
async function messageOf(server: Server, asked: Asked): Promise<string> {
  const error = await (server === 'Vault' ? askVault(asked) : askConsul(asked));
  expect(error).toBeInstanceOf(server === 'Vault' ? VaultError : ConsulError);
  expect(exposed(error)).not.toContain('4711');
  return `${(error as VaultError | ConsulError).kind}: ${(error as Error).message}`;
}

async function askVault({ auth = TOKEN, namespace = '', ...rest }: Asked): Promise<unknown> {
  const client = new VaultClient({ auth, namespace, concurrency: 1, ...rest });
  try {
    // A write, because what reads is repeated.
    return await rejection(new Kv2(client).write('kv/', 'a', {}, 0));
  } finally {
    await client.close();
  }
}

async function askConsul({ address, ...files }: Asked): Promise<unknown> {
  const store = new ConsulStore({ address, token: 'token-4711', ...files });
  try {
    return await rejection(store.commit([{ key: 'k', value: Buffer.from('v'), expect: 0 }]));
  } finally {
    store.close();
  }
}

const errors = (...texts: string[]): object => ({ errors: texts });

describe('an answer', () => {
  type Row = [
    cause: string,
    server: Server,
    handler: ReturnType<typeof answer>,
    words: RegExp,
    asked?: Partial<Asked>,
  ];

  test.each<Row>([
    [
      'of a port for TLS to http',
      'Vault',
      answer(400, 'Client sent an HTTP request to an HTTPS server.\n'),
      /^malformed: .*it speaks TLS there \(400\): write the address with https:\/\//,
    ],
    [
      'of a port for TLS to http',
      'Consul',
      answer(400, 'Client sent an HTTP request to an HTTPS server.\n'),
      /^malformed: .*it speaks TLS there \(400\): write the address with https:\/\//,
    ],
    [
      "of nginx's port for TLS to http",
      'Vault',
      answer(400, '<html>The plain HTTP request was sent to HTTPS port</html>'),
      /^malformed: .*it speaks TLS there \(400\)/,
    ],
    [
      'of a firewall (WAF) with a page',
      'Vault',
      answer(403, PAGE),
      /^malformed: .*a firewall \(WAF\), proxy or gateway in between refuses the request: check its log.* \(403\)/,
    ],
    [
      'of a firewall (WAF) with a page',
      'Consul',
      answer(403, PAGE),
      /^malformed: .*a firewall \(WAF\), proxy or gateway in between refuses the request: check its log.* \(403\)/,
    ],
    [
      'of a gateway that asks for a login',
      'Vault',
      answer(401, PAGE),
      /^malformed: .*gateway in between asks for a login of its own.*\(401\)/,
    ],
    [
      'of a gateway that asks for a login',
      'Consul',
      answer(401, PAGE),
      /^malformed: .*gateway in between asks for a login of its own.*\(401\)/,
    ],
    [
      'of a proxy that asks for a login',
      'Vault',
      answer(407, PAGE),
      /^malformed: .*a proxy in between asks for a login of its own.*without that proxy \(407\)/,
    ],
    [
      'of a proxy that asks for a login',
      'Consul',
      answer(407, PAGE),
      /^malformed: .*a proxy in between asks for a login of its own.*without that proxy \(407\)/,
    ],
    [
      'of a proxy whose server is down',
      'Vault',
      answer(502, PAGE),
      /^unavailable: .*a proxy or load balancer in between cannot reach the Vault \(502\): check its log/,
    ],
    [
      'of a proxy whose server is down',
      'Consul',
      answer(502, PAGE),
      /^unavailable: .*a proxy or load balancer in between cannot reach the Consul \(502\): check its log/,
    ],
    [
      'of a proxy that waited in vain',
      'Vault',
      answer(504, ''),
      /^unavailable: .*a proxy or load balancer in between cannot reach the Vault \(504\)/,
    ],
    [
      'of a gateway that does not know the method',
      'Vault',
      answer(501, PAGE),
      /^malformed: .*does not know the method.*LIST pass there \(501\)/,
    ],
    [
      'of a login page, as a redirect',
      'Vault',
      answer(302, '', { location: '/login' }),
      /^malformed: .*it redirects \(302\), as a login page or a proxy in between does/,
    ],
    [
      'of a login page, as a redirect',
      'Consul',
      answer(302, '', { location: '/login' }),
      /^malformed: .*it redirects \(302\), as a login page or a proxy in between does/,
    ],
    [
      'of a login page, as a success',
      'Vault',
      answer(200, PAGE),
      /^malformed: .*not in the form that Vault sends; is this the address of a Vault, or a proxy or a login page in between\?/,
    ],
    [
      'of a login page, as a success',
      'Consul',
      answer(200, PAGE, { 'content-type': 'text/html' }),
      /^malformed: .*not in the form that Consul sends; is this the address of a Consul agent, or a proxy or a login page in between\?/,
    ],
    [
      'to an address that ends in /v1',
      'Vault',
      answer(404, errors('no handler for route "v1/kv/data/a". route entry not found.')),
      /^no-mount: .*the address ends in \/v1: vsync adds \/v1\/ itself, so remove it/,
      { address: '/v1' },
    ],
    [
      'to an address that ends in /v1',
      'Consul',
      answer(404, 'Invalid URL path: not a recognized HTTP API endpoint'),
      /^malformed: .*the address ends in \/v1: vsync adds \/v1\/ itself, so remove it/,
      { address: '/v1' },
    ],
    [
      'to the address of the web UI',
      'Vault',
      answer(200, PAGE),
      /^malformed: .*the address ends in \/ui\/vault: vsync adds \/v1\/ itself, so remove it/,
      { address: '/ui/vault' },
    ],
    [
      'to an address with another path',
      'Vault',
      answer(404, PAGE),
      /^malformed: .*the address ends in \/vault: is that path right\?/,
      { address: '/vault' },
    ],
    [
      'of Vault Enterprise for a namespace that is not there',
      'Vault',
      answer(404, errors('no handler for route "team/kv/data/a". route entry not found.')),
      /^no-mount: .*check the mounts in the configuration; does the namespace team exist there\?/,
      { namespace: 'team' },
    ],
    [
      'of Vault Enterprise to a login in a namespace that is not there',
      'Vault',
      answer(403, errors('permission denied')),
      /^forbidden: .*the login was refused \(403: permission denied\); check that this auth method exists \(approle.path\), and the namespace team/,
      { namespace: 'team', auth: APPROLE },
    ],
    [
      'that demands a second factor at the login',
      'Vault',
      answer(200, { auth: { client_token: '', mfa_requirement: { mfa_request_id: 'x' } } }),
      /^rejected: .*the login asks for a second factor \(MFA\), which a worker cannot give/,
      { auth: APPROLE },
    ],
    [
      'that does not know the role id or the secret id',
      'Vault',
      answer(400, errors('invalid role or secret ID')),
      /^rejected: .*the login was refused \(400: invalid role or secret ID\); check approle.role_id and approle.secret_id/,
      { auth: APPROLE },
    ],
    [
      'that does not know the token',
      'Vault',
      answer(403, errors('2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n')),
      /^forbidden: .*permission denied \(403.*check the token: this Vault does not know it/,
    ],
    [
      'of a policy that lacks something',
      'Vault',
      answer(403, errors('1 error occurred:\n\t* permission denied\n\n')),
      /^forbidden: .*permission denied \(403.*check the token and its policies$/,
    ],
    [
      'that does not know the token',
      'Consul',
      answer(403, 'ACL not found'),
      /^forbidden: .*this Consul does not know the token \(403, ACL not found\)/,
    ],
    [
      'of rules that lack something',
      'Consul',
      answer(403, "Permission denied: token with AccessorID 'x' lacks permission 'key:read' on \"k\""),
      /^forbidden: .*permission denied \(403\); check .* the Consul token and its policy$/,
    ],
    [
      'without a leader',
      'Consul',
      answer(500, 'No cluster leader'),
      /^unavailable: .*Consul has no leader \(500\)/,
    ],
  ])('%s (%s)', async (_cause, server, handler, words, { address: place = '', ...asked } = {}) => {
    http.answers(handler);
    expect(await messageOf(server, { address: http.address + place, ...asked })).toMatch(words);
  });
});

test.each([
  [
    501,
    { initialized: false, sealed: true, standby: true },
    'the Vault is not initialised (501): run vault operator init',
  ],
  [
    472,
    { initialized: true, sealed: false, standby: true },
    'the Vault is a disaster recovery secondary (472)',
  ],
])('a Vault that serves nothing (%i) is named by its health', async (status, health, words) => {
  http.answers(answer(status, health));
  const client = new VaultClient({ address: http.address, auth: TOKEN, namespace: '', concurrency: 1 });
  const error = await rejection(new Kv2(client).clusterId());
  await client.close();
  expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(words) as string });
});

// Consul's share this code, and are tried on the built command: within jest its package loses Node's codes.
describe('no answer (Vault)', () => {
  const httpOf = (server: net.Server): string => `http://127.0.0.1:${portOf(server)}`;
  const httpsOf = (server: net.Server): string => `https://127.0.0.1:${portOf(server)}`;
  type Row = [cause: string, asked: () => Asked, words: RegExp];

  test.each<Row>([
    [
      'https to a port for http',
      () => ({ address: http.address.replace('http:', 'https:') }),
      /it does not speak TLS there: is the address one with http:\/\//,
    ],
    [
      'an unknown authority',
      () => ({ address: httpsOf(secure) }),
      /its certificate is not trusted \(\w+\); set \w+\.caFile to the authority that signed it/,
    ],
    [
      'a wrong server name',
      () => ({ address: httpsOf(secure), caFile: certificates.caFile }),
      /its certificate is for another name .*serverName/,
    ],
    ['nothing that listens', () => ({ address: 'http://127.0.0.1:1' }), /connection refused: is it running/],
    [
      'an unknown host',
      () => ({ address: 'http://not-there.invalid:8200' }),
      /the host name cannot be resolved/,
    ],
    [
      'another protocol',
      () => ({ address: httpOf(banner) }),
      /it does not speak HTTP there \(HPE_\w+\): is this the address and the port of a/,
    ],
  ])('%s', async (_cause, asked, words) => {
    expect(await messageOf('Vault', asked())).toMatch(words);
  });

  test('a connection that is closed', async () => {
    http.answers(reset);
    const message = await messageOf('Vault', { address: http.address });
    expect(message).toMatch(
      /the connection was closed in the middle of the answer: check the log of the .*proxy or firewall/,
    );
    expect(message).toContain('or it speaks TLS there');
  });
});

describe('a code of Node, undici, llhttp or OpenSSL', () => {
  const reached = { what: 'Vault', section: 'vault', tls: true };

  test.each([
    ['EAI_AGAIN', 'the DNS of this machine'],
    ['EHOSTUNREACH', 'no route to it'],
    ['ENETUNREACH', 'no route to it'],
    ['ETIMEDOUT', 'check the address and the firewall'],
    ['EACCES', 'this machine does not let vsync connect'],
    ['EMFILE', 'limit of open files'],
    ['UND_ERR_HEADERS_OVERFLOW', 'the headers of the answer are too large'],
    ['HPE_INVALID_VERSION', 'it does not speak HTTP there'],
    ['CERT_HAS_EXPIRED', 'renew it at the server, or correct the clock'],
    ['CERT_NOT_YET_VALID', 'correct the clock'],
    ['CERT_SIGNATURE_FAILURE', 'vault.caFile'],
    ['INVALID_PURPOSE', 'serverAuth'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'TLS 1.2 or later'],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'vault.serverName'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'vault.certFile'],
    ['ERR_SSL_EE_KEY_TOO_SMALL', 'too weak'],
  ])('%s: "…%s…"', (code, words) => {
    expect(describeNetworkError(code, reached)).toContain(words);
  });

  test('that is not known says nothing', () => {
    expect(describeNetworkError('ERR_OTHER', reached)).toBeUndefined();
    expect(describeNetworkError(undefined, reached)).toBeUndefined();
  });
});

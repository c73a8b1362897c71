import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConsulStore } from '../../src/consul/client';
import type { TlsFiles } from '../../src/tls';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { makeCertificates, type Certificates } from '../support/certificates';
import { ConsulAcl } from '../support/consul-acl';
import { rejection } from '../support/exposed';
import { baoPath, serverPaths, startConsul, vaultKind, type ConsulServer } from '../../dev/servers/start';
import { consulArguments } from '../../dev/servers/start/arguments';
import { launchInFolder, type LaunchedServer } from '../../dev/servers/start/launch';
import { raftNode } from '../../dev/servers/start/vault-raft';
import { sharedServers } from '../support/shared-servers';

/** Messages for causes that a real server can produce. test/causes.test.ts has the others. */

const { origin } = sharedServers();
const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-causes-'));
const managementToken = randomUUID();
let certificates: Certificates;
let other: Certificates;
let consul: ConsulServer;
let secureVault: LaunchedServer;
let secureConsul: LaunchedServer;
let empty: LaunchedServer;

beforeAll(async () => {
  certificates = await makeCertificates(folder);
  other = await makeCertificates(mkdtempSync(path.join(folder, 'other-')));
  const { certFile, keyFile } = certificates.server;
  const paths = await serverPaths();
  const listener = { tls_cert_file: certFile, tls_key_file: keyFile };
  const withTls = path.join(folder, 'vault.json');
  [consul, secureVault, secureConsul, empty] = await Promise.all([
    startConsul({ managementToken }),
    launchInFolder(
      {},
      {
        name: 'vault-with-tls',
        command: vaultKind() === 'bao' ? baoPath() : paths.vault,
        portCount: 2,
        args: ([port = 0, clusterPort = 0]) => {
          const tcp = {
            address: `127.0.0.1:${port}`,
            cluster_address: `127.0.0.1:${clusterPort}`,
            ...listener,
          };
          const rest = vaultKind() === 'vault' ? { disable_mlock: true } : {};
          writeFileSync(withTls, JSON.stringify({ storage: { inmem: {} }, listener: [{ tcp }], ...rest }));
          return ['server', `-config=${withTls}`, '-log-level=warn'];
        },
        healthy: isListening,
      },
    ),
    launchInFolder(
      {},
      {
        name: 'consul-with-tls',
        command: paths.consul,
        portCount: 4,
        args: ([httpPort = 0, serfPort = 0, serverPort = 0, httpsPort = 0]) => [
          ...consulArguments({ clientIp: '127.0.0.1', nodeName: 'secure', httpPort, serfPort, serverPort }),
          '-hcl',
          `ports { https = ${httpsPort} } tls { https { cert_file = "${certFile}" key_file = "${keyFile}" } }`,
        ],
        healthy: (ports) => isListening(ports.slice(3)),
      },
    ),
    launchInFolder({}, await raftNode('one')),
  ]);
});

afterAll(async () => {
  await Promise.all([consul, secureVault, secureConsul, empty].map((server) => server.stop()));
  rmSync(folder, { recursive: true });
});

/** Any answer counts, also that of a port for TLS to http. */
async function isListening([port = 0]: readonly number[]): Promise<undefined> {
  await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text());
  return undefined;
}

async function fromVault(address: string, files: TlsFiles = {}, namespace = ''): Promise<unknown> {
  const auth = { kind: 'token', token: origin.rootToken } as const;
  const client = new VaultClient({ address, auth, namespace, concurrency: 1, ...files });
  try {
    return await rejection(new Kv2(client).write('kv-not-there/', 'a', {}, 0));
  } finally {
    await client.close();
  }
}

async function fromConsul(address: string, token = ''): Promise<unknown> {
  const store = new ConsulStore({ address, token });
  try {
    return await rejection(store.commit([{ key: 'k', value: Buffer.from('v'), expect: 0 }]));
  } finally {
    store.close();
  }
}

const at = (scheme: string, { ports }: LaunchedServer, position = 0): string =>
  `${scheme}://127.0.0.1:${ports[position] ?? 0}`;

test.each<[cause: string, ask: () => Promise<unknown>, kind: string, words: RegExp]>([
  [
    "http to Vault's port for TLS",
    () => fromVault(at('http', secureVault)),
    'malformed',
    /it speaks TLS there \(400\): write the address with https:\/\//,
  ],
  [
    "http to Consul's port for TLS",
    () => fromConsul(at('http', secureConsul, 3)),
    'malformed',
    /it speaks TLS there \(400\): write the address with https:\/\//,
  ],
  [
    "https to Vault's port without TLS",
    () => fromVault(origin.address.replace('http:', 'https:')),
    'unavailable',
    /it does not speak TLS there: is the address one with http:\/\//,
  ],
  [
    'the authority of another server',
    () => fromVault(at('https', secureVault), { caFile: other.caFile }),
    'unavailable',
    /its certificate (is not trusted|was signed by another authority)/,
  ],
  [
    'a certificate for another name',
    () => fromVault(at('https', secureVault), { caFile: certificates.caFile }),
    'unavailable',
    /its certificate is for another name .*vault\.serverName/,
  ],
  [
    "an address that ends in Vault's /v1",
    () => fromVault(`${origin.address}/v1`),
    'no-mount',
    /the address ends in \/v1: vsync adds \/v1\/ itself, so remove it/,
  ],
  [
    "an address that ends in Consul's /v1",
    () => fromConsul(`${consul.address}/v1`, managementToken),
    'malformed',
    /the address ends in \/v1: vsync adds \/v1\/ itself, so remove it/,
  ],
  [
    "the address of Consul's web UI",
    () => fromConsul(`${consul.address}/ui`, managementToken),
    'malformed',
    /the address ends in \/ui: vsync adds \/v1\/ itself, so remove it/,
  ],
  [
    'a token that is unknown to Vault',
    async () => {
      const client = new VaultClient({
        address: origin.address,
        auth: { kind: 'token', token: 'not-there' },
        namespace: '',
        concurrency: 1,
      });
      return rejection(new Kv2(client).checkToken()).finally(() => client.close());
    },
    'forbidden',
    // OpenBao answers the same as for a policy that lacks something.
    vaultKind() === 'bao'
      ? /permission denied \(403.*check the token and its policies/
      : /permission denied \(403.*check the token: this Vault does not know it/,
  ],
  [
    'a token that is unknown to Consul',
    () => fromConsul(consul.address, randomUUID()),
    'forbidden',
    /this Consul does not know the token \(403, ACL not found\)/,
  ],
  [
    'no token for a Consul that demands one',
    () => fromConsul(consul.address),
    'forbidden',
    /permission denied \(403\): no token is configured/,
  ],
  [
    'a token of Consul whose policy does not allow the write',
    async () => {
      const acl = new ConsulAcl(consul.address, managementToken);
      return fromConsul(consul.address, await acl.tokenFor('reader', 'key_prefix "" { policy = "read" }'));
    },
    'forbidden',
    /permission denied \(403\); check .* the Consul token and its policy$/,
  ],
])('the message of the client names the cause: %s', async (_cause, ask, kind, words) => {
  const error = await ask();
  expect(error).toMatchObject({ kind, message: expect.stringMatching(words) as string });
});

test('VaultClient reports a Vault that is not initialised as such, and not as sealed', async () => {
  const auth = { kind: 'token', token: 'x' } as const;
  const client = new VaultClient({ address: at('http', empty), auth, namespace: '', concurrency: 1 });
  const error = await rejection(new Kv2(client).clusterId());
  await client.close();
  expect(error).toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('the Vault is not initialised (501): run vault operator init') as string,
  });
});

// Vault without a license ignores the namespace.
(vaultKind() === 'bao' ? test : test.skip)('VaultClient names a namespace that does not exist', async () => {
  const error = await fromVault(origin.address, {}, 'not-there');
  expect((error as Error).message).toMatch(/namespace not-there/);
});

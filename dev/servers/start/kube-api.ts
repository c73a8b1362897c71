import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { KubeApi, type KubeAccess } from '../../shared/kube-api';
import { askHttp } from './http';
import { launchInFolder, type LaunchedServer, type RestartableServer, type StartOptions } from './launch';
import { syncerServerPaths } from './server-paths';

export interface KubeApiOptions extends StartOptions {
  /**
   * Whether watches are served from memory, as by default. Without it they are served by etcd, so a compaction makes
   * the apiserver answer 410 to every watch that continues from before.
   */
  watchCache?: boolean;
}

export interface ServiceAccountIdentity {
  namespace: string;
  name: string;
  /** Of the ServiceAccount object. */
  uid: string;
}

/** A kube-apiserver with its etcd: a Kubernetes API without a cluster. No controller and no kubelet acts on objects. */
export interface KubeApiServer extends RestartableServer, Readonly<KubeAccess> {
  readonly address: string;
  /**
   * A token as the kubelet mounts it into pods, signed with the apiserver's own key. The apiserver accepts it for one
   * more minute after its end.
   */
  serviceAccountToken(identity: ServiceAccountIdentity, options: { expiresInSeconds: number }): string;
  /** Removes all revisions of etcd but the current one. */
  compact(): Promise<void>;
}

/** Starts etcd and kube-apiserver on free ports of 127.0.0.1, with RBAC. Both keep their data over restarts. */
export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApiServer> {
  const { etcd: etcdCommand, kubeApi: command } = await syncerServerPaths();
  const folder = (name: string): StartOptions =>
    options.dir === undefined ? {} : { dir: path.join(options.dir, name) };
  const etcd = await startEtcd(etcdCommand, folder('etcd'));
  try {
    const adminToken = randomBytes(16).toString('hex');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signingKey = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    let certificates = '';
    const launched = await launchInFolder(folder('kube-apiserver'), {
      name: 'kube-apiserver',
      command,
      portCount: 1,
      args: ([port = 0], dir) => {
        certificates = path.join(dir, 'certificates');
        fs.writeFileSync(path.join(dir, 'sa.key'), signingKey);
        fs.writeFileSync(path.join(dir, 'tokens.csv'), `${adminToken},admin,admin,"system:masters"\n`);
        return kubeApiArguments({ port, dir, certificates, etcd: etcd.address, ...options });
      },
      healthy: ([port]) => notReady(`https://127.0.0.1:${String(port)}`, certificates, adminToken),
    });
    return Object.assign(launched, {
      address: `https://127.0.0.1:${launched.port}`,
      caFile: path.join(certificates, 'apiserver.crt'),
      token: adminToken,
      serviceAccountToken: tokenSigner(signingKey),
      compact: () => compact(etcd.address),
      stop: stopBoth(launched, etcd),
    });
  } catch (error) {
    await etcd.stop();
    throw error;
  }
}

const ISSUER = 'https://kubernetes.default.svc';

function kubeApiArguments(options: {
  port: number;
  dir: string;
  certificates: string;
  etcd: string;
  watchCache?: boolean;
}): string[] {
  const { port, dir, certificates, etcd, watchCache = true } = options;
  return [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${certificates}`,
    `--token-auth-file=${path.join(dir, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${path.join(dir, 'sa.key')}`,
    `--service-account-signing-key-file=${path.join(dir, 'sa.key')}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // It would refuse pods until a controller has made the service account of their namespace.
    '--disable-admission-plugins=ServiceAccount',
    `--watch-cache=${watchCache}`,
    // A test restarts it: connections of watches must not hold its end up for a minute.
    '--shutdown-delay-duration=0s',
    '--shutdown-send-retry-after=false',
    // Nothing here needs it, and it costs processor time.
    '--endpoint-reconciler-type=none',
    '--profiling=false',
  ];
}

async function notReady(address: string, certificates: string, token: string): Promise<string | undefined> {
  const caFile = path.join(certificates, 'apiserver.crt');
  if (!fs.existsSync(caFile)) return 'it has no certificate yet';
  const api = new KubeApi({ address, caFile, token });
  try {
    const { status, body } = await api.ask('GET', '/readyz');
    // RBAC's own roles are created after the start, by a hook that /readyz includes.
    return status === 200 ? undefined : `/readyz is answered ${status} ${JSON.stringify(body)}`;
  } finally {
    await api.close();
  }
}

async function startEtcd(
  command: string,
  options: StartOptions,
): Promise<LaunchedServer & { address: string }> {
  const launched = await launchInFolder(options, {
    name: 'etcd',
    command,
    portCount: 2,
    args: ([port = 0, peerPort = 0], dir) => {
      const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
      return [
        `--data-dir=${path.join(dir, 'data')}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
        '--log-level=warn',
        '--unsafe-no-fsync',
      ];
    },
    healthy: async ([port]) => {
      const { status } = await askHttp(`http://127.0.0.1:${String(port)}/health`);
      return status === 200 ? undefined : `/health is answered ${status}`;
    },
  });
  return Object.assign(launched, { address: `http://127.0.0.1:${launched.port}` });
}

function stopBoth(kubeApi: LaunchedServer, etcd: LaunchedServer): () => Promise<void> {
  const { stop } = kubeApi;
  return async () => {
    await stop();
    await etcd.stop();
  };
}

/** etcd's own API as JSON: the revision of the newest write, then the compaction up to it. */
async function compact(etcd: string): Promise<void> {
  const range = await askHttp(`${etcd}/v3/kv/range`, { method: 'POST', body: { key: 'AA==' } });
  const { revision } = (range.body as { header: { revision: string } }).header;
  const { status } = await askHttp(`${etcd}/v3/kv/compaction`, {
    method: 'POST',
    body: { revision, physical: true },
  });
  if (status !== 200) throw new Error(`etcd answered ${status} to the compaction up to revision ${revision}`);
}

function tokenSigner(signingKey: string): KubeApiServer['serviceAccountToken'] {
  return ({ namespace, name, uid }, { expiresInSeconds }) => {
    const now = Math.floor(Date.now() / 1000);
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
    const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode({
      iss: ISSUER,
      aud: [ISSUER],
      sub: `system:serviceaccount:${namespace}:${name}`,
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
      // An hour ago, so that an expired one can be made.
      iat: now - 3_600,
      nbf: now - 3_600,
      exp: now + expiresInSeconds,
    })}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(signingKey).toString('base64url')}`;
  };
}

import fs from 'node:fs';
import path from 'node:path';
import { loadAccess } from '../../../src/syncer/instances/kubernetes/access';
import { makeTempFolder } from '../../support/run-node';

let folder: string;
beforeEach(() => {
  folder = makeTempFolder();
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
  delete process.env['KUBERNETES_SERVICE_HOST'];
  delete process.env['KUBERNETES_SERVICE_PORT'];
});

function write(name: string, content: object | string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function kubeconfig(user: object, current = 'here'): string {
  return write('kubeconfig', {
    'current-context': current,
    clusters: [
      { name: 'c', cluster: { server: 'https://127.0.0.1:6443', 'insecure-skip-tls-verify': true } },
    ],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user }],
  });
}

async function authorization(file: string): Promise<unknown> {
  const options: { headers: Record<string, string> } = { headers: {} };
  await loadAccess({ kubeconfig: file }, 1_000).applyToHTTPSOptions(options);
  return options.headers['Authorization'];
}

describe('loadAccess', () => {
  test('uses the token of a kubeconfig', async () => {
    expect(await authorization(kubeconfig({ token: 'abc' }))).toBe('Bearer abc');
  });

  test('reads the file that tokenFile names for each request, without its line end', async () => {
    write('token', 'first\n');
    const access = loadAccess({ kubeconfig: kubeconfig({ tokenFile: 'token' }) }, 1_000);
    const header = async (): Promise<unknown> => {
      const options: { headers: Record<string, string> } = { headers: {} };
      await access.applyToHTTPSOptions(options);
      return options.headers['Authorization'];
    };
    expect(await header()).toBe('Bearer first');
    write('token', 'second');
    expect(await header()).toBe('Bearer second');
  });

  test('uses the service account of its pod without a kubeconfig', async () => {
    write('var/run/secrets/kubernetes.io/serviceaccount/token', 'mounted');
    write('var/run/secrets/kubernetes.io/serviceaccount/ca.crt', 'PEM');
    process.env['KUBERNETES_SERVICE_HOST'] = 'fd00::1';
    process.env['KUBERNETES_SERVICE_PORT'] = '443';
    const access = loadAccess({ root: folder }, 1_000);
    expect(access.getCurrentCluster()).toMatchObject({
      server: 'https://[fd00::1]:443',
      skipTLSVerify: false,
    });
    const options: { headers: Record<string, string> } = { headers: {} };
    await access.applyToHTTPSOptions(options);
    expect(options.headers['Authorization']).toBe('Bearer mounted');
  });

  test('reports that there is neither a pod nor a kubeconfig', () => {
    expect(() => loadAccess({}, 1_000)).toThrow(/does not run in a pod .* set the key kubeconfig/s);
  });

  test('reports a kubeconfig that is missing, is of another kind, or names no cluster', () => {
    const load = (file: string) => () => loadAccess({ kubeconfig: file }, 1_000);
    expect(load(path.join(folder, 'none'))).toThrow(/cannot read the kubeconfig .*none \(ENOENT\): check/);
    const broken = write('broken', 'users: [{ name: u, user: { token: canary-token }');
    expect(load(broken)).toThrow(/broken is not a kubeconfig: check it with kubectl/);
    expect(load(broken)).not.toThrow(/canary/);
    expect(load(kubeconfig({}, 'elsewhere'))).toThrow(/current-context names no cluster/);
  });

  test('reports a token file that cannot be read', async () => {
    await expect(authorization(kubeconfig({ tokenFile: 'gone' }))).rejects.toThrow(
      /cannot read the token of the service account .*gone \(ENOENT\)/,
    );
  });
});

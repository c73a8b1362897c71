import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { z } from 'zod';
import { KubernetesError } from './errors';

/** Where the Kubernetes API is, and how to log in there. */
export interface KubernetesAccess {
  /** A kubeconfig file; the service account of this pod by default. */
  readonly kubeconfig?: string | undefined;
  /** Where the folder `var` with the service account is; `/` by default. For tests. */
  readonly root?: string | undefined;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Reads the access anew. It is called after each failure too, so that a renewed kubeconfig or authority is used.
 *
 * @param answerMs how long the API may take to accept a watch
 * @throws KubernetesError with the file
 */
export function loadAccess({ kubeconfig, root = '' }: KubernetesAccess, answerMs: number): KubeConfig {
  const config = new BoundedConfig(answerMs);
  const tokenFile =
    kubeconfig === undefined ? loadServiceAccount(config, root) : loadFile(config, kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new KubernetesError(
      `${kubeconfig ?? ''}: current-context names no cluster; choose one in that file`,
    );
  }
  if (tokenFile !== undefined) {
    config.loadFromClusterAndUser(cluster, { name: 'token file' });
    config.addAuthenticator(new TokenFile(tokenFile));
  }
  return config;
}

class BoundedConfig extends KubeConfig {
  constructor(private readonly answerMs: number) {
    super();
  }

  /** For watches. The library sets no time, so that a connection that nothing answers would stay for ever. */
  override applyToFetchOptions(
    ...[options]: Parameters<KubeConfig['applyToFetchOptions']>
  ): ReturnType<KubeConfig['applyToFetchOptions']> {
    return super.applyToFetchOptions({ timeout: this.answerMs, ...options });
  }
}

/** @returns the file with the token */
function loadServiceAccount(config: KubeConfig, root: string): string {
  if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
    throw new KubernetesError(
      'this process does not run in a pod (KUBERNETES_SERVICE_HOST is not set): set the key kubeconfig, or give the ' +
        'instances with the key instances or dns',
    );
  }
  config.loadFromCluster(root);
  return `${root}${SERVICE_ACCOUNT_TOKEN}`;
}

const KUBECONFIG = z.object({
  'current-context': z.string().optional(),
  contexts: z
    .array(z.object({ name: z.string(), context: z.object({ user: z.string().optional() }) }))
    .nullish(),
  users: z
    .array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() }))
    .nullish(),
});

/** @returns the file with the token, which kubectl knows as `tokenFile`, and the client library does not */
function loadFile(config: KubeConfig, file: string): string | undefined {
  const text = readAs(file, 'kubeconfig');
  try {
    config.loadFromFile(file);
    const { 'current-context': name, contexts, users } = KUBECONFIG.parse(parse(text));
    const user = contexts?.find((context) => context.name === name)?.context.user;
    const tokenFile = users?.find((entry) => entry.name === user)?.user?.tokenFile;
    return tokenFile === undefined ? undefined : path.resolve(path.dirname(file), tokenFile);
  } catch {
    // The error's text may quote the file, which holds tokens and keys.
    throw new KubernetesError(
      `${file} is not a kubeconfig: check it with kubectl --kubeconfig ${file} get pods`,
    );
  }
}

/** Reads the token for each request: the kubelet replaces it before it expires. */
class TokenFile {
  constructor(private readonly file: string) {}

  isAuthProvider(): boolean {
    return true;
  }

  applyAuthentication(_user: unknown, options: { headers?: unknown }): Promise<void> {
    // Without its line end, which an editor adds: a header may not have one.
    const token = readAs(this.file, 'token of the service account').trim();
    Object.assign(options.headers ?? {}, { Authorization: `Bearer ${token}` });
    return Promise.resolve();
  }
}

function readAs(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new KubernetesError(
      `cannot read the ${what} ${file} (${code}): check the path and its permissions`,
    );
  }
}

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { vaultKind } from './vault-kind';

const SCRIPT = path.join(__dirname, '..', 'servers.mjs');
const NGINX_SCRIPT = path.join(__dirname, '..', 'nginx.mjs');

/** nginx with its Lua module, as dev/servers/nginx.mjs finds it. */
export interface NginxProgram {
  path: string;
  version: string;
  /** Files for load_module; none if the modules are compiled in. */
  modules: string[];
  /** For LD_LIBRARY_PATH. */
  libraryPath?: string;
  /** For lua_package_path. */
  luaPath?: string;
}

type ServerName = 'temporal' | 'consul' | 'vault';

export type ServerPaths = Record<ServerName, string>;

type Found = { path: string; version: string };

let known: Promise<Record<'temporal' | 'consul', Found> & { vault?: Found }> | undefined;

/**
 * Where the servers' executables are, by the same rules as `npm run servers`. Nothing is built here: a test must not
 * take ten minutes because a server is missing. Asked once per process.
 *
 * @throws with what to do, if one is missing
 */
export async function serverPaths(): Promise<ServerPaths> {
  const { temporal, consul, vault } = await (known ??= askAll());
  return {
    temporal: temporal.path,
    consul: consul.path,
    get vault() {
      return need(vault).path;
    },
  };
}

export async function serverVersions(): Promise<Record<ServerName, string>> {
  const { temporal, consul, vault } = await (known ??= askAll());
  return { temporal: temporal.version, consul: consul.version, vault: need(vault).version };
}

/** Where everything runs on OpenBao, Vault may be missing. */
function askAll(): NonNullable<typeof known> {
  return ask(...(vaultKind() === 'bao' ? ['--openbao'] : []));
}

function need(vault: Found | undefined): Found {
  if (vault === undefined) throw new Error('there is no Vault: run "npm run servers"');
  return vault;
}

export interface SyncerServerPaths {
  etcd: string;
  kubeApi: string;
  helm: string;
}

let knownOfSyncer: Promise<SyncerServerPaths> | undefined;

/** The servers that only Syncer's tests and demo need; otherwise as `serverPaths`. */
export async function syncerServerPaths(): Promise<SyncerServerPaths> {
  return (knownOfSyncer ??= askForSyncer());
}

async function askForSyncer(): Promise<SyncerServerPaths> {
  const {
    etcd,
    'kube-apiserver': kubeApi,
    helm,
  } = await ask<Record<'etcd' | 'kube-apiserver' | 'helm', { path: string }>>('--syncer');
  return { etcd: etcd.path, kubeApi: kubeApi.path, helm: helm.path };
}

/** nginx with its Lua module; undefined where it cannot be had. */
export async function findNginx(): Promise<NginxProgram | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, [NGINX_SCRIPT]);
  return (JSON.parse(stdout) as NginxProgram | null) ?? undefined;
}

async function ask<T>(...flags: string[]): Promise<T> {
  // The script is an ES module, which jest cannot load: so it runs as a process.
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[SCRIPT, '--json', '--no-build', ...flags],
  ]).catch((error: unknown) => {
    const { stderr } = error as { stderr?: string };
    throw new Error(`the servers could not be found: ${stderr?.trim() ?? String(error)}`);
  });
  return JSON.parse(stdout) as T;
}

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Generous: the first start of a 200 MB executable from a cold disk. */
const VERSION_TIMEOUT_MS = 20_000;

/** How each server is asked for its version, and what a real one answers. */
const VERSION_COMMANDS = {
  temporal: { args: ['--version'], answer: /^temporal version (\S+)/m },
  consul: { args: ['version'], answer: /^Consul v(\S+)/m },
  vault: { args: ['version'], answer: /^Vault v([^\s,]+)/m },
  etcd: { args: ['--version'], answer: /^etcd Version: (\S+)/m },
  'kube-apiserver': { args: ['--version'], answer: /^Kubernetes v(\S+)/m },
  helm: { args: ['version', '--short'], answer: /^v([^\s+]+)/m },
};

/**
 * The version that an executable claims, or undefined when it cannot be run or is another program of that
 * name.
 *
 * @returns {Promise<string | undefined>}
 */
export function versionOf(name, file) {
  const { args, answer } = VERSION_COMMANDS[name];
  return new Promise((resolve) => {
    execFile(file, args, { timeout: VERSION_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? answer.exec(stdout)?.[1] : undefined);
    });
  });
}

/**
 * Where a server already is: the first one on PATH that answers its version command, else the one in the
 * cache.
 *
 * @returns {Promise<{ path: string, version: string, source: 'PATH' | 'cache', warnings: string[] } | { warnings: string[] }>}
 */
export async function findServer(name, pinnedVersion, env = process.env) {
  const warnings = [];
  for (const file of onPath(name, env)) {
    const version = await versionOf(name, file);
    if (version === undefined) {
      warnings.push(
        `${file} does not answer "${name} ${VERSION_COMMANDS[name].args.join(' ')}": passed over`,
      );
      continue;
    }
    if (version !== pinnedVersion) {
      warnings.push(
        `${name} on PATH is ${version}, vsync is tested with ${pinnedVersion}; it is used anyway`,
      );
    }
    return { path: file, version, source: 'PATH', warnings };
  }
  const cached = cachedFile(name, pinnedVersion, env);
  // Not asked for its version: only an executable that answered it was ever moved here.
  if (isExecutable(cached)) return { path: cached, version: pinnedVersion, source: 'cache', warnings };
  return { warnings };
}

/** A folder outside the checkout, so that a fresh clone need not build again. */
export function cacheFolder(env = process.env) {
  if (env.VSYNC_SERVERS_DIR) return path.resolve(env.VSYNC_SERVERS_DIR);
  // By the specification of XDG_CACHE_HOME, a relative one is ignored.
  const xdg = env.XDG_CACHE_HOME;
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(env.HOME || os.homedir(), '.cache');
  return path.join(base, 'vsync', 'servers');
}

export function cachedFile(name, version, env = process.env) {
  return path.join(cacheFolder(env), `${name}-${version}`, name);
}

/** The executables of that name in the folders of PATH, in their order. */
export function onPath(name, env) {
  return (env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.resolve(folder, name))
    .filter(isExecutable);
}

export function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Finds nginx with its Lua module, which imitates NGINX Plus in the tests and the demo of Syncer: on PATH, else in the
 * cache folder, else unpacked there from Debian's packages. Nothing is installed, so an ordinary user can do it. Run as a
 * command, it prints where nginx is, as JSON, or null.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Problem, runMain } from '../shared/command.mjs';
import { withLock } from '../shared/lock.mjs';
import { cacheFolder, isExecutable, onPath } from './lookup.mjs';

const run = promisify(execFile);
const PACKAGES = ['nginx', 'libnginx-mod-http-lua'];
/** Generous: a slow mirror, or a first start from a cold disk. */
const TIMEOUT_MS = 120_000;

/**
 * nginx, and what it needs to load its Lua module.
 *
 * @typedef {{ path: string, version: string, source: 'PATH' | 'cache' | 'unpacked', modules: string[],
 *   libraryPath?: string, luaPath?: string }} Nginx `modules` for load_module, `libraryPath` for LD_LIBRARY_PATH,
 *   `luaPath` for lua_package_path
 */

/**
 * Where it already is.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Nginx | undefined>}
 */
export async function findNginx(env = process.env) {
  // Debian installs it where only root has its PATH.
  const folders = [env.PATH ?? '', '/usr/sbin'].join(path.delimiter);
  for (const file of onPath('nginx', { PATH: folders })) {
    const nginx = await describe({ path: file, source: 'PATH', modules: await modulesOf(file) });
    if (nginx !== undefined) return nginx;
  }
  return isExecutable(path.join(unpackedFolder(env), 'usr/sbin/nginx'))
    ? describe(unpacked(unpackedFolder(env), 'cache'))
    : undefined;
}

/**
 * Where it is; unpacks nginx, its Lua module, and the libraries that this machine lacks from the packages of its
 * distribution where necessary.
 *
 * @param {{ log: (line: string) => void, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<Nginx>}
 * @throws {Problem} with what to install
 */
export async function ensureNginx({ log, env = process.env }) {
  const target = unpackedFolder(env);
  const there = await findNginx(env);
  if (there !== undefined) return there;
  try {
    fs.mkdirSync(cacheFolder(env), { recursive: true });
    return await withLock(`${target}.lock`, { what: 'nginx', log }, async () => {
      const found = await findNginx(env);
      if (found !== undefined) return found;
      log('nginx: unpacking it and its Lua module from packages, once');
      return await unpackInto(target, env);
    });
  } catch (error) {
    throw new Problem(
      `nginx with its Lua module cannot be had: ${reasonOf(error)}.\n` +
        `Install it (on Debian or Ubuntu: apt-get install ${PACKAGES.join(' ')}), or put one on PATH.`,
    );
  }
}

async function unpackInto(target, env) {
  const work = fs.mkdtempSync(`${target}.unpacking-`);
  try {
    const root = path.join(work, 'root');
    await download(work, env);
    for (const file of fs.readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', path.join(work, file), root], { env });
    }
    if ((await describe(unpacked(root, 'unpacked'))) === undefined) {
      throw new Error('the unpacked one does not run here, or does not load the module');
    }
    fs.rmSync(target, { recursive: true, force: true });
    fs.renameSync(root, target);
    return await describe(unpacked(target, 'unpacked'));
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** With the machine's own package lists, else with lists fetched into `folder`: a new container has none. */
async function download(folder, env) {
  const get = (...args) =>
    run('apt-get', args, { cwd: folder, env: { ...env, LC_ALL: 'C' }, timeout: TIMEOUT_MS });
  const all = async (options) => {
    const plan = await get(
      ...options,
      ...['install', '--simulate', '--no-install-recommends', '-o', 'Debug::NoLocking=1', ...PACKAGES],
    );
    const missing = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);
    await get(...options, 'download', ...new Set([...PACKAGES, ...missing]));
  };
  try {
    await all([]);
  } catch (error) {
    if (error.code === 'ENOENT') throw error;
    const lists = path.join(folder, 'lists');
    const archives = path.join(folder, 'archives');
    for (const created of [lists, archives]) fs.mkdirSync(path.join(created, 'partial'), { recursive: true });
    const options = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache::Archives=${archives}`];
    // The caches of the lists belong to root.
    options.push('-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache=');
    await get(...options, 'update');
    await all(options);
  }
}

function unpackedFolder(env) {
  return path.join(cacheFolder(env), 'nginx-lua');
}

function unpacked(root, source) {
  const libraries = ['usr/lib', 'lib'].flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.endsWith('-linux-gnu'))
      .map((entry) => path.join(root, folder, entry.name)),
  );
  return {
    path: path.join(root, 'usr/sbin/nginx'),
    source,
    modules: moduleFiles(path.join(root, 'usr/lib/nginx/modules')),
    libraryPath: libraries.join(path.delimiter),
    luaPath: path.join(root, 'usr/share/lua/5.1/?.lua'),
  };
}

/** The Lua module and the one it needs, in the order of load_module; none if they are compiled in. */
function moduleFiles(folder) {
  return ['ndk_http_module.so', 'ngx_http_lua_module.so']
    .map((name) => path.join(folder, name))
    .filter((file) => fs.existsSync(file));
}

async function modulesOf(file) {
  const built = await run(file, ['-V'], { timeout: TIMEOUT_MS }).catch(() => ({ stderr: '' }));
  const folder = /--modules-path=(\S+)/.exec(built.stderr)?.[1];
  return folder === undefined ? [] : moduleFiles(folder);
}

/** Completes the description with the version; undefined if it does not run Lua. */
async function describe(nginx) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-nginx-check-'));
  try {
    const config = path.join(folder, 'nginx.conf');
    const load = nginx.modules.map((file) => `load_module "${file}";`).join('\n');
    const luaPath = nginx.luaPath === undefined ? '' : `lua_package_path "${nginx.luaPath};;";`;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path "${folder}/${kind}";`)
      .join(' ');
    fs.writeFileSync(
      config,
      `${load}\nerror_log stderr;\npid "${folder}/pid";\nevents {}\n` +
        `http { ${temporary} access_log off; ${luaPath} init_by_lua_block { assert(ngx.shared) } }\n`,
    );
    const env = { ...process.env, LD_LIBRARY_PATH: nginx.libraryPath ?? process.env.LD_LIBRARY_PATH ?? '' };
    const options = { env, timeout: TIMEOUT_MS };
    await run(nginx.path, ['-t', '-p', folder, '-c', config, '-e', 'stderr'], options);
    const { stderr } = await run(nginx.path, ['-v'], options);
    return { ...nginx, version: /nginx\/(\S+)|openresty\/(\S+)/.exec(stderr)?.slice(1).find(Boolean) ?? '?' };
  } catch {
    return undefined;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function reasonOf(error) {
  if (error.code === 'ENOENT') return `there is no ${error.path ?? 'such command'} on this machine`;
  const lines = String(error.stderr ?? error.message)
    .split('\n')
    .filter((line) => line.startsWith('E: '));
  return (lines[0] ?? String(error.message).split('\n')[0]).replace(/^E: /, '').replace(/\.$/, '');
}

await runMain(import.meta.url, async () => console.log(JSON.stringify((await findNginx()) ?? null)));

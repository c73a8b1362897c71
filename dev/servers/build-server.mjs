import fs from 'node:fs';
import path from 'node:path';
import { runChild } from '../shared/child.mjs';
import { goEnvironment } from './go.mjs';
import { isAlive, withLock } from '../shared/lock.mjs';
import { cachedFile, cacheFolder, findServer, versionOf } from './lookup.mjs';
import { Problem } from '../shared/command.mjs';
import { moduleFolder } from './server-list.mjs';

const TELL_EVERY_MS = 10_000;
const TAIL_LINES = 20;

/**
 * Builds a server from its Go module into the cache. The executable appears there complete or not at all: it
 * is built under a temporary name, asked for its version, and then renamed.
 *
 * @param {string} name
 * @param {ReturnType<typeof import('./server-list.mjs').readVersions>[string]} pinned
 * @param {{ log: (line: string) => void, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ path: string, version: string, source: 'cache' | 'built' }>}
 * @throws {Problem} when it cannot be built; its message ends with the last output of go
 */
export async function buildServer(name, pinned, { log, env = process.env }) {
  const target = cachedFile(name, pinned.version, env);
  prepareFolder(path.dirname(target));
  const lock = path.join(cacheFolder(env), `${name}-${pinned.version}.lock`);
  return withLock(lock, { what: `${name} ${pinned.version}`, log }, async () => {
    // Whoever held the lock before may have built it.
    const found = await findServer(name, pinned.version, { ...env, PATH: '' });
    if (found.path !== undefined) return found;
    const temporary = path.join(path.dirname(target), `.building-${process.pid}`);
    removeLeftovers(path.dirname(target));
    try {
      await runGo(name, pinned, temporary, { log, env });
      await moveIntoPlace(name, temporary, target);
    } finally {
      fs.rmSync(temporary, { force: true });
    }
    return { path: target, version: pinned.version, source: 'built' };
  });
}

function prepareFolder(folder) {
  const probe = path.join(folder, `.probe-${process.pid}`);
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(probe, 'x');
    fs.rmSync(probe);
  } catch (error) {
    const reason = error.code === 'ENOSPC' ? 'the disk is full' : error.code;
    throw new Problem(
      `the cache folder for the servers cannot be written: ${folder} (${reason}).\n` +
        'Make room or change its permissions, or name another folder in VSYNC_SERVERS_DIR.',
    );
  }
}

/** Temporary files of builds that were killed. */
function removeLeftovers(folder) {
  for (const entry of fs.readdirSync(folder)) {
    const pid = /^\.(?:building|probe)-(\d+)$/.exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) fs.rmSync(path.join(folder, entry), { force: true });
  }
}

async function runGo(name, pinned, output, { log, env }) {
  const expected = duration(pinned.buildSeconds * 1000);
  const started = Date.now();
  const progress = { downloaded: 0, compiled: 0, latest: '', lines: [] };
  log(`${name} ${pinned.version}: building it from its Go module, once (about ${expected} on two cores)`);
  const ticker = setInterval(() => {
    log(
      `${name} ${pinned.version}: building, ${duration(Date.now() - started)} of about ${expected}${doing(progress)}`,
    );
  }, TELL_EVERY_MS);
  try {
    const args = ['build', '-v', '-mod=readonly', '-buildvcs=false', '-trimpath'];
    if (pinned.tags.length > 0) args.push('-tags', pinned.tags.join(','));
    const linkerFlags = pinned.linkerFlags.map((flag) => flag.replace('{version}', pinned.version));
    args.push('-ldflags', ['-s', '-w', ...linkerFlags].join(' '), '-o', output, pinned.package);
    const { code, signal } = await runChild('go', args, {
      cwd: moduleFolder(name),
      env: goEnvironment(env),
      onLine: (line) => note(progress, line),
      cleanUp: () => fs.rmSync(output, { force: true }),
    });
    if (code !== 0)
      throw buildProblem(name, pinned, `go build ended with ${signal ?? `exit code ${code}`}`, progress);
  } finally {
    clearInterval(ticker);
  }
  log(`${name} ${pinned.version}: built in ${duration(Date.now() - started)}`);
}

/**
 * Go's own lines, condensed: with -v it names each module that it fetches and each package that it compiles.
 */
function note(progress, line) {
  const fetched = /^go: downloading (\S+)/.exec(line)?.[1];
  if (fetched !== undefined) {
    progress.downloaded += 1;
    progress.latest = fetched;
  } else if (/^[\w.~/-]+$/.test(line)) {
    progress.compiled += 1;
    progress.latest = line;
  } else {
    progress.lines.push(line);
  }
}

function doing({ downloaded, compiled, latest }) {
  const parts = [];
  if (downloaded > 0) parts.push(`${downloaded} modules fetched`);
  if (compiled > 0) parts.push(`${compiled} packages compiled`);
  if (latest !== '') parts.push(`now ${latest}`);
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

/** Messages of go when something is missing, and what the user can do about it. */
const ADVICE = [
  [
    /no space left on device/i,
    'The disk is full: go needs several GB for its caches (go env GOCACHE GOMODCACHE).',
  ],
  [
    /dial tcp|no such host|i\/o timeout|connection refused|connection reset|TLS handshake|proxyconnect|50[234] /i,
    'The Go modules could not be fetched: check the network, and GOPROXY and HTTPS_PROXY if you are behind a proxy.',
  ],
  [
    /checksum mismatch|SECURITY ERROR/,
    'A fetched module is not the one in go.sum: do not use it; check GOPROXY.',
  ],
  [
    /signal: killed|out of memory|cannot allocate memory/i,
    'Memory ran out: close programs, or set GOMAXPROCS=1.',
  ],
  [
    /\bgcc\b|\bclang\b|C compiler|runtime\/cgo/,
    'The C compiler failed: do without it by setting CGO_ENABLED=0.',
  ],
];

function buildProblem(name, pinned, what, progress) {
  const tail = progress.lines.filter((line) => line.trim() !== '').slice(-TAIL_LINES);
  const advice = ADVICE.find(([pattern]) => tail.some((line) => pattern.test(line)))?.[1];
  return new Problem(
    [
      `${name} ${pinned.version} could not be built: ${what}. Its last lines:`,
      ...tail.map((line) => `  ${line}`),
      advice ?? 'The lines above show why.',
      'Run the command again when that is solved: what was compiled already is kept.',
      `Or install ${name} ${pinned.version} yourself: it is taken from PATH if it is there.`,
    ].join('\n'),
  );
}

async function moveIntoPlace(name, temporary, target) {
  if ((await versionOf(name, temporary)) === undefined) {
    throw new Problem(
      `${name} was built, but it does not run on this machine: ${temporary} answers no version.`,
    );
  }
  fs.renameSync(temporary, target);
}

function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}

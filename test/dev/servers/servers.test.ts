import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { makeTempFolder, ROOT, runNode, writeExecutable, type Result } from '../../support/run-node';

const SCRIPT = path.join(ROOT, 'dev', 'servers', 'servers.mjs');
const NAMES = ['temporal', 'vault', 'consul'];
const NAMES_WITH_SYNCER = [...NAMES, 'etcd', 'kube-apiserver', 'helm'];
const ANSWERS: Readonly<Record<string, (version: string) => string>> = {
  temporal: (version) => `temporal version ${version} (Server 1.29.1, UI 2.42.1)`,
  consul: (version) => `Consul v${version}\nBuild Date 1970-01-01T00:00:01Z`,
  vault: (version) => `Vault v${version}, built 2026-01-01T00:00:00Z`,
  etcd: (version) => `etcd Version: ${version}\nGit SHA: Not provided`,
  'kube-apiserver': (version) => `Kubernetes v${version}`,
  helm: (version) => `v${version}+g1234567`,
};
const versions = JSON.parse(
  fs.readFileSync(path.join(ROOT, 'dev', 'servers', 'versions.json'), 'utf8'),
) as Record<string, { version: string }>;

let folder: string;
let cache: string;
beforeEach(() => {
  folder = makeTempFolder();
  cache = path.join(folder, 'cache');
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function pinned(name: string): string {
  return versions[name]?.version ?? '';
}

/** Stands in for a server: only answers its version command. */
function serverCode(name: string, version = pinned(name)): string {
  return `console.log(${JSON.stringify(ANSWERS[name]?.(version))});`;
}

function install(bin: string, name: string, version?: string): string {
  return writeExecutable(path.join(folder, bin, name), serverCode(name, version));
}

function inCache(name: string): string {
  return path.join(cache, `${name}-${pinned(name)}`, name);
}

/** PATH gets the given folders below the test's own, and nothing else. */
function run(
  args: readonly string[],
  bins: readonly string[] = [],
  extra: NodeJS.ProcessEnv = {},
): Promise<Result> {
  const PATH = bins.map((bin) => path.join(folder, bin)).join(path.delimiter);
  return runNode([SCRIPT, ...args], { PATH, HOME: folder, VSYNC_SERVERS_DIR: cache, ...extra });
}

function found(result: Result): Record<string, { path: string; version: string; source: string }> {
  return JSON.parse(result.stdout) as Record<string, { path: string; version: string; source: string }>;
}

/** A go that notes its arguments and "builds" an executable that answers like the server asked for. */
function installGo(options: { version?: string; takesMs?: number; build?: string } = {}): string {
  const { version = '1.99.0', takesMs = 0, build } = options;
  const log = path.join(folder, 'go.log');
  const code = `
    const fs = require('node:fs');
    const args = process.argv.slice(2);
    if (args[0] === 'version') {
      console.log('go version go${version} linux/amd64');
    } else {
      fs.appendFileSync(${JSON.stringify(log)}, JSON.stringify({ args, toolchain: process.env.GOTOOLCHAIN }) + '\\n');
      const output = args[args.indexOf('-o') + 1];
      ${build ?? ''}
      const code = ${JSON.stringify(Object.fromEntries(NAMES_WITH_SYNCER.map((name) => [name, serverCode(name)])))};
      const name = args.at(-1).replace('/server/v3', '').replace('go.etcd.io/', '').split('/').at(-1);
      fs.writeFileSync(output, '#!${process.execPath}\\n' + code[name], { mode: 0o755 });
      setTimeout(() => {}, ${takesMs});
    }`;
  writeExecutable(path.join(folder, 'go-bin', 'go'), code);
  return log;
}

describe('npm run servers finds', () => {
  test('a server on PATH before one in the cache', async () => {
    const paths = NAMES.map((name) => install('bin', name));
    for (const name of NAMES) writeExecutable(inCache(name), serverCode(name));
    const result = await run(['--json'], ['bin']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(NAMES.map((name) => found(result)[name])).toEqual(
      NAMES.map((name, index) => ({ path: paths[index], version: pinned(name), source: 'PATH' })),
    );
  });

  test('another version on PATH, and warns', async () => {
    for (const name of NAMES) install('bin', name, name === 'consul' ? '1.15.0' : undefined);
    const result = await run(['--json'], ['bin']);
    expect(found(result).consul).toMatchObject({ version: '1.15.0', source: 'PATH' });
    expect(result.stderr).toBe(
      `warning: consul on PATH is 1.15.0, vsync is tested with ${pinned('consul')}; it is used anyway\n`,
    );
  });

  test('no executable that does not answer like the server', async () => {
    for (const name of NAMES) install('second', name);
    writeExecutable(path.join(folder, 'first', 'vault'), 'console.log("a vault of another kind");');
    const result = await run(['--json'], ['first', 'second']);
    expect(found(result).vault?.path).toBe(path.join(folder, 'second', 'vault'));
    expect(result.stderr).toContain(`${path.join(folder, 'first', 'vault')} does not answer "vault version"`);
  });

  test('the cache in $VSYNC_SERVERS_DIR, else in $XDG_CACHE_HOME, else in ~/.cache', async () => {
    const place = (...parts: string[]) => {
      for (const name of NAMES) {
        writeExecutable(path.join(folder, ...parts, `${name}-${pinned(name)}`, name), serverCode(name));
      }
    };
    place('cache');
    place('xdg', 'vsync', 'servers');
    place('.cache', 'vsync', 'servers');
    const where = async (env: NodeJS.ProcessEnv) => found(await run(['--json'], [], env)).consul?.path;
    const tail = path.join(`consul-${pinned('consul')}`, 'consul');
    const xdg = { XDG_CACHE_HOME: path.join(folder, 'xdg') };
    expect(await where(xdg)).toBe(path.join(cache, tail));
    expect(await where({ ...xdg, VSYNC_SERVERS_DIR: '' })).toBe(
      path.join(folder, 'xdg', 'vsync', 'servers', tail),
    );
    expect(await where({ VSYNC_SERVERS_DIR: '' })).toBe(
      path.join(folder, '.cache', 'vsync', 'servers', tail),
    );
  });

  test('no missing server with --no-build, and fails', async () => {
    install('bin', 'consul');
    const result = await run(['--no-build'], ['bin']);
    expect(result.code).toBe(1);
    expect(result.stderr).toBe(
      'error: not found on PATH or in the cache folder: temporal, vault. Run: npm run servers\n',
    );
  });

  test('an unknown option, and exits with code 2', async () => {
    const result = await run(['--bild']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("Unknown option '--bild'");
  });
});

describe('npm run servers -- --syncer', () => {
  /** Stands in for nginx: answers as one whose modules load. */
  function installNginx(): string {
    return writeExecutable(
      path.join(folder, 'bin', 'nginx'),
      "console.error('nginx version: nginx/1.22.1');",
    );
  }

  test('finds etcd, kube-apiserver, helm and nginx too', async () => {
    for (const name of NAMES_WITH_SYNCER) install('bin', name);
    const nginx = installNginx();
    const result = await run(['--json', '--syncer'], ['bin']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(Object.keys(found(result))).toEqual([...NAMES_WITH_SYNCER, 'nginx']);
    expect(found(result).nginx).toEqual({ path: nginx, version: '1.22.1', source: 'PATH', modules: [] });
  });

  test('passes over an nginx that does not load the Lua module', async () => {
    for (const name of NAMES_WITH_SYNCER) install('bin', name);
    writeExecutable(path.join(folder, 'bin', 'nginx'), 'process.exit(1);');
    const result = await run(['--json', '--syncer', '--no-build'], ['bin']);
    expect(result.code).toBe(0);
    expect(found(result).nginx?.path).not.toBe(path.join(folder, 'bin', 'nginx'));
  });

  test('warns that tests are skipped where nginx cannot be had, and goes on', async () => {
    for (const name of NAMES_WITH_SYNCER) install('bin', name);
    const result = await run(['--json', '--syncer'], ['bin']);
    expect(result.code).toBe(0);
    if (fs.existsSync('/usr/sbin/nginx')) return;
    expect(result.stderr).toContain('nginx with its Lua module cannot be had: there is no');
    expect(result.stderr).toContain('the tests of Syncer that need nginx are SKIPPED');
  });

  test('builds etcd, kube-apiserver and helm only with the flag', async () => {
    const log = installGo();
    for (const name of NAMES) install('bin', name);
    installNginx();
    await run(['--json'], ['bin', 'go-bin']);
    expect(fs.existsSync(log)).toBe(false);
    const result = await run(['--json', '--syncer'], ['bin', 'go-bin']);
    expect(found(result)['kube-apiserver']).toMatchObject({
      path: inCache('kube-apiserver'),
      source: 'built',
    });
    const flags = readCalls(log).map(({ args }) => args[args.indexOf('-ldflags') + 1]);
    expect(flags).toHaveLength(3);
    expect(flags[1]).toContain(`version.gitVersion=v${pinned('kube-apiserver')}`);
  });
});

describe('npm run servers builds', () => {
  test('each missing server into the cache, read-only, with the installed Go', async () => {
    const log = installGo();
    const result = await run([], ['go-bin']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    for (const name of NAMES) {
      expect(fs.statSync(inCache(name)).mode & 0o111).not.toBe(0);
      expect(result.stdout).toContain(`${name} ${pinned(name)}: building it from its Go module`);
      expect(fs.readdirSync(path.dirname(inCache(name)))).toEqual([name]);
    }
    const calls = readCalls(log);
    expect(calls).toHaveLength(3);
    for (const { args, toolchain } of calls) {
      expect(toolchain).toBe('local');
      expect(args).toEqual(expect.arrayContaining(['build', '-mod=readonly', '-trimpath']));
      expect(args[args.indexOf('-ldflags') + 1]).toMatch(/^-s -w/);
    }
    const [temporal, vault] = calls;
    expect(temporal?.args.join(' ')).toContain(`temporalcli.Version=${pinned('temporal')}`);
    expect(vault?.args.join(' ')).toContain('-tags minimal');

    expect((await run([], ['go-bin'])).stdout).not.toContain('building');
  });

  test('only what is missing', async () => {
    const log = installGo();
    install('bin', 'temporal');
    writeExecutable(inCache('consul'), serverCode('consul'));
    const result = await run(['--json'], ['bin', 'go-bin']);
    expect(NAMES.map((name) => found(result)[name]?.source)).toEqual(['PATH', 'built', 'cache']);
    expect(readCalls(log)).toHaveLength(1);
  });

  test('nothing without Go, and prints what to install', async () => {
    install('bin', 'vault');
    const result = await run([], ['bin']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^error: Go is needed to build temporal, consul, and no working "go" is on PATH\.\nInstall Go 1\.\d+\.\d+ or newer/,
    );
    expect(result.stderr).toContain('are used from PATH if they are there');
  });

  test('nothing with an old Go, and prints which version is needed', async () => {
    const log = installGo({ version: '1.21.13' });
    const result = await run([], ['go-bin']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    const needed = readGoLine('consul');
    expect(result.stderr).toContain(
      `Go 1.21.13 on PATH is too old to build temporal, vault, consul: Go ${needed} is needed.`,
    );
    expect(fs.existsSync(log)).toBe(false);
  });

  test('nothing after a failure, and prints the last lines of go and what to do', async () => {
    installGo({
      build: `
        fs.writeFileSync(output, 'half an executable');
        console.error('go: downloading example.org/a v1.0.0');
        console.error('example.org/a/b');
        console.error('write /cache/x.a: no space left on device');
        process.exit(1);`,
    });
    const result = await run([], ['go-bin']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      'could not be built: go build ended with exit code 1. Its last lines:\n  write /cache',
    );
    expect(result.stderr).toContain('The disk is full');
    expect(result.stderr).not.toContain('downloading');
    expect(fs.readdirSync(path.dirname(inCache('temporal')))).toEqual([]);
  });

  test('nothing that does not run', async () => {
    installGo({ build: "fs.writeFileSync(output, '#!/nonexistent', { mode: 0o755 }); process.exit(0);" });
    const result = await run([], ['go-bin']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('temporal was built, but it does not run on this machine');
    expect(fs.readdirSync(path.dirname(inCache('temporal')))).toEqual([]);
  });

  test('nothing into a cache folder that cannot be written, and names it', async () => {
    installGo();
    fs.writeFileSync(cache, 'a file where the folder should be');
    const result = await run([], ['go-bin']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`cannot be written: ${path.dirname(inCache('temporal'))} (ENOTDIR)`);
    expect(result.stderr).toContain('VSYNC_SERVERS_DIR');
  });

  test('each server once when two run at once', async () => {
    const log = installGo({ takesMs: 400 });
    const results = await Promise.all([run(['--json'], ['go-bin']), run(['--json'], ['go-bin'])]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(readCalls(log)).toHaveLength(3);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('%s in the middle breaks nothing', async (signal) => {
    const log = installGo({
      build: `
        const parent = process.ppid;
        setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 20);
        process.on('SIGINT', () => process.exit(1));
        return;`,
    });
    const PATH = path.join(folder, 'go-bin');
    const child = spawn(process.execPath, [SCRIPT], {
      env: { PATH, HOME: folder, VSYNC_SERVERS_DIR: cache },
      stdio: 'ignore',
    });
    while (!fs.existsSync(log)) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(signal === 'SIGTERM' ? 143 : null);
    expect(fs.existsSync(inCache('temporal'))).toBe(false);
    installGo();
    expect(await run([], ['go-bin'])).toMatchObject({ code: 0 });
    expect(fs.readdirSync(cache).filter((entry) => entry.endsWith('.lock'))).toEqual([]);
  });
});

function readCalls(log: string): { args: string[]; toolchain: string }[] {
  const lines = fs.readFileSync(log, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as { args: string[]; toolchain: string });
}

function readGoLine(name: string): string | undefined {
  return /^go (\S+)/m.exec(
    fs.readFileSync(path.join(ROOT, 'dev', 'servers', 'modules', name, 'go.mod'), 'utf8'),
  )?.[1];
}

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  startConsul,
  startTemporal,
  startVaultDev,
  type ConsulServer,
  type TemporalServer,
  type VaultServer,
} from '../../dev/servers/start';
import { serverPaths } from '../../dev/servers/start/server-paths';
import { cleanEnvironment, startGuarded, type GuardedProcess } from '../../dev/shared/guarded-process';
import { onVault } from '../support/vault-kind';

/** docs/getting-started.md as a reader follows it: in a clean folder, on real servers, block by block. */

const ROOT = path.resolve(__dirname, '..', '..');
const BLOCK = /<!-- run( in the background)? -->\n\n```sh\n([^]*?)```/g;

interface Block {
  inBackground: boolean;
  script: string;
}

let folder: string;
let servers: [VaultServer, VaultServer, ConsulServer, TemporalServer];
let worker: GuardedProcess | undefined;

beforeAll(async () => {
  servers = await Promise.all([
    startVaultDev({ rootToken: 'root' }),
    startVaultDev({ rootToken: 'root' }),
    startConsul(),
    startTemporal(),
  ]);
  folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-getting-started-'));
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const commands = {
    ...(await serverPaths()),
    vsync: `${process.execPath} ${path.join(ROOT, 'bin', 'vsync')}`,
  };
  for (const [name, command] of Object.entries(commands)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
});

afterAll(async () => {
  await worker?.stop();
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true });
});

/** The blocks of the page that are run, with the addresses of this test's servers. */
function blocks(): Block[] {
  const [origin, site, consul, temporal] = servers;
  const addresses: Record<string, string> = {
    'http://127.0.0.1:8200': origin.address,
    'http://127.0.0.1:8300': site.address,
    '127.0.0.1:8500': new URL(consul.address).host,
    '127.0.0.1:7233': temporal.address,
  };
  const page = readFileSync(path.join(ROOT, 'docs', 'getting-started.md'), 'utf8');
  return [...page.matchAll(BLOCK)].map(([, background, script = '']) => ({
    inBackground: background !== undefined,
    script: Object.entries(addresses).reduce((text, [shown, real]) => text.replaceAll(shown, real), script),
  }));
}

function environment(): NodeJS.ProcessEnv {
  const PATH = [path.join(folder, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter);
  return cleanEnvironment({ PATH, HOME: folder, XDG_CONFIG_HOME: folder });
}

/** @throws with what the commands printed, if one of them fails */
function run(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: environment() };
    execFile('bash', ['-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${script}\nended with ${String(error.code)}:\n${stdout}\n${stderr}`));
    });
  });
}

onVault('the page has its command').test(
  'a new user gets from nothing to a sync that is in step by following docs/getting-started.md',
  async () => {
    const printed: string[] = [];
    for (const { script, inBackground } of blocks()) {
      if (!inBackground) printed.push(await run(script));
      else
        worker = await startGuarded({
          command: 'bash',
          args: ['-c', `exec ${script.trim()}`],
          env: environment(),
          cwd: folder,
          logFile: path.join(folder, 'worker.log'),
        });
    }
    const all = printed.join('\n');
    expect(all.match(/^ {2}FAIL/gm)).toBeNull();
    expect(all).toMatch(/^first$/m);
    expect(all).toMatch(/^ {2}sync +in-step/m);
    expect(all).toMatch(/^0 to add, 0 to update, 0 to delete, 0 held, 1 equal$/m);
    expect(all).toContain('removed schedule and watch of site1');
    expect(all).toContain('removed schedule of main');
  },
);

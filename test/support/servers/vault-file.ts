import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardedProcess } from './guarded-process';
import { askHttp } from './http';
import { launch, serverFolder, type StartOptions } from './launch';
import { serverPaths } from './server-paths';
import { mountNotReady, type VaultServer } from './vault';

const READY_WITHIN_MS = 30_000;
const POLL_MS = 50;

export interface VaultFileOptions extends StartOptions {
  /** KV v2 engines to enable; `['secret/']` by default. */
  mounts?: readonly string[];
}

/** A Vault that keeps its data, for tests of restarts, outages and seals. */
export interface VaultFileServer extends VaultServer {
  readonly unsealKey: string;
  seal(): Promise<void>;
  /** Returns when it serves requests again. */
  unseal(): Promise<void>;
  /** Ends the process (SIGTERM by default) and keeps the data, so that restart() can follow. */
  halt(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Ends the process if it runs, and starts it on the same port with its data; unsealed unless told
   * otherwise.
   */
  restart(options?: { unseal?: boolean }): Promise<void>;
}

/** Starts a Vault with its (raft) storage on disk, initialised, unsealed, with its mounts ready. */
export async function startVaultFile(options: VaultFileOptions = {}): Promise<VaultFileServer> {
  const { mounts = ['secret/'] } = options;
  const { vault: command } = await serverPaths();
  const { dir, isOurs, remove } = serverFolder('vault', options);
  const start = (ports?: readonly number[]) =>
    launch({
      name: 'vault',
      command,
      dir,
      folderIsOurs: isOurs,
      portCount: 2,
      ports,
      args: ([port = 0, clusterPort = 0]) => [
        'server',
        `-config=${writeConfig(dir, port, clusterPort)}`,
        '-log-level=warn',
      ],
      healthy: async ([port = 0]) => {
        await askHttp(`http://127.0.0.1:${port}/v1/sys/health`);
        return undefined;
      },
    });

  let running: GuardedProcess | undefined;
  try {
    const launched = await start();
    running = launched.process;
    let current = launched.process;
    const ports = launched.ports;
    const address = `http://127.0.0.1:${String(ports[0])}`;
    const { rootToken, unsealKey } = await initialise(address);
    const unseal = async () => {
      await expectOk(address, 'sys/unseal', { key: unsealKey });
      await until('unsealed', async () => (await askHttp(`${address}/v1/sys/health`)).status === 200);
    };
    await unseal();
    for (const mount of mounts) await enableKv2(address, rootToken, mount);
    const halt = async (signal?: NodeJS.Signals) => {
      await current.stop(signal);
    };
    return {
      address,
      port: ports[0] ?? 0,
      rootToken,
      unsealKey,
      get pid() {
        return current.pid;
      },
      logFile: current.logFile,
      seal: () => expectOk(address, 'sys/seal', {}, rootToken),
      unseal,
      halt,
      restart: async ({ unseal: alsoUnseal = true } = {}) => {
        await halt();
        current = (await start(ports)).process;
        if (alsoUnseal) await unseal();
      },
      stop: async () => {
        await halt();
        remove();
      },
    };
  } catch (error) {
    await running?.stop('SIGKILL');
    remove();
    throw error;
  }
}

function writeConfig(dir: string, port: number, clusterPort: number): string {
  const data = path.join(dir, 'data');
  fs.mkdirSync(data, { recursive: true });
  const file = path.join(dir, 'vault.json');
  const config = {
    // Not "file": a Vault built with the tag "minimal" knows no other storage on disk than raft.
    // The multiplier makes its election take one second instead of five.
    storage: { raft: { path: data, node_id: 'one', performance_multiplier: '1' } },
    listener: [
      {
        tcp: { address: `127.0.0.1:${port}`, cluster_address: `127.0.0.1:${clusterPort}`, tls_disable: true },
      },
    ],
    api_addr: `http://127.0.0.1:${port}`,
    cluster_addr: `https://127.0.0.1:${clusterPort}`,
    // Locking memory needs a privilege that a test run does not have.
    disable_mlock: true,
  };
  fs.writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

async function initialise(address: string): Promise<{ rootToken: string; unsealKey: string }> {
  const { status, body } = await askHttp(`${address}/v1/sys/init`, {
    method: 'PUT',
    body: { secret_shares: 1, secret_threshold: 1 },
    timeoutMs: READY_WITHIN_MS,
  });
  if (status !== 200)
    throw new Error(`${address} could not be initialised: ${status} ${JSON.stringify(body)}`);
  const { root_token: rootToken, keys } = body as { root_token: string; keys: [string] };
  return { rootToken, unsealKey: keys[0] };
}

async function enableKv2(address: string, token: string, mount: string): Promise<void> {
  const path = `sys/mounts/${mount.replace(/\/$/, '')}`;
  await expectOk(address, path, { type: 'kv', options: { version: '2' } }, token);
  await until(`${mount} usable`, async () => (await mountNotReady(address, token, mount)) === undefined);
}

async function expectOk(address: string, apiPath: string, body: unknown, token?: string): Promise<void> {
  const answer = await askHttp(`${address}/v1/${apiPath}`, { method: 'PUT', body, token });
  if (answer.status < 300) return;
  throw new Error(`${address} answered ${answer.status} to ${apiPath}: ${JSON.stringify(answer.body)}`);
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`Vault was not ${what} within ${READY_WITHIN_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

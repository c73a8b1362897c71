import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askHttp } from './http';
import type { launchInFolder } from './launch';
import { serverPaths } from './server-paths';
import { mountNotReady } from './mount-ready';
import { baoPath, vaultKind, type VaultKind } from './vault-kind';

/** What Vaults with storage of their own have in common, alone or as a cluster. */

const READY_WITHIN_MS = 30_000;
const POLL_MS = 50;

/** How to launch a Vault with raft storage. It comes up sealed, or waits to be initialised or to join others. */
export async function raftNode(
  nodeId: string,
  kind: VaultKind = vaultKind(),
  listener: Readonly<Record<string, unknown>> = {},
): Promise<Parameters<typeof launchInFolder>[1]> {
  return {
    name: kind,
    command: kind === 'bao' ? baoPath() : (await serverPaths()).vault,
    portCount: 2,
    args: ([port = 0, clusterPort = 0], dir) => [
      'server',
      `-config=${writeConfig(dir, { kind, nodeId, listener }, port, clusterPort)}`,
      '-log-level=warn',
    ],
    healthy: async ([port = 0]) => {
      await askHttp(`http://127.0.0.1:${port}/v1/sys/health`);
      return undefined;
    },
  };
}

function writeConfig(
  dir: string,
  { kind, nodeId, listener }: { kind: VaultKind; nodeId: string; listener: object },
  port: number,
  clusterPort: number,
): string {
  const data = path.join(dir, 'data');
  fs.mkdirSync(data, { recursive: true });
  const file = path.join(dir, `${kind}.json`);
  const config = {
    // Not "file": a Vault built with the tag "minimal" has no other storage on disk than raft.
    // The multiplier makes its election take one second instead of five.
    // The intervals let a node that joins a cluster vote after one second instead of ten.
    storage: {
      raft: {
        path: data,
        node_id: nodeId,
        performance_multiplier: '1',
        autopilot_reconcile_interval: '500ms',
        autopilot_update_interval: '500ms',
      },
    },
    listener: [
      {
        tcp: {
          address: `127.0.0.1:${port}`,
          cluster_address: `127.0.0.1:${clusterPort}`,
          tls_disable: true,
          ...listener,
        },
      },
    ],
    api_addr: `http://127.0.0.1:${port}`,
    cluster_addr: `https://127.0.0.1:${clusterPort}`,
    // Locking memory needs a privilege that a test run does not have; OpenBao never locks it.
    ...(kind === 'vault' ? { disable_mlock: true } : {}),
  };
  fs.writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

/** Initialises a fresh Vault with one key. */
export async function initialise(address: string): Promise<{ rootToken: string; unsealKey: string }> {
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

/**
 * Unseals, and returns when it is active.
 *
 * @param mayStandBy whether it may also be a standby, because another node of its cluster is active
 */
export async function unsealNode(address: string, unsealKey: string, mayStandBy = false): Promise<void> {
  await expectOk(address, 'sys/unseal', { key: unsealKey });
  const health = `${address}/v1/sys/health${mayStandBy ? '?standbyok=true' : ''}`;
  await until(`${address} unsealed`, async () => (await askHttp(health)).status === 200);
}

export async function enableKv2(address: string, token: string, mount: string): Promise<void> {
  const apiPath = `sys/mounts/${mount.replace(/\/$/, '')}`;
  await expectOk(address, apiPath, { type: 'kv', options: { version: '2' } }, token);
  await until(`${mount} usable`, async () => (await mountNotReady(address, token, mount)) === undefined);
}

/** A request that has to succeed. */
export async function expectOk(
  address: string,
  apiPath: string,
  body: unknown,
  token?: string,
): Promise<void> {
  const answer = await askHttp(`${address}/v1/${apiPath}`, { method: 'PUT', body, token });
  if (answer.status < 300) return;
  throw new Error(`${address} answered ${answer.status} to ${apiPath}: ${JSON.stringify(answer.body)}`);
}

export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`Vault: not ${what} within ${READY_WITHIN_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

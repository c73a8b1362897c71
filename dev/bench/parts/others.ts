import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanEnvironment, startGuarded, tailOf, type GuardedProcess } from '../../shared/guarded-process';
import { waitFor } from '../../shared/wait';
import { forAllFound } from '../floor-work';
import type { Other } from '../options';
import { originalVsyncFile, vaultSyncFile, type OtherPlan } from '../other-files';
import { summarise, type Summary } from '../statistics';
import { VaultRequests } from '../vault-requests';
import { freshMounts } from '../world';
import { mountsOf, type Measurement } from './measurement';

/** What another tool took for the same work. It has no bar. */
export interface OtherRow {
  tool: Other;
  work: string;
  secrets: number;
  times: Summary;
}

const WITHIN_MS = 60 * 60_000;
const POLL_MS = 100;
const LISTS_AT_ONCE = 16;

/** The original vsync refuses a root token: it looks for each capability by its name. */
const POLICY = 'path "*" { capabilities = ["create", "read", "update", "delete", "list"] }';

/** Runs another tool on the same data, each time into fresh mounts: from the start of its process to its work done. */
export async function measureOther(
  measurement: Measurement,
  tool: Other,
  command: string,
): Promise<OtherRow[]> {
  const { options, world, say } = measurement;
  const { secrets, rounds, numBuckets, inFlight } = options;
  const mounts = mountsOf(measurement);
  const plan: Omit<OtherPlan, 'syncPath'> = {
    origin: { address: world.origin.address, token: await world.origin.api.tokenFor('bench', POLICY) },
    destination: {
      address: world.destination.address,
      token: await world.destination.api.tokenFor('bench', POLICY),
    },
    consul: world.consul,
    mounts,
    numBuckets,
    inFlight,
  };
  const scans: number[] = [];
  const copies: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    await freshMounts(world, mounts);
    const folder = path.join(world.dir, `${tool}-original-${round}`);
    mkdirSync(folder);
    const syncPath = `bench/original-${round}/`;
    const run = (args: string[], file: string, content: string) =>
      startOther(measurement, command, args, { folder, file, content });
    if (tool === 'vsync') {
      const origin = await run(
        ['origin', '-c'],
        'origin.json',
        originalVsyncFile('origin', { ...plan, syncPath }),
      );
      const index = `${world.consul}/v1/kv/${syncPath}origin/index`;
      scans.push(await timeUntil(measurement, origin, async () => (await fetch(index)).ok));
      // It would begin again with its next tick, while the destination is measured. Not by SIGTERM: in the middle of a
      // scan the original then publishes what it has read so far, which may be nothing.
      await origin.stop('SIGKILL');
      const file = originalVsyncFile('destination', { ...plan, syncPath });
      const destination = await run(['destination', '-c'], 'destination.json', file);
      copies.push(await timeUntil(measurement, destination, () => hasAll(measurement)));
      await destination.stop();
    } else {
      const file = vaultSyncFile({ ...plan, syncPath });
      // Not with its --once: vault-sync 0.11 then ends after the first of several mounts.
      const copy = await run(['--config'], 'vault-sync.yaml', file);
      copies.push(await timeUntil(measurement, copy, () => hasAll(measurement)));
      await copy.stop();
    }
    say(`${tool} (${command}), round ${round}: ${Math.round(copies.at(-1) ?? 0)} ms for the copy`);
  }
  const rowOf = (work: string, times: readonly number[]): OtherRow[] =>
    times.length === 0 ? [] : [{ tool, work, secrets, times: summarise(times) }];
  return [
    ...rowOf('from its start to the first index of the origin in Consul', scans),
    ...rowOf('from its start to all secrets at an empty destination', copies),
  ];
}

async function startOther(
  { world }: Measurement,
  command: string,
  args: readonly string[],
  { folder, file, content }: { folder: string; file: string; content: string },
): Promise<GuardedProcess> {
  const configFile = path.join(folder, file);
  // It holds tokens.
  writeFileSync(configFile, content, { mode: 0o600 });
  const other = await startGuarded({
    command,
    args: [...args, configFile],
    env: cleanEnvironment(),
    cwd: folder,
    logFile: `${configFile}.log`,
  });
  world.cleanUps.push(() => other.stop('SIGKILL'));
  return other;
}

/** @returns milliseconds until the check says yes. @throws if the process fails before */
async function timeUntil(
  { world: { signal } }: Measurement,
  other: GuardedProcess,
  check: () => Promise<boolean>,
): Promise<number> {
  const begin = performance.now();
  const looked = async (): Promise<boolean> => {
    const { exit } = other;
    if (await check()) return true;
    // One that ends by itself has done all that it will do before the check.
    if (exit === undefined) return false;
    throw new Error(
      `${other.logFile.replace(/\.log$/, '')}: the tool has ended (${String(exit.signal ?? exit.code)}) and its work ` +
        `is not done; the end of its log:\n${tailOf(other.logFile)}`,
    );
  };
  const what = (): string => `the tool did not do its work; the end of its log:\n${tailOf(other.logFile)}\n`;
  await waitFor(what, looked, { withinMs: WITHIN_MS, signal, pollMs: POLL_MS });
  return performance.now() - begin;
}

/** Whether all secrets are listed at the destination: a few that come late first, so that looking costs little. */
async function hasAll({ world, data }: Measurement): Promise<boolean> {
  const vault = new VaultRequests(world.destination, LISTS_AT_ONCE);
  try {
    for (const { mount, paths } of data) {
      const sample = [paths[0], paths[paths.length >> 1], paths.at(-1)];
      for (const path of sample) if ((await vault.valueOrNone(mount, path ?? '')) === undefined) return false;
    }
    for (const { mount, paths } of data) {
      const found = new Set<string>();
      await forAllFound([''], LISTS_AT_ONCE, async (folder) => {
        const names = (await vault.list(mount, folder)).map((name) => folder + name);
        for (const name of names) if (!name.endsWith('/')) found.add(name);
        return names.filter((name) => name.endsWith('/'));
      });
      if (paths.some((path) => !found.has(path))) return false;
    }
    return true;
  } finally {
    await vault.close();
  }
}

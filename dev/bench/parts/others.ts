import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanEnvironment, startGuarded, tailOf } from '../../shared/guarded-process';
import { VaultRequests, type VaultAccess } from '../../shared/vault-requests';
import { waitFor } from '../../shared/wait';
import { forAllFound } from '../floor';
import type { Measurement } from '../measurement';
import { summarise, type Other, type OtherRow } from '../results';
import { freshMounts, type BenchVault } from '../world';

const WITHIN_MS = 60 * 60_000;
const LISTS_AT_ONCE = 16;

/** The original vsync refuses a root token: it searches each capability by its name. */
const POLICY = 'path "*" { capabilities = ["create", "read", "update", "delete", "list"] }';

/** What the other tools are configured with. */
export interface OtherPlan {
  origin: VaultAccess;
  destination: VaultAccess;
  /** URL of the Consul of both ends. */
  consul: string;
  mounts: readonly string[];
  syncPath: string;
  numBuckets: number;
  inFlight: number;
}

/** Configuration file of the original vsync, for either role. */
export function originalVsyncFile(role: 'origin' | 'destination', plan: OtherPlan): object {
  const { mounts, syncPath, numBuckets, inFlight: numWorkers } = plan;
  // It does not start without a datacenter; this is the one of Consul's dev mode.
  const consul = { address: new URL(plan.consul).host, dc: 'dc1' };
  // The shortest tick: it waits for the first one, which is part of its times.
  const common = { consul, mounts, syncPath, numWorkers, tick: '1s', timeout: '1h' };
  const origin = { vault: plan.origin, ...common };
  const destination = role === 'origin' ? {} : { destination: { vault: plan.destination, ...common } };
  return { name: 'original', numBuckets, origin, ...destination };
}

/** Configuration file of vault-sync. */
export function vaultSyncFile({ origin, destination, mounts }: OtherPlan): object {
  const backends = mounts.map((mount) => mount.replace(/\/$/, ''));
  const side = ({ address, token }: VaultAccess) => ({ url: `${address}/`, prefix: '', backends, token });
  return { id: 'bench', full_sync_interval: 3600, src: side(origin), dst: side(destination) };
}

/** What the other tools can work with. */
export async function otherAccess({ address, api }: BenchVault): Promise<VaultAccess> {
  return { address, token: await api.tokenFor('bench', POLICY, '96h') };
}

/** Runs another tool on the same data, each time into fresh mounts: from the start of its process to its work done. */
export async function measureOther(
  measurement: Measurement,
  tool: Other,
  command: string,
): Promise<OtherRow[]> {
  const { options, world, mounts } = measurement;
  const { secrets, rounds, numBuckets, inFlight } = options;
  const [origin, destination] = [await otherAccess(world.origin), await otherAccess(world.destination)];
  const copied = () => hasAll(measurement);
  const scans: number[] = [];
  const copies: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    await freshMounts(world.destination, mounts);
    const syncPath = `bench/original-${round}/`;
    const plan = { origin, destination, consul: world.consul, mounts, numBuckets, inFlight, syncPath };
    const folder = path.join(world.dir, `${tool}-original-${round}`);
    mkdirSync(folder);
    const run = (args: string[], content: object, isDone: () => Promise<boolean>) =>
      timeUntil(measurement, { command, args, folder, content }, isDone);
    if (tool === 'vsync') {
      const index = `${world.consul}/v1/kv/${syncPath}origin/index`;
      const published = async (): Promise<boolean> => (await fetch(index)).ok;
      scans.push(await run(['origin', '-c'], originalVsyncFile('origin', plan), published));
      copies.push(await run(['destination', '-c'], originalVsyncFile('destination', plan), copied));
    } else {
      // Without its --once, with which vault-sync 0.11 ends after the first of several mounts.
      copies.push(await run(['--config'], vaultSyncFile(plan), copied));
    }
    world.say(`${tool} (${command}), round ${round}: ${Math.round(copies.at(-1) ?? 0)} ms for the copy`);
  }
  const rowOf = (work: string, times: readonly number[]): OtherRow[] =>
    times.length === 0 ? [] : [{ tool, work, secrets, times: summarise(times) }];
  return [
    ...rowOf('from its start to the first index of the origin in Consul', scans),
    ...rowOf('from its start to all secrets at an empty destination', copies),
  ];
}

interface OtherCommand {
  command: string;
  /** Its file follows. */
  args: string[];
  folder: string;
  /** Of its file. */
  content: object;
}

/** @returns milliseconds from the start of the tool until its work is done. @throws if it ends before */
async function timeUntil(
  measurement: Measurement,
  what: OtherCommand,
  isDone: () => Promise<boolean>,
): Promise<number> {
  const other = await startOther(measurement, what);
  const ms = await other.until(isDone);
  await other.stop();
  return ms;
}

/** Starts another tool. `until` waits for a work of it to be done, and throws if the tool ends before. */
export async function startOther(
  { world: { signal, cleanUps } }: Measurement,
  { command, args, folder, content }: OtherCommand,
) {
  // JSON is YAML, too.
  const file = path.join(folder, `${args[0]?.replace(/^-+/, '') ?? ''}.yaml`);
  // It holds tokens.
  writeFileSync(file, JSON.stringify(content, null, 2), { mode: 0o600 });
  const options = { command, args: [...args, file], env: cleanEnvironment(), cwd: folder };
  const other = await startGuarded({ ...options, logFile: `${file}.log` });
  cleanUps.push(() => other.stop('SIGKILL'));
  const what = (): string => `${command} did not do its work; its log ends:\n${tailOf(other.logFile)}\n`;
  return {
    until: (isDone: () => Promise<boolean>): Promise<number> => {
      const check = async (): Promise<boolean> => {
        const hasEnded = other.exit !== undefined;
        if (await isDone()) return true;
        if (hasEnded) throw new Error(`${what()}It has ended`);
        return false;
      };
      return waitFor(what, check, { withinMs: WITHIN_MS, signal });
    },
    // Not by SIGTERM: in the middle of a scan the original then publishes what it has read so far, which may be nothing.
    stop: () => other.stop('SIGKILL'),
  };
}

/** Whether all secrets are at the destination. One that comes late is read first, so that most checks cost little. */
export async function hasAll({ world, data }: Measurement): Promise<boolean> {
  const vault = new VaultRequests(world.destination, LISTS_AT_ONCE);
  try {
    for (const { mount, paths } of data)
      if ((await vault.readValue(mount, paths.at(-1) ?? '')) === undefined) return false;
    for (const { mount, paths } of data) {
      const found = new Set<string>();
      await forAllFound([''], LISTS_AT_ONCE, async (folder) => {
        const names = (await vault.list(mount, folder)).map((name) => folder + name);
        for (const name of names) found.add(name);
        return names.filter((name) => name.endsWith('/'));
      });
      if (paths.some((path) => !found.has(path))) return false;
    }
    return true;
  } finally {
    await vault.close();
  }
}

import path from 'node:path';
import { cleanEnvironment, startGuarded, tailOf } from '../../shared/guarded-process';
import { VaultRequests, type VaultAccess } from '../../shared/vault-requests';
import { waitFor } from '../../shared/wait';
import type { Measurement } from '../measurement';
import type { Other } from '../results';
import { freshMounts, writeConfig, type BenchVault, type World } from '../world';

const WITHIN_MS = 60 * 60_000;
const LISTS_AT_ONCE = 16;

/** What is timed. */
const INDEX = 'from its start to the first index of the origin in Consul';
const COPY = 'from its start to all secrets at an empty destination';

/** The original vsync refuses a root token: it searches each capability by its name. */
const POLICY = 'path "*" { capabilities = ["create", "read", "update", "delete", "list"] }';

/** What the other tools are configured with. */
export type OtherPlan = Awaited<ReturnType<typeof otherPlan>>;

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

/** With tokens that the other tools can work with. */
export async function otherPlan({ world, options, mounts }: Measurement, syncPath: string) {
  const accessTo = async ({ address, api }: BenchVault) => {
    return { address, token: await api.tokenFor('bench', POLICY, '96h') };
  };
  const [origin, destination] = [await accessTo(world.origin), await accessTo(world.destination)];
  const { numBuckets, inFlight } = options;
  return { origin, destination, consul: world.consul, mounts, syncPath, numBuckets, inFlight };
}

/** Runs another tool on the same data, each time into fresh mounts: from the start of its process to its work done. */
export async function measureOther(measurement: Measurement, tool: Other, command: string): Promise<void> {
  const { options, world, mounts } = measurement;
  const copied = () => hasAll(measurement);
  const measure = async (round: number): Promise<Record<string, number>> => {
    await freshMounts(world.destination, mounts);
    const plan = await otherPlan(measurement, `bench/original-${round}/`);
    const folder = path.join(world.dir, `${tool}-original-${round}`);
    const timed = async (args: string[], content: object, isDone: () => Promise<boolean>) => {
      const other = await startOther(world, { command, args, folder, content });
      const ms = await other.until(isDone);
      await other.stop();
      return ms;
    };
    // Without its --once, with which vault-sync 0.11 ends after the first of several mounts.
    if (tool === 'vault-sync') return { [COPY]: await timed(['--config'], vaultSyncFile(plan), copied) };
    const index = `${world.consul}/v1/kv/${plan.syncPath}origin/index`;
    const published = async (): Promise<boolean> => (await fetch(index)).ok;
    return {
      [INDEX]: await timed(['origin', '-c'], originalVsyncFile('origin', plan), published),
      [COPY]: await timed(['destination', '-c'], originalVsyncFile('destination', plan), copied),
    };
  };
  const rounds = await measurement.rounds(`${tool} (${command})`, measure);
  for (const [work, times] of Object.entries(rounds))
    measurement.others.push({ tool, work, secrets: options.secrets, times });
}

/**
 * Starts another tool. `until` waits for a work of it to be done, and throws if the tool ends before.
 *
 * @param what its arguments, which the file with this content follows
 */
export async function startOther(
  { signal, cleanUps }: World,
  what: { command: string; args: string[]; folder: string; content: object },
) {
  const { command, args, folder, content } = what;
  const file = writeConfig(folder, `${args[0]?.replace(/^-+/, '') ?? ''}.yaml`, content);
  const logFile = `${file}.log`;
  const options = { args: [...args, file], env: cleanEnvironment(), cwd: folder, logFile };
  const other = await startGuarded({ command, ...options });
  cleanUps.push(() => other.stop('SIGKILL'));
  const problem = (): string => `${command} did not do its work; its log ends:\n${tailOf(logFile)}\n`;
  return {
    until: (isDone: () => Promise<boolean>): Promise<number> => {
      const check = async (): Promise<boolean> => {
        const hasEnded = other.exit !== undefined;
        if (await isDone()) return true;
        if (hasEnded) throw new Error(`${problem()}It has ended`);
        return false;
      };
      return waitFor(problem, check, { withinMs: WITHIN_MS, signal });
    },
    // Not by SIGTERM: in the middle of a scan the original then publishes what it has read so far, which may be nothing.
    stop: () => other.stop('SIGKILL'),
  };
}

/** Whether all secrets are at the destination. One that comes late is read first, so that most checks cost little. */
export async function hasAll({ world, data }: Measurement): Promise<boolean> {
  const vault = new VaultRequests(world.destination, LISTS_AT_ONCE);
  const listed = async (mount: string, folder: string): Promise<string[]> => {
    const names = (await vault.list(mount, folder)).map((name) => folder + name);
    const found = names.map(async (name) => (name.endsWith('/') ? listed(mount, name) : [name]));
    return (await Promise.all(found)).flat();
  };
  try {
    for (const { mount, paths } of data)
      if ((await vault.readValue(mount, paths.at(-1) ?? '')) === undefined) return false;
    for (const { mount, paths } of data) {
      const found = new Set(await listed(mount, ''));
      if (paths.some((path) => !found.has(path))) return false;
    }
    return true;
  } finally {
    await vault.close();
  }
}

import { isDeepStrictEqual } from 'node:util';
import { makeValue } from '../../shared/sample-secrets';
import { VaultRequests } from '../../shared/vault-requests';
import { inParallel, pause } from '../../shared/wait';
import type { Measurement } from '../measurement';
import { percentile, summarise, type Summary } from '../results';
import type { BenchSync } from '../sync';

const CHANGES = 200;
const BURST = 1_000;
const WRITES_AT_ONCE = 32;
const POLL_MS = 2;
/** Of a burst, few are looked at, and not often: reading must not take the CPU that the copies need. */
const BURST_READS_AT_ONCE = 4;
const BURST_POLL_MS = 20;
/** When nothing is measured. */
const READS_AT_ONCE = 16;
const WITHIN_MS = 120_000;
/** From so many secrets on the bar of a changed one is the larger one. */
const MANY_SECRETS = 100_000;

interface Change {
  mount: string;
  path: string;
  value: unknown;
}

/** Changes of this number of existing secrets, each with a value that it never had. */
export function changes({ data, options }: Measurement, count: number, round: number): Change[] {
  const all = data.flatMap(({ mount, paths }) => paths.map((path) => ({ mount, path })));
  // Spread over all of them, each once if there are enough.
  const step = Math.max(1, Math.floor(all.length / count));
  return Array.from({ length: count }, (_, number) => {
    const { mount = '', path = '' } = all[(number * step) % all.length] ?? {};
    return { mount, path, value: makeValue(options.seed + 10_000 * round + number, mount + path) };
  });
}

/** Secrets that are changed one after the other. @returns the time of each, from Vault's answer to its first read back */
export async function changeOneByOne(measurement: Measurement, round: number): Promise<Summary> {
  const { world } = measurement;
  const [from, to] = [new VaultRequests(world.origin, 1), new VaultRequests(world.destination, 1)];
  const times: number[] = [];
  const count = Math.min(CHANGES, measurement.options.secrets);
  for (const change of changes(measurement, count, round)) {
    await from.writeValue(change.mount, change.path, change.value);
    times.push(await untilThere(measurement, to, change));
  }
  await Promise.all([from.close(), to.close()]);
  return summarise(times);
}

/** Waits until a change is read back. @returns how many milliseconds that took */
export async function untilThere(
  { world }: Measurement,
  to: VaultRequests,
  change: Change,
  pollMs = POLL_MS,
): Promise<number> {
  const { mount, path, value } = change;
  const begun = performance.now();
  while (!isDeepStrictEqual(await to.readValue(mount, path), value)) {
    if (performance.now() - begun > WITHIN_MS)
      throw new Error(`a change of ${mount}${path} did not arrive within ${WITHIN_MS / 1000} s`);
    await pause(pollMs, world.signal);
  }
  return performance.now() - begun;
}

/** Many secrets that are changed at the same time. @returns from the first write until all are read back */
export async function changeAtOnce(measurement: Measurement, burst: readonly Change[]): Promise<number> {
  const { world } = measurement;
  const from = new VaultRequests(world.origin, WRITES_AT_ONCE);
  const to = new VaultRequests(world.destination, BURST_READS_AT_ONCE);
  const begun = performance.now();
  const arrived = inParallel(burst, BURST_READS_AT_ONCE, async (change) => {
    await untilThere(measurement, to, change, BURST_POLL_MS);
  });
  await inParallel(burst, WRITES_AT_ONCE, ({ mount, path, value }) => from.writeValue(mount, path, value));
  await arrived;
  const ms = performance.now() - begun;
  await Promise.all([from.close(), to.close()]);
  return ms;
}

/** A burst of existing secrets, each once. */
export function burstOf(measurement: Measurement, round: number): Change[] {
  return changes(measurement, Math.min(BURST, measurement.options.secrets), round);
}

/** @returns the time of each change */
export async function measureChanges(measurement: Measurement, destination: BenchSync): Promise<Summary> {
  const { options } = measurement;
  const ours = await changeOneByOne(measurement, 1);
  const { lag } = await destination.status();
  const p99 = percentile(ours.values, 0.99);
  console.log(
    `one changed secret: median ${ours.median.toFixed(1)} ms, 99th percentile ${p99.toFixed(1)} ms`,
  );
  // The lag is an upper bound: what is there counts until a cycle has claimed it.
  const details = { lagAfterLast: lag };
  const bar = { kind: 'at most', limit: options.secrets >= MANY_SECRETS ? 100 : 50 } as const;
  measurement.add('feed-change-median', { value: ours.median, ours, bar, details });
  measurement.add('feed-change-p99', { value: p99, details });
  return ours;
}

/** @param settled resolves when all cycles have ended. @returns the times of the rounds */
export async function measureBurst(
  measurement: Measurement,
  settled: () => Promise<void>,
  destination: BenchSync,
): Promise<Summary> {
  const { data } = measurement;
  let tooMany = 0;
  let lag: unknown;
  const rounds = await measurement.rounds('burst', async (round) => {
    const burst = burstOf(measurement, 1 + round);
    const before = await versionsOf(measurement, burst);
    const ms = await changeAtOnce(measurement, burst);
    await settled();
    const after = await versionsOf(measurement, burst);
    tooMany += after.reduce((sum, version, at) => sum + Math.abs(version - 1 - (before[at] ?? 0)), 0);
    ({ lag } = await destination.status());
    return { ms };
  });
  const ours = rounds.ms;
  const count = Math.min(BURST, data[0].paths.length + data[1].paths.length);
  const details = { changed: count, lagAfterCycles: lag };
  measurement.add('feed-burst', { value: ours.median, ours, details });
  measurement.add('feed-burst-versions', { value: tooMany, details });
  console.log(`burst of ${count}: ${Math.round(ours.median)} ms, ${tooMany} versions too many or too few`);
  return ours;
}

async function versionsOf({ world }: Measurement, secrets: readonly Change[]): Promise<number[]> {
  const versions: number[] = new Array<number>(secrets.length).fill(0);
  await inParallel([...secrets.entries()], READS_AT_ONCE, async ([at, { mount, path }]) => {
    versions[at] = await world.destination.api.version(mount, path);
  });
  return versions;
}

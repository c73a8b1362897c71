import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { makeValue } from '../data';
import { summarise } from '../statistics';
import type { BenchSync } from '../sync';
import { VaultRequests } from '../vault-requests';
import { expectCycle, noteHistory, type Measurement } from './measurement';

/** Changes that are measured: they are short, so there are more of them than rounds. */
const CHANGES = 7;

const ARRIVES_WITHIN_MS = 60_000;
const POLL_MS = 5;

/** A pause before a change, so that each meets the watch at rest; of different length, so that none meets it at the same point. */
const REST_MS = [700, 900, 1_100];

/** How long a changed secret takes from the write of the origin's index to its destination, with the watch at work. */
export async function measureChange(
  measurement: Measurement,
  origin: BenchSync,
  destination: BenchSync,
): Promise<void> {
  const { options, world, data, rows, say } = measurement;
  const { secrets, numBuckets, seed } = options;
  const { mount, paths } = data[0];
  const [from, to] = [new VaultRequests(world.origin, 1), new VaultRequests(world.destination, 1)];
  const times: number[] = [];
  try {
    for (let change = 0; change < CHANGES; change++) {
      const path = paths[Math.floor((change * paths.length) / CHANGES)] ?? '';
      await destination.idle();
      await sleep(REST_MS[change % REST_MS.length], undefined, { signal: world.signal });
      const value = makeValue(seed + 1 + change, mount + path);
      await from.writeValue(mount, path, value);
      const published = indexWritten(measurement, origin);
      const cycle = origin.cycle();
      // It is awaited below; until then its failure would count as one that nobody sees.
      cycle.catch(() => undefined);
      const startedMs = await published;
      while (!isDeepStrictEqual(await to.valueOrNone(mount, path), value)) {
        if (performance.now() - startedMs > ARRIVES_WITHIN_MS)
          throw new Error(`a change did not arrive within ${ARRIVES_WITHIN_MS / 1000} s`);
        await sleep(POLL_MS, undefined, { signal: world.signal });
      }
      times.push(performance.now() - startedMs);
      const done = await cycle;
      expectCycle(done, 'the origin cycle of a change', { outcome: 'synced', counts: { read: secrets } });
      if (change === 0) noteHistory(measurement, 'origin, one change', done);
      say(`one changed secret: ${Math.round(times.at(-1) ?? 0)} ms`);
    }
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
  const summary = summarise(times);
  rows.push({
    id: 'change',
    work: 'one changed secret, from the index in Consul to the secret readable at the destination',
    secrets,
    buckets: numBuckets,
    unit: 'ms',
    value: summary.median,
    bar: { kind: 'below', limit: 1_000 },
    ours: summary,
    details: {},
  });
}

/** Waits until the origin's index is written. @returns when, on the clock of this process, in milliseconds */
async function indexWritten({ world }: Measurement, origin: BenchSync): Promise<number> {
  const url = `${world.consul}/v1/kv/${origin.syncPath}origin/index`;
  const ask = async (query: string): Promise<{ index: string; text: string }> => {
    const answer = await fetch(url + query, { signal: world.signal });
    return { index: answer.headers.get('x-consul-index') ?? '', text: await answer.text() };
  };
  const before = await ask('?consistent');
  let now = before;
  const deadline = performance.now() + ARRIVES_WITHIN_MS * 10;
  while (now.text === before.text) {
    if (performance.now() > deadline) throw new Error('the origin did not publish a change');
    now = await ask(`?index=${now.index}&wait=30s`);
  }
  return performance.now();
}

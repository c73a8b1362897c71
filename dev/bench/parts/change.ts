import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { makeValue } from '../../shared/sample-secrets';
import { VaultRequests } from '../../shared/vault-requests';
import { waitFor } from '../../shared/wait';
import { expectCycle, type Measurement } from '../measurement';
import { summarise } from '../results';
import type { BenchSync } from '../sync';

/** Changes are short, so there are more of them than rounds. */
const CHANGES = 7;

const WITHIN_MS = 600_000;
const POLL_MS = 5;

/** Before a change, so that the watch is at rest; of different length, so that changes meet its poll at different points. */
const REST_MS = [700, 900, 1_100];

/** How long a changed secret takes from the write of the origin's index to its destination, with the watch running. */
export async function measureChange(
  measurement: Measurement,
  origin: BenchSync,
  destination: BenchSync,
): Promise<void> {
  const { options, world, data } = measurement;
  const { mount, paths } = data[0];
  const [from, to] = [new VaultRequests(world.origin, 1), new VaultRequests(world.destination, 1)];
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const path = paths[Math.floor((change * paths.length) / CHANGES)] ?? '';
    await destination.idle();
    await sleep(REST_MS[change % REST_MS.length], undefined, { signal: world.signal });
    const value = makeValue(options.seed + 1 + change, mount + path);
    await from.writeValue(mount, path, value);
    const [, cycle] = await Promise.all([
      indexWritten(measurement, origin)
        .then(() =>
          waitFor(
            () => 'a change did not arrive',
            async () => isDeepStrictEqual(await to.readValue(mount, path), value),
            { withinMs: WITHIN_MS, pollMs: POLL_MS, signal: world.signal },
          ),
        )
        .then((ms) => times.push(ms)),
      origin.cycle(),
    ]);
    expectCycle(cycle, 'synced', { read: options.secrets });
    if (change === 0) measurement.noteHistory('origin, one change', cycle);
    world.say(`one changed secret: ${times.at(-1)} ms`);
  }
  await Promise.all([from.close(), to.close()]);
  const ours = summarise(times);
  measurement.add('change', { value: ours.median, ours });
}

/** Waits until the origin's index is written, by long polls. */
async function indexWritten({ world: { consul, signal } }: Measurement, origin: BenchSync): Promise<void> {
  const url = `${consul}/v1/kv/${origin.syncPath}origin/index`;
  const before = await fetch(`${url}?consistent`, { signal });
  const old = await before.text();
  let answer = before;
  do {
    answer = await fetch(`${url}?index=${answer.headers.get('x-consul-index') ?? ''}&wait=30s`, { signal });
  } while ((await answer.text()) === old);
}

import { publishedBy } from '../support/published';
import type { Fault } from '../support/fault-proxy';
import { RunningSync } from '../support/running-sync';

/** A write without an answer may have happened. The cycle reads it back, and does not repeat it blindly. */

let running: RunningSync;

beforeAll(async () => {
  running = await RunningSync.create({ secrets: ['lost-u', 'reset-u', 'lost-d', 'reset-d', 'other'] });
});

afterAll(() => running.tearDown());

test.each<['lost' | 'reset', string]>([
  ['lost', 'the answer to a write is lost after the Vault did it'],
  ['reset', 'a write is lost before it reaches the Vault'],
])('destination cycle reads a write back before it repeats it (%s: %s)', async (fault) => {
  const { sync, proxies } = running;
  const [added, updated, gone] = [`${fault}-n`, `${fault}-u`, `${fault}-d`];
  await running.put(added);
  await sync.originVault.put(sync.mount, updated, { value: 'second' });
  await sync.originVault.delete(sync.mount, gone);
  await sync.cycle('origin');

  const met = new Set<string>();
  proxies.vault.choose((method, url): Fault | undefined => {
    if (method !== 'POST' || met.has(url) || !/\/(data|delete)\//.test(url)) return undefined;
    met.add(url);
    return fault;
  });
  const written = (path: string): number =>
    proxies.vault.requests.filter((request) => request === `POST /v1/${running.data(path)}`).length;
  const cycle = await sync.cycle('destination');
  expect(met.size).toBe(3);
  expect(cycle).toMatchObject({ counts: { added: 1, updated: 1, failed: 0 } });
  const writes = fault === 'lost' ? 1 : 2;
  expect([written(added), written(updated)]).toEqual([writes, writes]);
  expect(await running.at(added)).toEqual([{ path: added }, 1]);
  expect(await running.at(updated)).toEqual([{ value: 'second' }, 2]);
  // The record of an unanswered delete stays. The next cycle asks both ends again.
  expect(cycle).toMatchObject({ outcome: 'partial', counts: { deleted: 0, unknown: 1 } });

  const next = await sync.cycle('destination');
  expect(next).toMatchObject({ counts: { deleted: fault === 'lost' ? 0 : 1, unknown: 0, failed: 0 } });
  expect(await running.at(gone)).toEqual([undefined, 1]);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 0 } });
  const claims = (await publishedBy(sync, 'destination')).insights;
  expect(claims).toEqual((await publishedBy(sync)).insights);
  expect(claims[gone]).toBeUndefined();
});

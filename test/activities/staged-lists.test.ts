import { StagedLists } from '../../src/activities/origin/staged-lists';
import type { StagedBuckets } from '../../src/activities/origin/manifest';
import { CONSUL_TRANSACTION_BYTES } from '../../src/limits';
import { Staging } from '../../src/sync-info/staging';
import { MemoryStore } from '../support/memory-store';

const { signal } = new AbortController();

/** Stages lists of one bucket each. */
async function stage(
  jsons: readonly (string | undefined)[],
): Promise<{ lists: StagedLists; reads: string[] }> {
  const store = new MemoryStore();
  const staging = new Staging(store, 'staging/');
  const references: string[] = [];
  for (const [id, json] of jsons.entries()) {
    const lists: StagedBuckets = { v: 1, buckets: [{ id, hash: `hash ${id}`, revision: id, json }] };
    references.push(await staging.put(lists));
  }
  const reads: string[] = [];
  const get = store.get.bind(store);
  store.get = (key) => {
    reads.push(key);
    return get(key);
  };
  return { lists: new StagedLists(staging, references), reads };
}

test('a save that fits one transaction reads each staged list once', async () => {
  const { lists, reads } = await stage(['{"a":1}', undefined, '{"c":"é"}']);
  const { buckets } = await lists.find(signal);
  expect(buckets).toMatchObject([
    { id: 0, hash: 'hash 0', revision: 0, bytes: 7 },
    { id: 1, bytes: undefined },
    { id: 2, bytes: 10 },
  ]);
  expect(await buckets[2]?.readJson(signal)).toBe('{"c":"é"}');
  expect(await buckets[0]?.readJson(signal)).toBe('{"a":1}');
  expect(reads).toHaveLength(3);
});

test('of a larger save, the staged lists are read again when their buckets are written, in any order', async () => {
  const jsons = ['a', 'b', 'c'].map((letter) => letter.repeat(CONSUL_TRANSACTION_BYTES / 2 + 1));
  const { lists, reads } = await stage(jsons);
  const { buckets } = await lists.find(signal);
  expect(JSON.stringify(buckets).length).toBeLessThan(1_000);
  reads.splice(0);
  for (const at of [0, 1, 2, 1]) expect(await buckets[at]?.readJson(signal)).toBe(jsons[at]);
  expect(reads).toHaveLength(4);
});

import { parseBucket } from '../../src/rules/bucket';
import { parseIndex } from '../../src/rules/sync-index';
import { SyncFixture } from '../support/sync-fixture';
import { syncInfoVectors } from '../rules/vectors';

/** What the original vsync 0.3.0 wrote with this number of buckets. */
const NUM_BUCKETS = 19;
const WRITTEN = Object.entries(syncInfoVectors.syncInfo[String(NUM_BUCKETS)] ?? {}).map(
  ([key, value]) => [key.replace(/^origin\//, ''), value] as const,
);
const PATHS = WRITTEN.filter(([key]) => key !== 'index').flatMap(([, value]) => [
  ...parseBucket(value).keys(),
]);

/** A Consul with sync info of the original, and its secrets in place at both ends, each with one version. */
async function takenOver({ destinationInfo }: { destinationInfo: boolean }): Promise<SyncFixture> {
  const sync = await SyncFixture.create({
    numBuckets: NUM_BUCKETS,
    // The mount of the vectors; a Vault in dev mode has it.
    edit: (file) => {
      for (const section of ['origin', 'destination'])
        Object.assign((file[section] as object | undefined) ?? {}, { mounts: ['secret/'] });
    },
  });
  const [vault] = sync.destinationVaults;
  for (const path of PATHS) {
    const rel = path.slice('secret/data/'.length);
    for (const side of [sync.originVault, vault])
      if ((await side?.version('secret/', rel)) === 0) await side?.put('secret/', rel, { value: rel });
  }
  for (const [key, value] of WRITTEN) {
    await sync.consul.put(sync.infoPrefix('origin') + key, value);
    if (destinationInfo) await sync.consul.put(sync.infoPrefix('destination') + key, value);
  }
  return sync;
}

async function expectUntouched(sync: SyncFixture): Promise<void> {
  const [vault] = sync.destinationVaults;
  for (const path of PATHS) {
    const rel = path.slice('secret/data/'.length);
    expect([rel, await vault?.version('secret/', rel)]).toEqual([rel, 1]);
    expect(await vault?.get('secret/', rel)).toEqual({ value: rel });
  }
}

const sum = (counts: { added: number; updated: number; deleted: number }): number =>
  counts.added + counts.updated + counts.deleted;

test('the vectors are worth the name', () => {
  expect(PATHS.length).toBeGreaterThan(20);
  expect(WRITTEN).toHaveLength(NUM_BUCKETS + 1);
});

describe('in the place of an original vsync', () => {
  let sync: SyncFixture;

  afterEach(() => sync.tearDown());

  test('a destination reads no secret and writes none, and leaves the sync info as it is', async () => {
    sync = await takenOver({ destinationInfo: true });
    expect((await sync.plan()).planned).toEqual([]);
    const prefix = sync.infoPrefix('destination');
    const before = await sync.consul.revisions(prefix);
    await sync.work();
    await sync.start('destination');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
    // Two keys that the original does not know are added.
    const {
      [`${prefix}state`]: state,
      [`${prefix}schedule`]: schedule,
      ...after
    } = await sync.consul.revisions(prefix);
    expect(after).toEqual(before);
    expect([state, schedule]).not.toContain(undefined);
    await expectUntouched(sync);
  });

  test('a destination whose info is lost compares, and writes no version', async () => {
    sync = await takenOver({ destinationInfo: false });
    await sync.work();
    await sync.start('destination');
    const { counts } = await sync.cycle('destination');
    expect([sum(counts), counts.failed]).toEqual([0, 0]);
    await expectUntouched(sync);
  });

  test('an origin writes its own insights over those of the original, and no destination copies or deletes', async () => {
    sync = await takenOver({ destinationInfo: true });
    await sync.work();
    await sync.start('origin');
    const values = await sync.consul.values(sync.infoPrefix('origin'));
    const index = parseIndex(values[`${sync.infoPrefix('origin')}index`] ?? '');
    expect(index).toHaveLength(NUM_BUCKETS);
    const insights = index.flatMap((_, id) => [
      ...parseBucket(values[`${sync.infoPrefix('origin')}${id}`] ?? '').keys(),
    ]);
    expect(insights.sort()).toEqual([...PATHS].sort());

    await sync.start('destination');
    await sync.cycle('destination');
    await expectUntouched(sync);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'unchanged',
      counts: { read: 0, held: 0 },
    });
    // Index and buckets of both sides are the same now, as they would be with an original.
    const own = await sync.consul.values(sync.infoPrefix('destination'));
    expect(own[`${sync.infoPrefix('destination')}index`]).toBe(JSON.stringify(index));
  });
});

import { parseBucket, parseIndex } from '../../src/rules/bucket';
import { SyncFixture } from '../support/sync-fixture';
import { syncInfoVectors } from '../rules/vectors';

/** vsync takes over from the original on the same Consul, and neither copies nor deletes because of it. */

/** What the original vsync 0.3.0 wrote with this number of buckets. */
const NUM_BUCKETS = 19;
const WRITTEN = Object.entries(syncInfoVectors.syncInfo[String(NUM_BUCKETS)] ?? {}).map(
  ([key, value]) => [key.replace(/^origin\//, ''), value] as const,
);
const PATHS = WRITTEN.filter(([key]) => key !== 'index').flatMap(([, value]) => [
  ...parseBucket(value).keys(),
]);

/** A Consul with sync info of the original, and its secrets at both ends, each in one version. */
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

test('the vectors contain more than 20 secrets, in all buckets', () => {
  expect(PATHS.length).toBeGreaterThan(20);
  expect(WRITTEN).toHaveLength(NUM_BUCKETS + 1);
});

describe('in place of an original vsync,', () => {
  let sync: SyncFixture;

  afterEach(() => sync.tearDown());

  test('destination cycle reads and writes no secret, and leaves the sync info as it is', async () => {
    sync = await takenOver({ destinationInfo: true });
    expect((await sync.plan()).planned).toEqual([]);
    const prefix = sync.infoPrefix('destination');
    const before = await sync.consul.revisions(prefix);
    await sync.work();
    await sync.start('destination');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
    // vsync adds two keys that the original does not have.
    const {
      [`${prefix}state`]: state,
      [`${prefix}schedule`]: schedule,
      ...after
    } = await sync.consul.revisions(prefix);
    expect(after).toEqual(before);
    expect([state, schedule]).not.toContain(undefined);
    await expectUntouched(sync);
  });

  test('destination cycle compares when its info is lost, and writes no version', async () => {
    sync = await takenOver({ destinationInfo: false });
    await sync.work();
    await sync.start('destination');
    const { counts } = await sync.cycle('destination');
    expect([sum(counts), counts.failed]).toEqual([0, 0]);
    await expectUntouched(sync);
  });

  test('origin cycle writes its own insights over those of the original, and no destination copies or deletes', async () => {
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
    // The indices of both sides are equal now, as with an original.
    const own = await sync.consul.values(sync.infoPrefix('destination'));
    expect(own[`${sync.infoPrefix('destination')}index`]).toBe(JSON.stringify(index));
  });
});

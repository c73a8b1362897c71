import type { WorkflowFailedError } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { setMaxListeners } from 'node:events';
import { copySecrets } from '../../src/activities/destination/copy/copy-secrets';
import type { DestinationDeps } from '../../src/activities/destination/base/deps';
import { diffIndices } from '../../src/activities/destination/cycle/diff-indices';
import { guardDeletes } from '../../src/activities/destination/deletes/guard-deletes';
import { preflight } from '../../src/activities/destination/cycle/preflight';
import { toFailure } from '../../src/activities/shared/failures';
import { createClients } from '../../src/activities/clients';
import { openStore } from '../../src/consul/datacenter';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { failedCycle } from '../../src/cli/text';
import { bucketId } from '../../src/rules/bucket';
import type { CycleResult } from '../../src/contract/cycle';
import { FaultProxy, type Fault } from '../support/fault-proxy';
import { RunningSync } from '../support/running-sync';
import { WRONG_ANSWERS } from '../support/wrong-answers';

/**
 * Invariant 2 for the origin's sync info: whatever Consul answers in its place, nothing is deleted at the destination.
 * A delete is due during all of this.
 */

type Place = 'index' | 'bucket';

const NAMES = Object.keys(WRONG_ANSWERS);
const FAULTS = Object.values(WRONG_ANSWERS).map(({ fault }) => fault);
const NUM_BUCKETS = 4;

const signal = new AbortController().signal;
// Every request in flight listens to it, as in an activity.
setMaxListeners(0, signal);

let running: RunningSync;
let consul: Awaited<ReturnType<typeof readConsul>>;

beforeAll(async () => {
  // Short, because a cycle that keeps meeting the fault ends at its timeout. The others end earlier, also on a slow machine.
  running = await RunningSync.create({
    secrets: ['gone', 'stays', 'stays2'],
    timeout: '15s',
    numBuckets: NUM_BUCKETS,
  });
  consul = await readConsul();
}, 420_000);

afterAll(() => running.tearDown());

describe.each(['index', 'bucket'] as const)("for the origin's %s in Consul,", (place) => {
  test.each(NAMES)('each step that reads it fails after %s, and names the cause', (name) => {
    const [type, words] = WRONG_ANSWERS[name]?.consul ?? [];
    const failures = consul.failures[place][NAMES.indexOf(name)] ?? [];
    expect(failures.map(([given]) => given)).toEqual(Array(place === 'index' ? 3 : 2).fill(type));
    for (const [, message] of failures) {
      expect(message).toContain(place === 'index' ? 'origin/index: ' : 'origin/');
      expect(message).toContain(words);
    }
  });
});

test('destination cycle under such answers of Consul fails with the cause, and the next one deletes what is gone and nothing else', () => {
  expect(consul.cycles).toEqual([
    [
      'failed',
      expect.stringMatching(/^ConsulForbidden: diffIndices: .*origin\/index: permission denied \(403\)/),
    ],
    ['timed-out', expect.stringContaining('the next cycle goes on from there')],
  ]);
  expect(consul.found).toEqual([
    [{ path: 'gone' }, 1],
    [{ path: 'stays' }, 1],
  ]);
  expect(consul.next).toMatchObject({ outcome: 'synced', counts: { deleted: 1, unknown: 0 } });
  expect(consul.after).toEqual([
    [undefined, 1],
    [{ path: 'stays' }, 1],
  ]);
});

/** A destination that has one delete to do, and cannot read the origin's sync info. */
async function readConsul(): Promise<{
  failures: Record<Place, [type: string, message: string][][]>;
  cycles: [outcome: string, note: string | undefined][];
  found: unknown[];
  next: CycleResult;
  after: unknown[];
}> {
  const { sync, proxies } = running;
  await sync.originVault.delete(sync.mount, 'gone');
  await sync.cycle('origin');
  const both = (): Promise<unknown[]> => Promise.all(['gone', 'stays'].map((path) => running.at(path)));

  const cycles: [string, string | undefined][] = [];
  const met: [key: RegExp, fault: Fault][] = [
    [/\/origin\/index\b/, { status: 403, body: 'Permission denied' }],
    [/\/origin\/\d+\b/, { status: 200, body: '<html>log in</html>' }],
  ];
  for (const [key, fault] of met) {
    proxies.originConsul.choose((_method, url) => (key.test(decodeURIComponent(url)) ? fault : undefined));
    const ended = await sync
      .cycle('destination')
      .catch((error: unknown) => failedCycle(error as WorkflowFailedError));
    cycles.push([ended.outcome, ended.note]);
  }
  running.mendAll();

  const clients = await createClients(sync.config('destination'));
  if (clients.role !== 'destination') throw new Error('the configuration of a destination makes its clients');
  const { deps } = clients;
  const under = (place: Place) => Promise.all(FAULTS.map((fault) => stepsUnder(deps, place, fault)));
  const [index, bucket] = await Promise.all([under('index'), under('bucket')]);
  await clients.close();
  const found = await both();
  return {
    failures: { index, bucket },
    cycles,
    found,
    next: await sync.cycle('destination'),
    after: await both(),
  };
}

/** A destination's clients that read the origin's sync info through a proxy of their own. */
async function faulted(
  deps: DestinationDeps,
  place: Place,
  fault: Fault,
): Promise<{ deps: DestinationDeps; close: () => Promise<void> }> {
  const proxy = await FaultProxy.before(running.sync.servers.consul);
  const prefix = running.sync.infoPrefix('origin');
  proxy.choose((_method, url) => {
    const key = decodeURIComponent(url).split(`/kv/${prefix}`)[1]?.replace(/\?.*/, '') ?? '';
    return (place === 'index' ? key === 'index' : /^\d+$/.test(key)) ? fault : undefined;
  });
  const store = await openStore(
    { ...deps.config.origin.consul, address: proxy.address },
    { section: 'origin.consul', indexKey: `${prefix}index` },
  );
  return {
    deps: { ...deps, originInfo: new SyncInfo(store, prefix) },
    close: async () => {
      store.close();
      await proxy.close();
    },
  };
}

/** How each step that reads the origin's sync info fails under a fault. */
async function stepsUnder(
  clean: DestinationDeps,
  place: Place,
  fault: Fault,
): Promise<[type: string, message: string][]> {
  const { deps, close } = await faulted(clean, place, fault);
  const base = { v: 1, fingerprint: deps.fingerprint } as const;
  const { mounts } = await preflight(clean, signal);
  const { indexRevision, considered = '' } = await diffIndices(clean, { ...base, changed: false }, signal);
  const buckets = [bucketId(running.data('gone'), NUM_BUCKETS)];
  const steps = [
    ...(place === 'index' ? [() => diffIndices(deps, { ...base, changed: false }, signal)] : []),
    () => guardDeletes(deps, { ...base, buckets, considered, mounts }, signal),
    () =>
      new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(() =>
        copySecrets(
          deps,
          { ...base, buckets, mounts, indexRevision, considered, deletes: true },
          signal,
          () => undefined,
        ),
      ),
  ];
  try {
    return await Promise.all(
      steps.map(async (step): Promise<[string, string]> => {
        const error = await step().then(
          () => new Error('the step did not fail'),
          (caught: unknown) => caught,
        );
        const failure = toFailure(error);
        return ['type' in failure ? (failure.type ?? '') : '', failure.message];
      }),
    );
  } finally {
    await close();
  }
}

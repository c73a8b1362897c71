import { SHARED_ACTIVITIES_PER_WORKER } from '../../src/limits';
import { chunkOfBucket } from '../../src/activities/origin/manifest';
import { DispatchWidth } from '../../src/activities/shared/dispatch-width';
import { taskQueue, verifyId } from '../../src/contract/ids';
import { sharedQueue } from '../../src/contract/cycle';
import { cyclesOf } from '../../src/temporal/schedule';
import { bucketId } from '../../src/rules/bucket';
import { dataPath } from '../../src/rules/paths';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { pendingOf, sharesOf } from '../support/shares';
import { SyncFixture } from '../support/sync-fixture';
import { startVsync } from '../../dev/shared/vsync-command';
import { inParallel } from '../../dev/shared/wait';

/** Enough for four chunks of metadata, and six groups of buckets. */
const SECRETS = 4_100;
const BUCKETS = 16;
/** Longest time of a step, on a busy machine. */
const WITHIN_MS = 180_000;
/** A request that the test holds back must not count as an outage. */
const HELD = { requestTimeoutMs: 2 * WITHIN_MS };

/** Workers of one sync share chunks of metadata and groups of buckets. The tests depend on each other. */
describe('a cycle with shared work', () => {
  let sync: SyncFixture;
  let originVault: FaultProxy;
  let vault: FaultProxy;
  let other: GuardedProcess | undefined;
  const paths = [...Array(SECRETS).keys()].map((n) => `f${n % 20}/s${n}`);

  beforeAll(async () => {
    const { origin, destinations } = sharedServers();
    originVault = await FaultProxy.before(origin.address);
    vault = await FaultProxy.before(destinations[0].address);
    sync = await SyncFixture.create({
      numBuckets: BUCKETS,
      // Held requests must neither slow down later ones nor time the cycle out.
      numWorkers: 16,
      timeout: '5m',
      destinationVault: vault.address,
      edit: (file) => {
        (file['origin'] as { vault: { address: string } }).vault.address = originVault.address;
      },
    });
    // The workers start before the secrets exist, so that a known cycle finds them.
    await sync.run({ vaultTimes: HELD });
    await inParallel(paths, 16, async (path) => {
      await sync.originVault.put(sync.mount, path, { path });
    });
  }, WITHIN_MS);

  afterAll(async () => {
    for (const proxy of [originVault, vault]) proxy.choose(() => undefined);
    await other?.stop('SIGKILL');
    await sync.tearDown();
    await Promise.all([originVault.close(), vault.close()]);
  });

  /**
   * Starts a cycle whose requests are held at gates.
   *
   * @param gateOf the gate that holds a request; undefined lets it pass
   * @returns the cycle, and a function that opens gates
   */
  async function heldCycle(
    role: 'origin' | 'destination',
    proxy: FaultProxy,
    gateOf: (method: string, url: string) => number | undefined,
  ) {
    const gates = Array.from({ length: 4 }, () => {
      let open = (): void => undefined;
      const opened = new Promise<undefined>((resolve) => {
        open = () => {
          resolve(undefined);
        };
      });
      return { open, opened };
    });
    const release = (...which: number[]): void => {
      gates.forEach(({ open }, gate) => {
        if (which.length === 0 || which.includes(gate)) open();
      });
    };
    proxy.choose((method, url) => gates[gateOf(method, url) ?? -1]?.opened);
    const before = (await sync.lastCycle(role)).workflowId;
    await sync.schedule(role).trigger('BUFFER_ONE');
    const cycle = await eventually(async () => {
      const last = await sync.lastCycle(role);
      if (last.workflowId === before) throw new Error('not begun');
      return last;
    }, 'the cycle to begin');
    return { cycle, release };
  }

  async function lastShares(role: 'origin' | 'destination', activity: string) {
    const last = cyclesOf(await sync.schedule(role).describe()).at(-1);
    return sharesOf(sync.client, last ?? { workflowId: '' }, activity);
  }

  test(
    'dispatches two chunks of metadata for each worker, also for one that joins during the cycle',
    async () => {
      const queue = sharedQueue(taskQueue('origin', sync.config('origin').name));
      const chunkOf = (path: string): number =>
        chunkOfBucket(bucketId(dataPath(sync.mount, path), BUCKETS), BUCKETS, 4);
      // One held secret keeps a chunk from ending, and leaves the request queue free for others.
      const chunkOfUrl = new Map(paths.map((path) => [`/v1/${sync.mount}metadata/${path}`, chunkOf(path)]));
      const onePerChunk = new Map([...chunkOfUrl].map(([url, chunk]) => [chunk, url]));
      const { cycle, release } = await heldCycle('origin', originVault, (method, url) => {
        const chunk = chunkOfUrl.get(url);
        return method === 'GET' && chunk !== undefined && onePerChunk.get(chunk) === url ? chunk : undefined;
      });
      await eventually(
        async () => {
          expect(await pendingOf(cycle, 'fetchMetadata')).toEqual({ started: 2, waiting: 0 });
        },
        'one worker to take two chunks',
        WITHIN_MS / 4,
      );
      // Another process, because workers of one process share their requests to a Vault.
      other = await startVsync(['worker', '-c', sync.originFile], { home: sync.folder });
      await eventually(
        async () => {
          expect(await new DispatchWidth(queue).atOnce(sync.client)).toBe(2 * SHARED_ACTIVITIES_PER_WORKER);
        },
        'Temporal to know both workers',
        WITHIN_MS / 4,
      );
      release(0);
      await eventually(
        async () => {
          expect(await pendingOf(cycle, 'fetchMetadata')).toEqual({ started: 3, waiting: 0 });
        },
        'the other worker to take one more',
        WITHIN_MS / 4,
      );
      release();
      expect(await cycle.result()).toMatchObject({ outcome: 'synced', counts: { read: SECRETS } });
      expect(await lastShares('origin', 'fetchMetadata')).toEqual({
        count: 4,
        mostAtOnce: 3,
        queues: [queue],
      });
    },
    WITHIN_MS,
  );

  test(
    'dispatches two groups of buckets for each worker, and the first step of a verify does not wait behind them',
    async () => {
      // One held secret of each bucket keeps a group from ending, and leaves the request queue free for others.
      const oneOfEach = new Map(paths.map((path) => [bucketId(dataPath(sync.mount, path), BUCKETS), path]));
      const held = new Set([...oneOfEach.values()].map((path) => `${sync.mount}data/${path}`));
      const { cycle, release } = await heldCycle('destination', vault, (method, url) =>
        method === 'POST' && held.has(url.replace('/v1/', '')) ? 0 : undefined,
      );
      await eventually(
        async () => {
          expect(await pendingOf(cycle, 'copySecrets')).toEqual({ started: 2, waiting: 0 });
        },
        'one worker to take two groups',
        WITHIN_MS / 4,
      );

      const stop = new AbortController();
      const verify = sync.verify(0, { signal: stop.signal }).catch(() => undefined);
      await eventually(
        async () => {
          const handle = { workflowId: verifyId(sync.config('destination').name) };
          const { count } = await sharesOf(sync.client, handle, 'verifySecrets');
          // Its first step has listed both ends by then.
          expect(count).toBeGreaterThan(0);
        },
        'the looks of a verify to be done',
        WITHIN_MS / 4,
      );
      stop.abort();
      await verify;

      release();
      expect(await cycle.result()).toMatchObject({
        outcome: 'synced',
        counts: { added: SECRETS, failed: 0 },
      });
      const queue = sharedQueue(taskQueue('destination', sync.config('destination').name));
      expect(await lastShares('destination', 'copySecrets')).toEqual({
        count: 6,
        mostAtOnce: 2,
        queues: [queue],
      });
    },
    WITHIN_MS,
  );

  test(
    'puts few secrets into few groups, whatever the number of their buckets',
    async () => {
      for (const proxy of [originVault, vault]) proxy.choose(() => undefined);
      const some = paths.slice(0, 200);
      await inParallel(some, 16, async (path) => {
        await sync.originVault.put(sync.mount, path, { few: path });
      });
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: some.length } });
      expect(await lastShares('destination', 'copySecrets')).toMatchObject({ count: 1 });
    },
    WITHIN_MS,
  );
});

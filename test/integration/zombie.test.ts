import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bucketId } from '../../src/rules/bucket';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { publishedBy } from '../support/published';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { TcpProxy } from '../../dev/shared/tcp-proxy';
import { startVsync } from '../../dev/shared/vsync-command';

/**
 * A worker is stopped (SIGSTOP) with answers on their way to it, until Temporal gives its work to another worker. That
 * one finishes, the origin changes, and further cycles copy the change. Then the first worker continues where it was.
 */

type Section = Record<'vault' | 'consul', { address: string }>;
type Content = Record<'origin' | 'destination', Section> & { log: unknown; temporal: unknown };

/** A worker that can be stopped and continued. */
class Zombie {
  private constructor(
    private readonly process: GuardedProcess,
    private readonly temporal: TcpProxy,
  ) {}

  /** Starts a worker that reaches its servers through the test's proxies and logs all failures. */
  static async start(sync: SyncFixture, file: string, edit: (content: Content) => void): Promise<Zombie> {
    const temporal = await TcpProxy.before(sharedServers().temporal);
    const content = JSON.parse(readFileSync(file, 'utf8')) as Content;
    content.temporal = { address: temporal.address };
    content.log = { level: 'debug', type: 'json' };
    edit(content);
    const own = path.join(sync.folder, 'zombie.json');
    writeFileSync(own, JSON.stringify(content));
    return new Zombie(await startVsync(['worker', '-c', own], { home: sync.folder }), temporal);
  }

  /** Stops the worker. Its connections to Temporal end, because its open polls would take work that it cannot do. */
  async stop(): Promise<void> {
    process.kill(this.process.pid, 'SIGSTOP');
    await this.temporal.cut();
  }

  /** Continues the worker. It cannot reach Temporal, so it does not learn that another worker has its work. */
  goOn(): void {
    process.kill(this.process.pid, 'SIGCONT');
  }

  /**
   * Waits until the first attempt at an activity has failed: by a conflict, or because its time is over by the worker's
   * own clock.
   */
  async failed(activityType: string): Promise<void> {
    await eventually(() => {
      const failures = readFileSync(this.process.logFile, 'utf8')
        .split('\n')
        .filter((line) => line.includes(`"activityType":"${activityType}"`) && line.includes('"attempt":1,'));
      expect(failures).not.toEqual([]);
      for (const failure of failures) expect(failure).toMatch(/another (cycle|process) wrote|TIMED_OUT/);
      return Promise.resolve();
    }, `${activityType} of the first worker to fail`);
  }

  async end(): Promise<void> {
    process.kill(this.process.pid, 'SIGKILL');
    await this.process.exited;
    await this.temporal.cut();
  }
}

/** Resolves when no request came for a while. */
async function quiet(...proxies: readonly FaultProxy[]): Promise<void> {
  const count = (): number => proxies.reduce((sum, { requests }) => sum + requests.length, 0);
  for (let seen = -1; count() > seen;) {
    seen = count();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
}

/** A promise, and the function that fulfils it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

test.concurrent(
  'a destination worker that continues after it was replaced undoes nothing, and adds no version',
  async () => {
    const { origin, destinations } = sharedServers();
    const proxy = await FaultProxy.before(origin.address);
    const through = await FaultProxy.before(destinations[0].address);
    const sync = await SyncFixture.create({ numBuckets: 16 });
    const vault = sync.destinationVaults[0];
    const data = (name: string): string => `${sync.mount}data/${name}`;
    const inBucket = (name: string): number => bucketId(data(name), 16);
    // Deletes of a bucket follow its copies, so each secret has its own bucket, except the last two.
    const taken: number[] = [];
    const pick = (name: string, fits: (id: number) => boolean): string => {
      const found =
        [...Array(500).keys()].map((n) => `${name}-${n}`).find((path) => fits(inBucket(path))) ?? '';
      taken.push(inBucket(found));
      return found;
    };
    const isFree = (id: number): boolean => !taken.includes(id);
    const [flips, moves, undeleted, fresh] = ['flips', 'moves', 'undeleted', 'fresh'].map((name) =>
      pick(name, isFree),
    ) as [string, string, string, string];
    const shortLived = pick('short', (id) => id === inBucket(fresh));
    let zombie: Zombie | undefined;
    try {
      for (const name of [flips, moves, undeleted])
        await sync.originVault.put(sync.mount, name, { value: 'first' });
      await sync.run();
      await sync.cycle('origin');
      await sync.cycle('destination');
      await sync.stopWork();
      await sync.work({ only: 'origin' });
      for (const name of [flips, moves, fresh, shortLived])
        await sync.originVault.put(sync.mount, name, { value: 'second' });
      await sync.originVault.delete(sync.mount, undeleted);
      await sync.cycle('origin');

      zombie = await Zombie.start(sync, sync.destinationFiles[0] ?? '', (content) => {
        content.origin.vault.address = proxy.address;
        content.destination.vault.address = through.address;
      });
      const { opened, open } = gate();
      const question = `GET /v1/${sync.mount}metadata/${undeleted}`;
      const values = [flips, moves, fresh, shortLived].map((name) => `GET /v1/${data(name)}`);
      const asked = (request: string): number => proxy.requests.filter((sent) => sent === request).length;
      proxy.choose((method, url) => {
        const request = `${method} ${url}`;
        // The first request decides that the delete is recorded. The second one comes just before the delete.
        return values.includes(request) || (request === question && asked(question) === 2)
          ? { late: opened }
          : undefined;
      });
      await sync.schedule('destination').trigger('BUFFER_ONE');
      await eventually(() => {
        expect([...values.map(asked), asked(question)]).toEqual([1, 1, 1, 1, 2]);
        return Promise.resolve();
      }, 'four values and the last question to be asked');
      await zombie.stop();
      open();

      await sync.originVault.put(sync.mount, flips, { value: 'first' });
      await sync.originVault.put(sync.mount, moves, { value: 'third' });
      await sync.originVault.request('POST', `${sync.mount}undelete/${undeleted}`, { versions: [1] });
      await sync.originVault.delete(sync.mount, shortLived);
      await sync.cycle('origin');
      await sync.work({ only: 'destination' });
      await (await sync.lastCycle('destination')).result();
      await sync.cycle('destination');
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
      const state = async (): Promise<unknown> => [
        await Promise.all(
          [flips, moves, undeleted, fresh, shortLived].map(async (name) => [
            await vault?.get(sync.mount, name),
            await vault?.version(sync.mount, name),
          ]),
        ),
        await sync.consul.revisions(sync.infoPrefix('destination')),
      ];
      const before = await state();
      expect(before).toMatchObject([
        [
          [{ value: 'first' }, 1],
          [{ value: 'third' }, 2],
          [{ value: 'first' }, 1],
          [{ value: 'second' }, 1],
          [undefined, 0],
        ],
        {},
      ]);

      const sent = through.requests.length;
      zombie.goOn();
      await zombie.failed('copySecrets');
      await quiet(proxy, through);
      expect(through.requests.slice(sent).filter((request) => request.startsWith('POST'))).toEqual([]);
      expect(await state()).toEqual(before);
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
      expect((await publishedBy(sync, 'destination')).insights).toEqual((await publishedBy(sync)).insights);
    } finally {
      await zombie?.end();
      await sync.tearDown();
      await Promise.all([proxy.close(), through.close()]);
    }
  },
);

test.concurrent(
  'an origin worker that continues after it was replaced publishes nothing over newer sync info',
  async () => {
    const proxy = await FaultProxy.before(sharedServers().consul);
    const sync = await SyncFixture.create({ destinations: 0 });
    const names = [...Array(5).keys()].map((n) => `s-${n}`);
    let zombie: Zombie | undefined;
    try {
      for (const name of names) await sync.originVault.put(sync.mount, name, { value: 'first' });
      await sync.work();
      await sync.start('origin');
      // Records the schedule, so that the worker's schedule check reads no index. Index reads are counted below.
      await sync.start('origin');
      await sync.stopWork();
      for (const name of names) await sync.originVault.put(sync.mount, name, { value: 'second' });
      zombie = await Zombie.start(sync, sync.originFile, (content) => {
        content.origin.consul.address = proxy.address;
      });
      const { opened, open } = gate();
      let asked = 0;
      proxy.choose((method, url) => {
        const isIndex = decodeURIComponent(url).includes(`${sync.infoPrefix('origin')}index?`);
        // The index is read at the worker's start, for the listing, for the metadata, and for the save.
        return method === 'GET' && isIndex && ++asked === 4 ? { late: opened } : undefined;
      });
      await sync.schedule('origin').trigger('BUFFER_ONE');
      await eventually(() => {
        expect(asked).toBe(4);
        return Promise.resolve();
      }, 'the save to begin');
      await zombie.stop();
      open();

      await sync.work();
      await (await sync.lastCycle('origin')).result();
      await sync.originVault.put(sync.mount, 's-0', { value: 'third' });
      await sync.originVault.delete(sync.mount, 's-1');
      await sync.cycle('origin');
      const state = async (): Promise<unknown> => [
        (await publishedBy(sync)).insights,
        await sync.consul.revisions(sync.infoPrefix('origin')),
      ];
      const before = await state();
      expect(before).toMatchObject([{ 's-0': { version: 3 }, 's-2': { version: 2 } }, {}]);

      zombie.goOn();
      await zombie.failed('saveSyncInfo');
      expect(await state()).toEqual(before);
      expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
    } finally {
      await zombie?.end();
      await sync.tearDown();
      await proxy.close();
    }
  },
);

import { signalOriginChanged } from '../../src/temporal/operations';
import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** Every tick here is 24 hours, so only the watch can bring a change. */
describe('the watch of a destination', () => {
  let sync: SyncFixture;
  let gate: GateProxy;

  const expectArrival = (path: string, data: unknown): Promise<void> =>
    eventually(async () => {
      expect(await sync.destinationVaults[0]?.get(sync.mount, path)).toEqual(data);
    }, `${path} to arrive`);

  beforeAll(async () => {
    gate = await GateProxy.before(sharedServers().destinations[0].address);
    // One bucket, so that a later change is in the bucket of the running cycle.
    sync = await SyncFixture.create({ destinationVault: gate.address, numBuckets: 1 });
    await sync.originVault.put(sync.mount, 'a', { value: 0 });
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('origin');
    await expectArrival('a', { value: 0 });
  });

  afterAll(async () => {
    await sync.tearDown();
    await gate.close();
  });

  // A question of the watch that is still under way could start one more cycle.
  beforeEach(() => sync.watchIsContent());

  /** How often the watch has asked whether a cycle is needed. */
  async function looks(): Promise<number> {
    const history = await sync.client.workflow.getHandle(`vsync-watch-d0-${sync.id}`).fetchHistory();
    return JSON.stringify(history).split('wakeDestination').length - 1;
  }

  test('has a change copied soon after the origin published it', async () => {
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    await sync.cycle('origin');
    await expectArrival('a', { value: 1 });
  });

  test('has a change during a running cycle copied right after that cycle, not at the same time', async () => {
    gate.hold((method, url) => method === 'POST' && url.includes(`${sync.mount}data/`));
    const held = gate.held();
    await sync.originVault.put(sync.mount, 'a', { value: 2 });
    await sync.cycle('origin');
    await held; // the first cycle has compared and is about to write

    await sync.originVault.put(sync.mount, 'late', { value: 3 });
    await sync.cycle('origin');
    // The watch triggers one more cycle while the first one cannot end.
    await eventually(async () => {
      const { raw } = await sync.schedule('destination').describe();
      expect(Number(raw.info?.bufferSize ?? 0)).toBe(1);
    }, 'a cycle to be buffered');
    expect((await sync.schedule('destination').describe()).info.runningActions).toHaveLength(1);
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'late')).toBeUndefined();

    gate.release();
    await expectArrival('a', { value: 2 });
    await expectArrival('late', { value: 3 });
    await sync.idle('destination');
    const cycles = await sync.cycles('destination');
    for (const [position, { startMs }] of cycles.entries()) {
      if (position > 0) expect(startMs).toBeGreaterThanOrEqual(cycles[position - 1]?.closeMs ?? Infinity);
    }
  });

  test('leaves a paused schedule alone, and catches up when it is resumed', async () => {
    const schedule = sync.schedule('destination');
    await schedule.pause('by the test');
    const before = (await schedule.describe()).info.numActionsTaken;
    const looksBefore = await looks();
    await sync.originVault.put(sync.mount, 'a', { value: 4 });
    await sync.cycle('origin');
    // The watch has checked more than once and started nothing.
    await eventually(async () => {
      expect(await looks()).toBeGreaterThan(looksBefore + 1);
    }, 'the watch to look');
    expect((await schedule.describe()).info.numActionsTaken).toBe(before);
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ value: 2 });

    // `vsync start` (with a new configuration, for example) does not un-pause it either.
    await sync.start('destination');
    expect((await schedule.describe()).state).toMatchObject({ paused: true, note: 'by the test' });

    await schedule.unpause();
    await expectArrival('a', { value: 4 });
  });

  test('starts a cycle after vsync signal', async () => {
    const before = (await sync.schedule('destination').describe()).info.numActionsTaken;
    // Without its state, the destination does not know that it has dealt with the origin's index.
    await sync.consul.delete(`${sync.infoPrefix('destination')}state`);
    await signalOriginChanged(sync.client, sync.config('destination'));
    await eventually(async () => {
      expect((await sync.schedule('destination').describe()).info.numActionsTaken).toBeGreaterThan(before);
    }, 'a cycle to be started');
  });
});

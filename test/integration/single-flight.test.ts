import { signalOriginChanged, trigger } from '../../src/temporal/operations';
import { watchId } from '../../src/contract/ids';
import { eventually } from '../support/eventually';
import { GateProxy } from '../support/gate-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

describe('cycles of one destination', () => {
  let sync: SyncFixture;
  let gate: GateProxy;

  beforeAll(async () => {
    gate = await GateProxy.before(sharedServers().destinations[0].address);
    sync = await SyncFixture.create({ destinationVault: gate.address });
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
  });

  afterAll(async () => {
    await sync.tearDown();
    await gate.close();
  });

  /**
   * Waits until the watch has answered its last signal. If it answered after the gate is open, it would rightly ask for
   * one more cycle: the cycle after the held one may have compared by then.
   */
  async function watchHasDealtWithItsSignals(): Promise<void> {
    const watch = sync.client.workflow.getHandle(watchId(sync.config('destination').name));
    await eventually(async () => {
      const { events } = await watch.fetchHistory();
      const last = (which: (event: NonNullable<typeof events>[number]) => unknown): number =>
        events?.findLastIndex((event) => Boolean(which(event))) ?? -1;
      const signalled = last((event) => event.workflowExecutionSignaledEventAttributes);
      const asked = last((event) => event.activityTaskScheduledEventAttributes);
      const answered = last((event) => event.activityTaskCompletedEventAttributes);
      expect(asked).toBeGreaterThan(signalled);
      expect(answered).toBeGreaterThan(asked);
    }, 'the watch to deal with its signals');
  }

  test('never run at the same time, however often they are triggered', async () => {
    const config = sync.config('destination');
    gate.hold((method, url) => method === 'POST' && url.includes(`${sync.mount}data/`));
    const held = gate.held();
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    await sync.cycle('origin');
    await held;

    const before = (await sync.cycles('destination')).length;
    for (let round = 0; round < 5; round++) {
      const triggered = await trigger(sync.client, config);
      expect(triggered.cycle).toBeUndefined(); // it waits for the running cycle
      await signalOriginChanged(sync.client, config);
      const { info } = await sync.schedule('destination').describe();
      expect(info.runningActions).toHaveLength(1);
    }
    await watchHasDealtWithItsSignals();
    gate.release();
    await sync.idle('destination');

    const cycles = await sync.cycles('destination');
    // All requests during a running cycle became one more cycle.
    expect(cycles.length - before).toBe(1);
    for (const [position, { startMs }] of cycles.entries()) {
      if (position > 0) expect(startMs).toBeGreaterThanOrEqual(cycles[position - 1]?.closeMs ?? Infinity);
    }
  });
});

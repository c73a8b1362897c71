import type { CycleResult } from '../../src/contract/cycle';
import { cyclesOf } from '../../src/temporal/schedule';
import { eventually } from '../support/eventually';
import { DEFAULTS, SettingsSync } from '../support/settings-sync';

/** `syncMetadata` after a configuration or mount change, and through the watch. */
let sync: SettingsSync;

describe('destination cycle with syncMetadata', () => {
  beforeAll(async () => {
    sync = await SettingsSync.create();
    for (const path of ['x/a', 'y/b', 'y/c']) {
      await sync.put(path);
      if (path !== 'y/c') await sync.set(path, { custom_metadata: { path } });
    }
    await sync.run();
    await sync.cycles();
  });
  afterAll(() => sync.remove());
  beforeEach(() => {
    sync.proxy.inject();
  });

  test('moves the claims of settings to another number of buckets, and writes nothing', async () => {
    await sync.fixture.reconfigure('origin', (content) => (content['numBuckets'] = 7));
    expect(await sync.cycles()).toMatchObject({ counts: { settings: 0, read: 0 } });
    expect(sync.settingsWritten()).toEqual([]);
    expect(await sync.cycles()).toMatchObject({ outcome: 'unchanged' });
    const prefix = sync.metaPrefix('destination');
    const values = await sync.fixture.consul.values(prefix);
    expect(JSON.parse(values[`${prefix}index`] ?? '')).toHaveLength(7);
    const origin = await sync.fixture.consul.values(`${sync.metaPrefix('origin')}index`);
    expect(Object.values(origin)).toEqual([values[`${prefix}index`]]);
  });

  test('writes the settings again at a moved target', async () => {
    await sync.fixture.reconfigure('destination', ({ destination }) => {
      destination.transforms = [
        {
          name: 'z',
          from: `^${sync.fixture.mount}data/x/(?P<name>.+)$`,
          to: `${sync.fixture.mount}data/z/name`,
        },
      ];
    });
    await sync.cycles();
    expect(await sync.settings('z/a')).toEqual({ ...DEFAULTS, custom_metadata: { path: 'x/a' } });
    expect(sync.settingsWritten()).toEqual(['z/a']);
  });

  test('writes the settings again into a re-created mount', async () => {
    await sync.fixture.destinationVaults[0]?.unmount(sync.fixture.mount);
    await sync.fixture.destinationVaults[0]?.mount(sync.fixture.mount);
    expect((await sync.fixture.plan()).planned.filter(({ action }) => action === 'settings')).toHaveLength(2);
    expect(await sync.cycles()).toMatchObject({ counts: { added: 3, settings: 2 } });
    expect(await sync.settings('y/b')).toEqual({ ...DEFAULTS, custom_metadata: { path: 'y/b' } });
    expect((await sync.fixture.plan()).planned).toEqual([]);
  });
});

describe('the watch', () => {
  beforeAll(async () => {
    sync = await SettingsSync.create();
    await sync.put('a');
    await sync.fixture.work();
    await sync.fixture.start('origin');
    await sync.fixture.start('destination');
    await sync.fixture.cycle('origin');
    await sync.fixture.idle('destination');
  });
  afterAll(() => sync.remove());

  const watch = () => sync.fixture.client.workflow.getHandle(`vsync-watch-d0-${sync.fixture.id}`);

  /** Run ids of the cycles that copied something. */
  const copied = new Set<string>();

  /**
   * Waits until the watch has dealt with everything. A question of it that overlaps with the end of a cycle may start one
   * more, which finds nothing to copy.
   *
   * @returns its signals, and the cycles that copied something
   */
  async function counts(): Promise<{ signals: number; cycles: number }> {
    await sync.fixture.watchIsContent();
    const { events } = await watch().fetchHistory();
    for (const { workflowId, runId } of cyclesOf(await sync.fixture.schedule('destination').describe())) {
      const handle = sync.fixture.client.workflow.getHandle(workflowId, runId);
      const { outcome } = (await handle.result()) as CycleResult;
      if (outcome !== 'unchanged') copied.add(runId);
    }
    return {
      signals: (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length,
      cycles: copied.size,
    };
  }

  test('fires once for changed settings, once for a changed value, and once for both together', async () => {
    await eventually(async () => {
      expect(await sync.value('a')).toEqual({ path: 'a' });
    }, 'the value to arrive');
    const before = await counts();
    let number = 0;
    for (const [owner, value] of [
      ['a', { path: 'a' }],
      ['b', { changed: true }],
      ['b', { changed: 'again' }],
      ['c', { changed: 'again' }],
    ] as const) {
      if (number !== 2) await sync.set('a', { custom_metadata: { owner } });
      if (number === 1 || number === 2) await sync.put('a', value);
      await sync.fixture.cycle('origin');
      await eventually(async () => {
        expect(await sync.settings('a')).toMatchObject({ custom_metadata: { owner } });
        expect(await sync.value('a')).toEqual(value);
      }, 'the change to arrive');
      number += 1;
      expect(await counts()).toEqual({ signals: before.signals + number, cycles: before.cycles + number });
    }
  });
});

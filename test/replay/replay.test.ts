import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { DefaultLogger, Runtime, Worker, type ReplayResult } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { testBundle } from '../support/bundle';

const FOLDER = path.join(__dirname, 'histories');

// The first replay loads the native part of the SDK, which takes its time on a busy machine.
jest.setTimeout(60_000);

/** As much of an event of an exported history as is changed here. */
interface HistoryEvent {
  eventId: string;
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  activityTaskCompletedEventAttributes?: {
    scheduledEventId: string;
    result: { payloads: { data: string }[] };
  };
}

/** A change that cycles under way could not survive fails here: see record.ts and the CONTRIBUTING page. */
describe('replay of recorded histories', () => {
  beforeAll(() => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  });

  const names = readdirSync(FOLDER).map((file) => path.basename(file, '.json'));

  const read = (name: string): string => readFileSync(path.join(FOLDER, `${name}.json`), 'utf8');

  async function replay(name: string, json: string): Promise<ReplayResult | undefined> {
    const options = { workflowBundle: { codePath: testBundle() } };
    const history = { workflowId: name, history: historyFromJSON(JSON.parse(json)) };
    for await (const result of Worker.runReplayHistories(options, [history])) return result;
    return undefined;
  }

  test('every workflow is among them', () => {
    for (const type of ['origin-cycle', 'destination-cycle', 'verify-destination', 'watch-origin']) {
      expect(names.some((name) => name.startsWith(type))).toBe(true);
    }
  });

  test.each(names)('%s', async (name) => {
    expect((await replay(name, read(name)))?.error).toBeUndefined();
  });

  test('a cycle of an older version whose guardDeletes a newer worker ran goes on with its own groups', async () => {
    const newer = JSON.parse(read('destination-cycle-older')) as { events: HistoryEvent[] };
    const guard = newer.events.find(
      ({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType.name === 'guardDeletes',
    );
    const payloads = newer.events.flatMap(({ activityTaskCompletedEventAttributes: completed }) =>
      guard !== undefined && completed?.scheduledEventId === guard.eventId ? completed.result.payloads : [],
    );
    expect(payloads).toHaveLength(1);
    for (const payload of payloads) {
      const result = JSON.parse(Buffer.from(payload.data, 'base64').toString()) as object;
      const dealt = { ...result, work: { groups: [[0], [1]], atOnce: 16 } };
      payload.data = Buffer.from(JSON.stringify(dealt)).toString('base64');
    }
    expect((await replay('destination-cycle-mixed', JSON.stringify(newer)))?.error).toBeUndefined();
  });

  test('notices a workflow that does something else than its history says', async () => {
    const changed = read('origin-cycle-synced').replaceAll('"listPaths"', '"listFolders"');
    expect((await replay('changed', changed))?.error).toMatchObject({ name: 'DeterminismViolationError' });
  });
});

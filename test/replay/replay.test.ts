import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { DefaultLogger, Runtime, Worker, type ReplayResult } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { testBundle } from '../support/bundle';

const FOLDER = path.join(__dirname, 'histories');

// The first replay loads the native part of the SDK, which takes its time on a busy machine.
jest.setTimeout(60_000);

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

  test('notices a workflow that does something else than its history says', async () => {
    const changed = read('origin-cycle-synced').replaceAll('"listPaths"', '"listFolders"');
    expect((await replay('changed', changed))?.error).toMatchObject({ name: 'DeterminismViolationError' });
  });
});

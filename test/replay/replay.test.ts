import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { DefaultLogger, Runtime, Worker, type ReplayResult } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { testBundle } from '../support/bundle';

const FOLDER = path.join(__dirname, 'histories');

// The first replay loads the native part of the SDK, which takes its time on a busy machine.
jest.setTimeout(60_000);

/** Fails for a change of the workflows that running cycles would not survive: see record.ts and CONTRIBUTING.md. */
describe('workflows', () => {
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

  test('have a recorded history each', () => {
    for (const type of [
      'origin-cycle',
      'destination-cycle',
      'verify-destination',
      'watch-origin',
      'push-changes',
    ]) {
      expect(names.some((name) => name.startsWith(type))).toBe(true);
    }
  });

  test.each(names)('replay the history %s', async (name) => {
    expect((await replay(name, read(name)))?.error).toBeUndefined();
  });

  test('fail the replay of a history that asks for another activity', async () => {
    const changed = read('origin-cycle-synced').replaceAll('"listPaths"', '"listFolders"');
    expect((await replay('changed', changed))?.error).toMatchObject({ name: 'DeterminismViolationError' });
  });
});

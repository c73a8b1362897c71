import { readFileSync } from 'node:fs';
import { eventually } from '../support/eventually';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync, startVsync, type Ended } from '../../dev/shared/vsync-command';

/** What an operator sees of a sync that has no worker, and of cycles that leave something to do. */

let sync: SyncFixture;
let file: string;
let token = '';

const vaultOf = (content: Record<string, unknown>): { token: string } =>
  (content['destination'] as { vault: { token: string } }).vault;

beforeAll(async () => {
  sync = await SyncFixture.create({
    edit: (content, role) => {
      content['log'] = { type: 'json', changes: true };
      if (role === 'destination') vaultOf(content).token = token;
    },
    beforeFiles: async ({ mount, id, destinationVaults: [vault] }) => {
      const policy = `
        path "${mount}data/*" { capabilities = ["create", "read", "update"] }
        path "${mount}data/denied" { capabilities = ["deny"] }
        path "${mount}delete/*" { capabilities = ["update"] }`;
      token = (await vault?.tokenFor(id, policy)) ?? '';
    },
  });
  file = sync.destinationFiles[0] ?? '';
  await sync.originVault.put(sync.mount, 'a', { password: 'planted-value' });
});

afterAll(() => sync.tearDown());

const run = (...args: string[]): Promise<Ended> => runVsync(args, { home: sync.folder });
const queue = (): string => `vsync-destination-${sync.config('destination').name}`;
const noWorker = (): string =>
  `vsync: no worker polls queue ${queue()}: start one with: vsync worker -c ${file}\n`;

describe('without a worker,', () => {
  test('vsync start and vsync trigger report that none polls the queue', async () => {
    expect(await run('start', '-c', file)).toMatchObject({ code: 0, stderr: noWorker() });
    expect(await run('trigger', '-c', file)).toMatchObject({ code: 0, stderr: noWorker() });
    expect((await run('check', '-c', file)).stdout).toContain(
      `  warn  Temporal: workers of ${queue()}: no worker polls queue`,
    );
  });

  test('vsync verify reports it while it waits', async () => {
    const waiting = await startVsync(['verify', '-c', file], { home: sync.folder });
    await eventually(() => {
      expect(readFileSync(waiting.logFile, 'utf8')).toBe(noWorker());
      return Promise.resolve();
    }, 'the reason of the wait');
    expect(await waiting.stop('SIGINT')).toMatchObject({ code: 1 });
  });
});

describe('with a worker,', () => {
  let log: () => Record<string, unknown>[];
  /** The line comes after the command has its result. */
  const logHas = (line: unknown): Promise<void> =>
    eventually(() => {
      expect(log()).toContainEqual(line);
      return Promise.resolve();
    }, 'the line in the log');

  beforeAll(async () => {
    const worker = await startVsync(['worker', '-c', sync.originFile, file], { home: sync.folder });
    stopWorker = () => worker.stop('SIGTERM');
    log = () =>
      readFileSync(worker.logFile, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await sync.start('origin');
    await sync.idle('origin');
    await sync.cycle('origin');
    await sync.idle('destination');
  });
  let stopWorker: () => Promise<unknown>;
  afterAll(() => stopWorker());

  test('vsync trigger --wait ends with 0 if both ends are in step, and the log has the fields of the cycle', async () => {
    const ended = await run('trigger', '--wait', '-c', file);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const [cycle = ''] = ended.stdout.split(': ');
    await logHas(
      expect.objectContaining({
        level: 30,
        name: sync.config('destination').name,
        cycle,
        outcome: expect.stringMatching(/^(synced|unchanged)$/) as string,
        counts: expect.objectContaining({ failed: 0 }) as object,
      }),
    );
  });

  test('log.changes has one line for each secret that was written or deleted, and no value', async () => {
    await sync.originVault.put(sync.mount, 'team/b', { password: 'planted-value' });
    await sync.cycle('origin');
    await sync.cycle('destination');
    await sync.originVault.put(sync.mount, 'team/b', { password: 'planted-second' });
    await sync.cycle('origin');
    await sync.cycle('destination');
    await sync.originVault.delete(sync.mount, 'team/b');
    await sync.cycle('origin');
    await sync.cycle('destination');
    const changes = log().filter(({ change }) =>
      (change as { path?: string } | undefined)?.path?.endsWith('/b'),
    );
    const path = `${sync.mount}team/b`;
    expect(changes.map(({ change }) => change)).toEqual([
      { did: 'added', path, version: 1, from: path },
      { did: 'updated', path, version: 2, from: path },
      { did: 'deleted', path, version: 2 },
    ]);
    for (const line of changes) {
      expect(line).toMatchObject({ vault: sync.servers.destinations[0].address, level: 30 });
      expect(line['cycle']).toMatch(new RegExp(`^${queue()}-`));
    }
    expect(JSON.stringify(log())).not.toContain('planted-');
  });

  test('vsync trigger --wait ends with 3 for a partial cycle, and names the Vault that refused', async () => {
    await sync.originVault.put(sync.mount, 'denied', { password: 'planted-value' });
    await sync.cycle('origin');
    const ended = await run('trigger', '--wait', '-c', file);
    expect(ended.code).toBe(3);
    expect(ended.stdout).toContain(`\n  forbidden at the destination: ${sync.mount}`);
    expect(ended.stderr).toContain('vsync: the cycle was partial');
    const [cycle = ''] = ended.stdout.split(': ');
    await logHas(
      expect.objectContaining({
        level: 40,
        cycle,
        outcome: 'partial',
        failures: [{ path: `${sync.mount}data/denied`, class: 'forbidden', at: 'destination' }],
        msg: expect.stringContaining('forbidden at the destination: ') as string,
      }),
    );
  });
});

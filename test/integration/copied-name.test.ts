import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { watchId } from '../../src/contract/ids';
import { stop } from '../../src/temporal/operations';
import { FaultProxy } from '../support/fault-proxy';
import { NOWHERE } from '../support/nowhere';
import { SyncFixture, type FileContent } from '../support/sync-fixture';
import { runVsync, startVsync, type Ended } from '../../dev/shared/vsync-command';
import { eventually } from '../support/eventually';

/** A file was copied from another sync, and kept its name. Its ids in Temporal are those of the other sync. */

let sync: SyncFixture;
/** In front of the Vault of the real sync's destination. */
let proxy: FaultProxy;

beforeAll(async () => {
  sync = await SyncFixture.create({
    edit: (file, role) => {
      if (role === 'destination')
        Object.assign((file['destination'] as { vault: object }).vault, { address: proxy.address });
    },
    beforeFiles: async (fixture) => {
      proxy = await FaultProxy.before(fixture.servers.destinations[0].address);
      await fixture.destinationVaults[1]?.mount(fixture.mount);
    },
  });
  await sync.originVault.put(sync.mount, 'a', { n: 1 });
  await sync.run();
  await sync.cycle('origin');
  await sync.cycle('destination');
  await sync.stopWork();
  await sync.start('destination');
});

afterAll(async () => {
  await sync.tearDown();
  await proxy.close();
});

type Vault = { address: string; token: string };

/** A copy of the destination's file with some changes. */
function copy(
  name: string,
  change: (content: FileContent & { destination: { vault: Vault } }) => void,
): string {
  const content = JSON.parse(readFileSync(sync.destinationFiles[0] ?? '', 'utf8')) as Parameters<
    typeof change
  >[0];
  change(content);
  const file = path.join(sync.folder, name);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const otherVault = (): string =>
  copy('other-vault.json', ({ destination }) => {
    const [, { address, rootToken: token }] = sync.servers.destinations;
    destination.vault = { address, token };
  });

const run = (...args: string[]): Promise<Ended> => runVsync(args, { home: sync.folder });

/** Everything of the real sync that a command could change. */
async function realSync(): Promise<unknown> {
  const { state, action, info } = await sync.schedule('destination').describe();
  const watch = await sync.client.workflow.getHandle(watchId(sync.config('destination').name)).describe();
  const { historyLength, status } = watch;
  const consul = await sync.consul.values(sync.syncPath);
  return {
    state,
    memo: action.memo,
    taken: info.numActionsTaken,
    historyLength,
    status: status.name,
    consul,
  };
}

const COMMANDS: readonly (readonly string[])[] = [
  ['worker'],
  ['destination'],
  ['start'],
  ['stop'],
  ['pause'],
  ['resume'],
  ['trigger'],
  ['signal'],
  ['approve', '--yes'],
  ['approve', '--mount', 'secret/'],
  ['prune', '--orphans', '--yes'],
  ['verify'],
  ['verify', '--repair'],
];

test.each(COMMANDS.map((args) => [args.join(' '), args] as const))(
  'vsync %s refuses a file with another Vault and the name of an existing sync',
  async (_title, args) => {
    const before = await realSync();
    const { code, stderr } = await run(...args, '-c', otherVault());
    expect(stderr).toContain(
      `schedule vsync-destination-${sync.config('destination').name} belongs to another sync: destination.vault (cluster id) was `,
    );
    expect(stderr).toContain(`at ${proxy.address} and is `);
    expect(code).toBe(1);
    expect(await realSync()).toEqual(before);
  },
);

test('vsync status warns that it shows another sync, and vsync check fails', async () => {
  const status = await run('status', '-c', otherVault());
  expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining('vsync-destination-') as string });
  expect(status.stderr).toContain('belongs to another sync');
  const check = await run('check', '-c', otherVault());
  expect(check.code).toBe(1);
  expect(check.stdout).toMatch(
    /^ {2}FAIL {2}Temporal: schedule \S+: schedule \S+ belongs to another sync: destination\.vault/m,
  );
});

test('vsync worker refuses the sync path of another sync, and two files of one name', async () => {
  const { name } = sync.config('destination');
  const renamed = copy('renamed.json', (content) => {
    content['name'] = `${name}-new`;
  });
  const worker = await run('worker', '-c', renamed);
  expect(worker).toMatchObject({ code: 1, stdout: '' });
  expect(worker.stderr).toContain(`is the sync info of ${name}, and this sync is called ${name}-new`);
  const twice = await run('worker', '-c', sync.destinationFiles[0] ?? '', otherVault());
  expect(twice).toMatchObject({ code: 2, stdout: '' });
  expect(twice.stderr).toContain(`two of the configurations are of the destination ${name}`);
});

test('vsync pause and resume accept the same Vault at another address, and refuse an address that does not answer', async () => {
  const [{ address }] = sync.servers.destinations;
  const alias = copy('alias.json', ({ destination }) => (destination.vault.address = address));
  expect(await run('pause', '-c', alias)).toMatchObject({ code: 0, stderr: '' });
  expect(await run('resume', '-c', alias)).toMatchObject({ code: 0, stderr: '' });

  const before = await realSync();
  const nowhere = copy('nowhere.json', ({ destination }) => {
    destination.vault.address = `http://${NOWHERE}`;
  });
  const paused = await run('pause', '-c', nowhere);
  expect(paused).toMatchObject({ code: 1, stdout: '' });
  expect(paused.stderr).toMatch(
    /was made for destination\.vault at \S+\. Whether this .* cannot be asked .*connection refused/,
  );
  expect(await realSync()).toEqual(before);
});

test('vsync worker exits with 1 if its name comes to belong to another sync while it runs', async () => {
  await stop(sync.client, sync.config('destination'));
  const copied = copy('copied.json', (content) => {
    const [, { address, rootToken: token }] = sync.servers.destinations;
    content.destination.vault = { address, token };
    content.destination['syncPath'] = `${sync.syncPath}copied/`;
  });
  // The command as users run it, only that it checks its schedule more often than once a minute.
  const limits = path.resolve(__dirname, '..', '..', 'dist', 'limits.js');
  const sooner = path.join(sync.folder, 'sooner.js');
  writeFileSync(sooner, `require(${JSON.stringify(limits)}).SCHEDULE_CHECK_EVERY_MS = 200;`);
  const worker = await startVsync(['worker', '-c', copied, '--log.level', 'info'], {
    home: sync.folder,
    nodeArgs: ['--require', sooner],
  });
  const log = (): string => readFileSync(worker.logFile, 'utf8');
  try {
    await eventually(() => {
      expect(log()).toContain('this worker waits until');
      return Promise.resolve();
    }, 'a worker that waits for its schedule');
    await sync.start('destination');
    expect(await worker.exited).toEqual({ code: 1, signal: null });
  } finally {
    await worker.stop();
  }
  expect(log()).toMatch(/^vsync: this worker ends, .* belongs to another sync: destination\.vault/m);
});

test('vsync pause, resume, signal, status and stop need no Vault where the address is that of the schedule', async () => {
  await proxy.close();
  const own = sync.destinationFiles[0] ?? '';
  for (const command of ['pause', 'resume', 'signal'])
    expect(await run(command, '-c', own)).toMatchObject({ code: 0, stderr: '' });
  const status = await run('status', '-c', own);
  expect(status).toMatchObject({ code: 3, stderr: '' });
  expect(status.stdout).toContain('cannot be asked from here: ');
  const { name } = sync.config('destination');
  expect((await run('stop', '-c', own)).stdout).toContain(`removed schedule and watch of ${name}`);
  expect(await stop(sync.client, sync.config('destination'))).toMatchObject({
    schedule: false,
    watch: false,
  });
});

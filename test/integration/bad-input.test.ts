import path from 'node:path';
import { PLANTED, RefusalCheck, WRONG_TOKEN, type ConfigFile } from '../support/refusal';
import { SyncFixture } from '../support/sync-fixture';

/** What the built command prints for bad input: files, keys, flags, and a sync that was never started. */

type Edit = (file: ConfigFile) => void;

let sync: SyncFixture;
let check: RefusalCheck;

beforeAll(async () => {
  sync = await SyncFixture.create();
  check = new RefusalCheck(sync);
  await sync.originVault.put(sync.mount, PLANTED.path, PLANTED.data);
});

afterAll(() => sync.tearDown());

describe('vsync ends with exit code 2, and names file and key, for', () => {
  test('a missing file', async () => {
    const file = path.join(sync.folder, 'none.json');
    await check.expectRefusal(await check.run('start', '-c', file), 2, [
      `file ${file}: there is no such file`,
    ]);
  });

  test.each([
    ['broken.json', '{ "name": "x",\n  "token-4711": ', 'json, line 2, column 17: a value is missing'],
    ['broken.yaml', 'origin:\n  token: "4711', 'yaml, line 2, column 15: is not YAML'],
  ])('a malformed file: %s', async (name, text, message) => {
    const file = check.written(name, text);
    await check.expectRefusal(await check.run('start', '-c', file), 2, [`file ${file}: `, message]);
  });

  test.each<[what: string, edit: Edit, texts: string[]]>([
    [
      'a key of a wrong type',
      (file) => (file['numBuckets'] = ['4711']),
      ['numBuckets (file ', 'a whole number'],
    ],
    [
      'an unknown key',
      (file) => (file['frobnicate'] = '4711'),
      ['frobnicate (file ', 'is not a key of vsync'],
    ],
    ['a misspelt key', (file) => (file['numBukets'] = 4711), ['numBukets (file ', 'mean numBuckets?']],
    [
      'a key of an old version',
      (file) => (file['dataPaths'] = ['4711']),
      ['dataPaths (file ', 'is no longer read; write origin.mounts and destination.mounts instead'],
    ],
    [
      'a missing section',
      (file) => delete (file as Partial<ConfigFile>).origin,
      ['origin.vault.address: is missing'],
    ],
  ])('%s', async (_what, edit, texts) => {
    await check.expectRefusal(await check.run('start', '-c', check.changed('destination', edit)), 2, texts);
  });

  test('a destination without its section', async () => {
    await check.expectRefusal(await check.run('destination', '-c', sync.originFile), 2, [
      'destination.vault.address: is missing',
      'destination.consul.address: is missing',
    ]);
  });
});

test.each([
  [['frobnicate'], "unknown command 'frobnicate'"],
  [['status', '-c', 'x.json', '--frobnicate'], "unknown option '--frobnicate'"],
  [['worker'], "required option '-c, --config <file...>' not specified"],
  [['start', '-c', 'x.json', '--role', 'neither'], 'Allowed choices are origin, destination'],
])(
  'vsync ends with exit code 2 for the arguments %j, and names the one that is wrong or missing',
  async (args, message) => {
    await check.expectRefusal(await check.run(...args), 2, [
      message,
      '(vsync --help lists commands and options)',
    ]);
  },
);

test.each([
  ['stop', (name: string) => `nothing to stop: ${name} has neither schedule nor watch`],
  ['status', (name: string) => `there is no schedule vsync-destination-${name}: create it with "vsync start`],
  [
    'trigger',
    (name: string) => `there is no schedule vsync-destination-${name}: create it with "vsync start`,
  ],
  ['signal', (name: string) => `there is no watch vsync-watch-${name}: start it with "vsync start`],
])(
  'vsync %s ends with exit code 1 for a sync that was never started, and names what is missing and how to start it',
  async (command, message) => {
    const ended = await check.run(command, '-c', sync.destinationFiles[0] ?? '');
    await check.expectRefusal(ended, 1, [message(sync.config('destination').name)]);
  },
);

test('vsync at log level debug prints the stack, and nothing secret', async () => {
  const file = check.changed('destination', (content) => (content.destination.vault.token = WRONG_TOKEN));
  const ended = await check.run('start', '-c', file, '--log.level', 'debug');
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^\s+at /m);
  check.expectNoSecret(ended);
  await check.expectNothingWritten();
});

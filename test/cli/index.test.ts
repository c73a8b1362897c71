import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createProgram, main } from '../../src/cli';
import { FLAGS, isOverride } from '../../src/cli/options';

/** The command as a function, without any server. The real command is in test/integration. */

const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-cli-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(...args: string[]): Promise<Ended> {
  const ended: Ended = { code: -1, stdout: '', stderr: '' };
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VSYNC_')));
  const into = (stream: 'stdout' | 'stderr') => (text: unknown) => {
    ended[stream] += `${String(text)}\n`;
    return true;
  };
  const mocks = [
    jest.replaceProperty(process, 'env', env),
    jest.spyOn(process.stdout, 'write').mockImplementation(into('stdout')),
    jest.spyOn(process.stderr, 'write').mockImplementation(into('stderr')),
    jest.spyOn(console, 'log').mockImplementation(into('stdout')),
    jest.spyOn(console, 'error').mockImplementation(into('stderr')),
  ];
  try {
    ended.code = await main(['node', 'vsync', ...args]);
  } finally {
    for (const mock of mocks) {
      if ('restore' in mock) mock.restore();
      else mock.mockRestore();
    }
  }
  return ended;
}

function written(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

const COMMANDS = [
  'origin',
  'destination',
  'worker',
  'start',
  'stop',
  'trigger',
  'pause',
  'resume',
  'signal',
  'verify',
  'status',
  'config',
  'check',
  'plan',
  'prune',
  'approve',
  'synced',
  'ui',
];

/** Required options and arguments. */
const NEEDED: Readonly<Record<string, readonly string[]>> = { prune: ['--orphans'], synced: ['secret/app'] };

test('vsync signal refuses the role of an origin before it connects', async () => {
  const vault = { address: 'http://v', token: 't' };
  const role = { vault, consul: { address: 'http://c' }, mounts: ['secret/'] };
  // Nothing listens there: a connection would take seconds, and fail with another message.
  const temporal = { address: '127.0.0.1:1' };
  const content = { temporal, origin: { ...role, syncPath: 'a/' }, destination: { ...role, syncPath: 'b/' } };
  const file = written('both.json', JSON.stringify(content));
  const { code, stdout, stderr } = await run('signal', '--role', 'origin', '-c', file);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain("vsync signal is for a destination: give the destination's file");
});

describe.each(COMMANDS)('vsync %s', (command) => {
  test('--help shows its own options and ends with two examples', async () => {
    const { code, stdout, stderr } = await run(command, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: vsync ${command} [options]`);
    expect(stdout).toContain('--config');
    expect(stdout).toContain(
      'Flags that override the configuration, such as --log.level debug: vsync --help',
    );
    expect(stdout).not.toContain('--destination.vault.token');
    expect(stdout).toMatch(
      new RegExp(`\\nExamples:\n  .*vsync ${command}\\b.*\n  .*vsync ${command}\\b.*\n+$`),
    );
  });

  test('exits with 2 for a wrong configuration, with one message that names file and key', async () => {
    const file = written('wrong.json', '{ "tcik": "planted-4711", "origin": { "mounts": "planted-4711" } }');
    const { code, stdout, stderr } = await run(command, ...(NEEDED[command] ?? []), '-c', file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^vsync: the configuration has \d+ problems:\n/);
    expect(stderr).toContain(`tcik (file ${file}): is not a key of vsync`);
    expect(stderr).toContain('origin.vault.address: is missing');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toContain('4711');
  });
});

test.each([
  ['a missing file', 'none.json', undefined, 'there is no such file'],
  ['a folder', '.', undefined, 'its name must end in one of .json'],
  ['another extension', 'a.toml', 'x = 4711', 'its name must end in one of .json'],
  ['an empty file', 'empty.yaml', '', 'is empty'],
  ['malformed JSON', 'a.json', '{"token": "4711', 'json, line 1, column 11'],
  ['malformed YAML', 'a.yml', 'token: "4711', 'yml, line 1'],
  ['malformed HCL', 'a.hcl', 'token = "4711', 'hcl, line 1'],
  ['a file with a list', 'list.json', '["4711"]', 'its top level must be an object'],
])('vsync start refuses %s, and names its path', async (_what, name, text, message) => {
  const file = text === undefined ? path.join(folder, name) : written(name, text);
  const { code, stderr } = await run('start', '-c', file);
  expect(code).toBe(2);
  expect(stderr).toContain(`file ${file}: ${message}`);
  expect(stderr).not.toContain('4711');
});

test.each([
  [['frobnicate'], "unknown command 'frobnicate'"],
  [['start', '--frobnicate'], "unknown option '--frobnicate'"],
  [['start', '-c'], "option '-c, --config <file>' argument missing"],
  [['start', 'left-over'], 'too many arguments'],
  [['trigger', '--role', 'neither'], 'Allowed choices are origin, destination'],
  [['worker'], "required option '-c, --config <file...>' not specified"],
])('vsync exits with 2 for wrong usage: %j', async (args, message) => {
  const { code, stdout, stderr } = await run(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).toContain('(vsync --help lists commands and options)');
});

test('vsync syncer probe does not take a token as an argument, says where it belongs, and does not repeat it', async () => {
  const { code, stdout, stderr } = await run('syncer', 'probe', 'cAnArY', '-c', 'syncer.yaml');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('give it on standard input');
  expect(stderr).not.toContain('cAnArY');
});

describe('vsync', () => {
  /** Flags of the original vsync: there an empty value has a meaning. */
  const isOriginals = (long: string): boolean => /^--(log|origin|destination)\./.test(long);
  const optionsOf = (command: string): { long: string; flags: string }[] =>
    (createProgram().commands.find((known) => known.name() === command)?.options ?? [])
      .filter(({ required }) => required)
      .map(({ long, flags }) => ({ long: long ?? '', flags }));

  test.each(COMMANDS)('%s refuses the name of another option as a value', async (command) => {
    for (const { long, flags } of optionsOf(command)) {
      const { code, stdout, stderr } = await run(command, long, '--config', 'x.json');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`It is the name of another option: the value of ${flags} is missing.`);
    }
  });

  test.each(COMMANDS)('%s refuses an empty value of each option', async (command) => {
    const own = optionsOf(command).filter(({ long }) => !isOriginals(long));
    expect(own.length).toBeGreaterThanOrEqual(3);
    for (const { long } of own) {
      for (const args of [[long, ''], [`${long}=`], [long, ' ']]) {
        const { code, stdout, stderr } = await run(command, ...args);
        expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
        expect(stderr).toMatch(/It is empty\. Give a value|argument missing/);
      }
    }
  });

  test.each(['configuration.md', 'migration.md'])(
    'is documented: %s names the flags that must not be empty',
    (page) => {
      const lines = readFileSync(path.join(__dirname, '..', '..', 'docs', page), 'utf8').split('\n');
      const [about = ''] = lines.filter((line) => line.includes('An empty flag'));
      const own = FLAGS.map(([key]) => key).filter((key) => !isOverride(key));
      expect(own.filter((key) => !about.includes(`\`--${key}=\``))).toEqual([]);
    },
  );

  test.each([
    ['approve', ['--mount', 'secret/', '']],
    ['worker', ['-c', 'a.json', '']],
    ['stop', ['-c', '']],
  ])('%s refuses an empty value among several: %j', async (command, args) => {
    const { code, stderr } = await run(command, ...args);
    expect(code).toBe(2);
    expect(stderr).toContain('It is empty.');
  });

  test.each([
    ['approve', ['--set', 'a'.repeat(12), '--set', 'b'.repeat(12)]],
    ['stop', ['-c', 'a.json', '-c', 'b.json']],
    ['pause', ['--reason', 'a', '--reason', 'b']],
  ])('%s refuses a second value of an option that takes one: %j', async (command, args) => {
    const { code, stderr } = await run(command, ...args);
    expect(code).toBe(2);
    expect(stderr).toContain('It was given twice, and takes one value.');
  });
});

describe.each([['approve'], ['prune']])('vsync %s --set', (command) => {
  test.each(['9', 'abc', 'a'.repeat(11), 'g'.repeat(12), 'a'.repeat(65), '--yes'])(
    'refuses %j',
    async (set) => {
      const { code, stdout } = await run(command, ...(NEEDED[command] ?? []), '--set', set);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    },
  );
});

test('vsync start names a wrong flag, and does not show its value', async () => {
  const { code, stderr } = await run('start', '--origin.vault.address', 'planted-4711');
  expect(code).toBe(2);
  expect(stderr).toContain(
    'origin.vault.address (flag --origin.vault.address): must be an http or https URL',
  );
  expect(stderr).not.toContain('4711');
});

describe('vsync config', () => {
  const TEXT = `log.level: verbose
origin:
  vault: { address: http://a, token: planted-4711, approle: { role_id: r, secret_id: planted-4712 } }
  consul: { address: c:1 }
  mounts: [a/, a/]
`;
  const config = (args: readonly string[]): Promise<Ended> =>
    run(...args.map((arg) => arg.replace('FILE', written('flags.yaml', TEXT))));
  const level = ({ stdout }: Ended): unknown =>
    (JSON.parse(stdout) as { keys: Record<string, { value: unknown }> }).keys['log.level']?.value;

  test.each([
    [['-c', 'FILE', 'config', '--json']],
    [['-c=FILE', 'config', '--json']],
    [['-cFILE', '--log.type=json', 'config', '--json']],
    [['--config=FILE', 'config', '--json']],
    [['--log.type', 'json', '-c', 'FILE', 'config', '--json']],
    [['config', '-c=FILE', '--json']],
    [['--log.level', 'debug', '--log.level=info', 'config', '-c', 'FILE', '--json']],
  ])('accepts flags before the command, and the file as -c=FILE: %j', async (args) => {
    const ended = await config(args);
    expect(ended.code).toBe(0);
    expect(level(ended)).toBe('info');
  });

  test.each([
    [['-c', 'FILE']],
    [['-c', 'FILE', '--json', 'config']],
    [['--frobnicate', 'x', 'config', '-c', 'FILE']],
  ])('refuses other options before the command: %j', async (args) => {
    expect((await config(args)).code).toBe(2);
  });

  test('refuses -c= without a file', async () => {
    expect((await run('config', '-c=')).code).toBe(2);
  });

  test('empties the key of an empty flag: the AppRole is used instead of the token', async () => {
    const { code, stdout, stderr } = await config([
      'config',
      '-c',
      'FILE',
      '--json',
      '--origin.vault.token=',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      keys: { 'origin.vault.token': { secret: true, set: false } },
    });
    expect(stderr).toContain('flag --origin.vault.token is empty: origin.vault.token (file ');
    expect(stderr).not.toContain('is used, and');
    expect(stderr).not.toContain('471');
  });

  test('prints each warning about the file once, to stderr', async () => {
    const { stderr } = await config(['config', '-c', 'FILE']);
    const lines = stderr
      .trim()
      .split(/\n+/)
      .map((line) => line.replace(/file \S*\//g, 'file '));
    expect(lines).toEqual([
      'vsync: log.level (file flags.yaml) is not debug, info, warn or error; it counts as info, as in the original vsync',
      'vsync: origin.mounts (file flags.yaml) names a mount twice; it counts once',
      expect.stringMatching(/^vsync: origin\.vault\.token \(file flags\.yaml\) is used, and /),
    ]);
  });
});

describe('vsync config --from-vault-sync', () => {
  const source =
    'id: x\nfull_sync_interval: 60\nsrc: { url: "http://a", token: planted-4711 }\ndst: { url: "http://b" }\n';

  test('prints YAML, and no secret', async () => {
    const file = written('vault-sync.yaml', source);
    const { code, stdout, stderr } = await run('config', '--from-vault-sync', file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^# Does what vault-sync does with ${file}\\.`));
    expect(stdout).toContain('\n  tick: 1m\n');
    expect(stdout).not.toContain('4711');
  });

  test.each([
    [['-c', 'x.json'], "option '--from-vault-sync <file>' cannot be used with option '-c, --config <file>'"],
    [['--json'], "option '--from-vault-sync <file>' cannot be used with option '--json'"],
  ])('refuses other options: %j', async (args, message) => {
    const { code, stderr } = await run('config', '--from-vault-sync', 'x.yaml', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('refuses a file that is not a configuration of vault-sync, and names it', async () => {
    const file = written('other.yaml', 'id: planted-4711\n');
    const { code, stdout, stderr } = await run('config', '--from-vault-sync', file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`src (file ${file}): is missing; give a section with url`);
    expect(stderr).not.toContain('4711');
  });
});

test('vsync --help lists every command, and --version prints the version of the package', async () => {
  const { code, stdout } = await run('--help');
  expect(code).toBe(0);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  expect(await run('--version')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
  });
});

test('vsync prints the stack of an error at log level debug only', async () => {
  const args = ['start', '-c', path.join(folder, 'none.json')];
  expect((await run(...args)).stderr).not.toMatch(/^\s+at /m);
  for (const debug of [['--log.level', 'debug'], ['--log.level=debug']]) {
    expect((await run(...args, ...debug)).stderr).toContain('ConfigError');
  }
});

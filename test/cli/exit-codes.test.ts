import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createProgram, main } from '../../src/cli';
import { ConfigError } from '../../src/config/errors';
import { NotInStepError, QuietEnd, UsageError, UserError } from '../../src/errors';

/** What the command of this test does; undefined: it comes to its end. */
let thrown: Error | undefined;

const mockFile = (): object =>
  new Proxy(
    {},
    {
      get: () => () => {
        if (thrown !== undefined) throw thrown;
      },
    },
  );
jest.mock('../../src/cli/approve', () => mockFile());
jest.mock('../../src/cli/check/command', () => mockFile());
jest.mock('../../src/cli/config', () => mockFile());
jest.mock('../../src/cli/dev-server', () => mockFile());
jest.mock('../../src/cli/pause', () => mockFile());
jest.mock('../../src/cli/plan', () => mockFile());
jest.mock('../../src/cli/prune', () => mockFile());
jest.mock('../../src/cli/start', () => mockFile());
jest.mock('../../src/cli/status/command', () => mockFile());
jest.mock('../../src/cli/stop', () => mockFile());
jest.mock('../../src/cli/synced', () => mockFile());
jest.mock('../../src/cli/syncer', () => mockFile());
jest.mock('../../src/cli/trigger', () => mockFile());
jest.mock('../../src/cli/ui/command', () => mockFile());
jest.mock('../../src/cli/verify/command', () => mockFile());
jest.mock('../../src/cli/worker', () => mockFile());

/** Every command with the codes that it may end with. */
const CODES: Readonly<Record<string, readonly number[]>> = {
  origin: [0, 1, 2],
  destination: [0, 1, 2],
  worker: [0, 1, 2],
  start: [0, 1, 2],
  stop: [0, 1, 2],
  trigger: [0, 1, 2, 3],
  pause: [0, 1, 2],
  resume: [0, 1, 2],
  signal: [0, 1, 2],
  plan: [0, 1, 2, 3],
  prune: [0, 1, 2],
  approve: [0, 1, 2],
  verify: [0, 1, 2, 3],
  synced: [0, 1, 2, 3],
  syncer: [0, 1, 2, 3],
  status: [0, 1, 2, 3],
  config: [0, 1, 2],
  check: [0, 1, 2],
  completion: [0, 2],
  ui: [0, 1, 2],
  'dev-server': [0, 1, 2],
};

/** Arguments without which a command does not begin. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  worker: ['-c', 'site1.json'],
  prune: ['--orphans'],
  synced: ['secret/team/app'],
  completion: ['bash'],
  ui: ['-c', 'site1.json'],
};

const ENDS: readonly [code: number, end: Error | undefined][] = [
  [0, undefined],
  [1, new UserError('the server does not answer')],
  [1, new QuietEnd(1)],
  [1, new Error('not expected')],
  [2, new UsageError('which?')],
  [2, new ConfigError([{ message: 'a key is missing' }])],
  [3, new NotInStepError('1 to add')],
  [3, new QuietEnd(3)],
];

async function codeOf(...args: string[]): Promise<number> {
  const mocks = [
    jest.spyOn(process.stdout, 'write').mockReturnValue(true),
    jest.spyOn(process.stderr, 'write').mockReturnValue(true),
    jest.spyOn(console, 'error').mockReturnValue(),
  ];
  try {
    return await main(['node', 'vsync', ...args]);
  } finally {
    for (const mock of mocks) mock.mockRestore();
  }
}

test('CODES lists every command', () => {
  const names = createProgram().commands.map((command) => command.name());
  expect(Object.keys(CODES).sort()).toEqual(names.sort());
});

test.each(Object.entries(CODES))(
  'vsync %s ends with the codes %j, by what happened',
  async (command, codes) => {
    const args = [command, ...(NEEDED[command] ?? [])];
    const seen = new Set<number>();
    for (const [code, end] of ENDS.filter(([one]) => codes.includes(one))) {
      thrown = command === 'completion' ? undefined : end;
      const given = command === 'completion' && code === 2 ? [command] : args;
      const got = await codeOf(...given);
      expect(got).toBe(code);
      seen.add(got);
    }
    expect([...seen]).toEqual(codes);
    expect(await codeOf(...args, '--frobnicate')).toBe(2);
  },
);

test('docs/operating.md has the codes of every command in one table', () => {
  const text = readFileSync(path.join(__dirname, '..', '..', 'docs', 'operating.md'), 'utf8');
  const section = text.slice(text.indexOf('## Exit codes'), text.indexOf('## Commands'));
  const rows = [...section.matchAll(/^\| (`vsync .*?) *\| ([0-9, ]+?) *\|/gm)].flatMap(
    ([, commands = '', codes = '']) =>
      [...commands.matchAll(/`vsync ([a-z-]+)`/g)].map(([, command = '']) => [command, codes] as const),
  );
  const listed = Object.entries(CODES).map(([command, codes]) => [command, codes.join(', ')] as const);
  expect(new Map([...rows].sort())).toEqual(new Map([...listed].sort()));
});

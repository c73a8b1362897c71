import type * as Cli from '../../src/cli';

/** Packages that take long to load; each is evaluated only if something asks for it. */
const loaded: string[] = [];
jest.mock('@temporalio/client', () => {
  loaded.push('client');
  return jest.requireActual<object>('@temporalio/client');
});
jest.mock('@temporalio/worker', () => {
  loaded.push('worker');
  return jest.requireActual<object>('@temporalio/worker');
});
jest.mock('node-vault', () => {
  loaded.push('node-vault');
  return jest.requireActual<object>('node-vault');
});

/** The files of all commands that run no worker. */
const NO_WORKERS = [
  'approve',
  'check/command',
  'config',
  'dev-server',
  'pause',
  'plan',
  'prune',
  'start',
  'status/command',
  'stop',
  'synced',
  'trigger',
  'ui/command',
  'verify/command',
];

test('vsync loads only what a command needs: no client for --help and syncer, the worker packages only for workers', async () => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const { main } = jest.requireActual<typeof Cli>('../../src/cli');
  await expect(main(['node', 'vsync', '--help'])).resolves.toBe(0);
  expect(loaded).toEqual([]);
  jest.requireActual('../../src/cli/syncer');
  expect(loaded).toEqual([]);

  for (const file of NO_WORKERS) jest.requireActual(`../../src/cli/${file}`);
  expect([...loaded].sort()).toEqual(['client', 'node-vault']);

  jest.requireActual('../../src/cli/worker');
  expect(loaded).toContain('worker');
});

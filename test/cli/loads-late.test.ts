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

test('a command loads only what it needs: help no client of any server, and only workers what a worker needs', async () => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const { main } = jest.requireActual<typeof Cli>('../../src/cli');
  await expect(main(['node', 'vsync', '--help'])).resolves.toBe(0);
  expect(loaded).toEqual([]);

  for (const file of ['cycles', 'destination', 'looks', 'schedule'])
    jest.requireActual(`../../src/cli/${file}`);
  expect([...loaded].sort()).toEqual(['client', 'node-vault']);

  jest.requireActual('../../src/cli/worker');
  expect(loaded).toContain('worker');
});

import { readFileSync } from 'node:fs';
import type { Check } from '../../src/access/check-line';
import { PLANTED, RefusalCheck, WRONG_TOKEN } from '../support/refusal';
import { startVaultFile, vaultKind } from '../../dev/servers/start';
import { NOWHERE } from '../support/nowhere';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync } from '../../dev/shared/vsync-command';

/** `vsync check` as a user runs it. policies.test.ts covers what it finds in policies. */

let sync: SyncFixture;
let refusal: RefusalCheck;

beforeAll(async () => {
  sync = await SyncFixture.create();
  refusal = new RefusalCheck(sync);
  await sync.originVault.put(sync.mount, PLANTED.path, PLANTED.data);
});

afterAll(() => sync.tearDown());

const good = (): string => sync.destinationFiles[0] ?? '';
const lines = (stdout: string, label: string): string[] =>
  stdout.split('\n').filter((line) => line.startsWith(`  ${label}`));

test('vsync check ends with exit code 0 when all is well, prints a line for each check, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await refusal.run('check', '-c', good());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^d0-\w+ \(destination\)\n/);
  const { temporal, consul, origin, destinations } = sync.servers;
  const vaultLines = (address: string, side: string): string[] => [
    `Vault ${address} (${side}.vault): ${vaultKind() === 'bao' ? 'is an OpenBao, ' : ''}answers, and is unsealed`,
    `Vault ${address} (${side}.vault): token: is alive, and never ends`,
    `Vault ${address} (${side}.vault): mount ${sync.mount}: is kv version 2`,
    `Vault ${address} (${side}.vault): capabilities: the token may do all that is needed`,
  ];
  expect(lines(stdout, 'pass')).toEqual(
    [
      'configuration: is complete',
      `Temporal: ${temporal} answers, and has the namespace default`,
      `Temporal: schedule vsync-destination-d0-${sync.id}: does not exist: create it with "vsync start -c ${good()}"`,
      ...vaultLines(origin.address, 'origin'),
      ...vaultLines(destinations[0].address, 'destination'),
      'origin.vault and destination.vault: are two Vaults',
      `Consul ${consul} (origin.consul): answers`,
      `Consul ${consul} (destination.consul): answers`,
      `Consul ${consul} (destination.consul): keys below ${sync.infoPrefix('destination')}: can be created, listed, read and removed`,
      `Consul ${consul} (destination.consul): sync path ${sync.infoPrefix('destination')}: is free`,
    ].map((line) => `  pass  ${line}`),
  );
  expect(lines(stdout, 'warn')).toEqual([expect.stringContaining('origin/index does not exist yet')]);
  expect(lines(stdout, 'FAIL')).toEqual([]);
  await refusal.expectNothingWritten();
});

test('vsync check --role checks the origin of a file with both sections, and --json prints the report', async () => {
  const { code, stdout } = await refusal.run('check', '--json', '--role', 'origin', '-c', good());
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { role: string; ok: boolean; checks: Check[] };
  expect(report).toMatchObject({ role: 'origin', ok: true });
  expect(report.checks.map(({ outcome }) => outcome)).toEqual(
    // OpenBao has a line about the metadata of folders.
    Array(vaultKind() === 'bao' ? 11 : 10).fill('pass'),
  );
  expect(stdout).not.toContain('(destination.');
});

test('vsync check goes on after a failure, and shows no secret', async () => {
  const file = refusal.changed('destination', (content) => {
    content.temporal.address = NOWHERE;
    content.origin.vault.token = WRONG_TOKEN;
    content.destination.mounts = [`none-${sync.id}/`];
    content.origin.consul.address = NOWHERE;
  });
  const ended = await refusal.run('check', '-c', file);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toBe('vsync: 4 of 16 checks failed\n');
  const { origin } = sync.servers;
  expect(lines(ended.stdout, 'FAIL')).toEqual([
    expect.stringContaining(`Temporal: ${NOWHERE}: cannot connect (`),
    expect.stringContaining(
      `Vault ${origin.address} (origin.vault): token: auth/token/lookup-self: permission denied (403`,
    ),
    expect.stringContaining(`mount none-${sync.id}/: mount none-${sync.id}/ does not exist, or the token`),
    expect.stringContaining(
      `Consul http://${NOWHERE} (origin.consul): ${sync.infoPrefix('origin')}index: connection refused`,
    ),
  ]);
  expect(lines(ended.stdout, 'warn').join('\n')).toMatch(
    /mounts, capabilities: not checked, because the token cannot be used\n.*\n.*keys: not checked, because the Consul/,
  );
  expect(lines(ended.stdout, 'pass').join('\n')).toContain('keys below');
  refusal.expectNoSecret(ended);
  await refusal.expectNothingWritten();
});

test('vsync check names a sealed Vault as sealed, not as unreachable', async () => {
  const vault = await startVaultFile();
  try {
    await vault.seal();
    const file = refusal.changed('origin', (content) => {
      content.origin.vault = { address: vault.address, token: vault.rootToken };
    });
    const { code, stdout } = await refusal.run('check', '-c', file);
    expect(code).toBe(1);
    expect(lines(stdout, 'FAIL')).toEqual([
      `  FAIL  Vault ${vault.address} (origin.vault): sys/health: the Vault is sealed: unseal it`,
    ]);
  } finally {
    await vault.stop();
  }
});

test('vsync check warns of tokens that end for good, and refuses the sync path of another sync', async () => {
  const create = async (body: object): Promise<string> => {
    const answer = await sync.originVault.request('POST', 'auth/token/create', {
      policies: ['root'],
      no_parent: true,
      ...body,
    });
    return (answer as { auth: { client_token: string } }).auth.client_token;
  };
  const tokenLine = async (token: string): Promise<string> => {
    const file = refusal.changed('origin', (content) => (content.origin.vault.token = token));
    const { stdout } = await refusal.run('check', '-c', file);
    return stdout.split('\n').find((line) => line.includes('(origin.vault): token:')) ?? '';
  };
  const time = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;
  const other = 'make another one, put it into origin.vault.token, and restart the workers$';
  expect(await tokenLine(await create({ ttl: '1h' }))).toMatch(
    new RegExp(`^  pass .*: is alive until ${time}; a worker renews it$`),
  );
  expect(await tokenLine(await create({ ttl: '1h', renewable: false }))).toMatch(
    new RegExp(`^  warn .*: is alive until ${time} and cannot be renewed: before then, ${other}`),
  );
  expect(await tokenLine(await create({ ttl: '1h', explicit_max_ttl: '2h' }))).toMatch(
    new RegExp(`^  warn .*: a worker renews it, but not beyond ${time}: before then, ${other}`),
  );

  await sync.consul.put(
    `${sync.infoPrefix('origin')}state`,
    JSON.stringify({ v: 1, name: 'somebody-else', mounts: {} }),
  );
  const { code, stdout } = await refusal.run('check', '-c', sync.originFile);
  await sync.consul.delete(`${sync.infoPrefix('origin')}state`);
  expect(code).toBe(1);
  expect(lines(stdout, 'FAIL')).toEqual([expect.stringContaining('is the sync info of somebody-else')]);
});

test('vsync check ends with exit code 2 for a wrong configuration, and asks no server', async () => {
  const file = refusal.changed('destination', (content) => (content['unknown'] = 1));
  await refusal.expectRefusal(await refusal.run('check', '-c', file), 2, ['unknown']);
  expect(readFileSync(file, 'utf8')).toContain('unknown');
});

test('vsync check lists a warning about the configuration among its checks', async () => {
  const env = { VSYNC_NUMBUCKET: '4' };
  const { code, stdout, stderr } = await runVsync(['check', '-c', good()], { home: sync.folder, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(lines(stdout, 'warn')[0]).toContain(
    'configuration: environment VSYNC_NUMBUCKET is not a key of vsync',
  );
});

test('vsync check fails for a mount that only a transform names, and that does not exist', async () => {
  const file = refusal.changed('destination', (content) => {
    const transforms = [{ from: '^[^/]+/data/(?P<app>.+)', to: 'absent/data/all' }];
    Object.assign(content.destination, { transforms });
  });
  const { code, stdout } = await runVsync(['check', '-c', file], { home: sync.folder });
  expect(code).toBe(1);
  expect(lines(stdout, 'FAIL')).toEqual([
    expect.stringMatching(/mount absent\/: .* does not exist, .* check destination\.transforms/),
  ]);
  expect(lines(stdout, 'warn')).toContainEqual(
    expect.stringContaining('"to" (absent/data/all) has no part app'),
  );
});

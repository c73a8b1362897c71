import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sharedServers } from '../support/shared-servers';
import { runVsync } from '../../dev/shared/vsync-command';

/** What is said of variables that the original obeyed, by the commands that take up a sync. */

const folder = mkdtempSync(path.join(tmpdir(), 'vsync-foreign-'));
const file = path.join(folder, 'config.json');
const side = {
  vault: { address: 'http://127.0.0.1:1', token: 't' },
  consul: { address: '127.0.0.1:1' },
  mounts: ['a/'],
};

beforeAll(() => {
  // No Vault listens there: the commands end after what they have to say.
  const temporal = { address: sharedServers().temporal };
  writeFileSync(file, JSON.stringify({ temporal, origin: side, destination: side }));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const env = { VAULT_TOKEN: 'planted-4711', CONSUL_HTTP_SSL: 'planted-4711', VAULT_CACERT: '' };

test.each(['start', 'origin', 'destination'])('vsync %s names each one that is set', async (command) => {
  const { code, stdout, stderr } = await runVsync([command, '-c', file], { home: folder, env });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  const said = stderr.split('\n').filter((line) => line.includes('is not read'));
  expect(said).toEqual([
    'vsync: environment VAULT_TOKEN is not read: write origin.vault.token and destination.vault.token, or set ' +
      'VSYNC_ORIGIN_VAULT_TOKEN and VSYNC_DESTINATION_VAULT_TOKEN',
    'vsync: environment CONSUL_HTTP_SSL is not read: begin origin.consul.address and destination.consul.address with https://',
  ]);
  expect(stderr).toContain('vsync: Vault http://127.0.0.1:1');
  expect(stderr).not.toContain('4711');
});

test('the others do not repeat it', async () => {
  const { code, stderr } = await runVsync(['config', '-c', file], { home: folder, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

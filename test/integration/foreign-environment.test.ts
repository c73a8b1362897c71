import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sharedServers } from '../support/shared-servers';
import { runVsync } from '../../dev/shared/vsync-command';

/** Commands that start a sync warn of environment variables that only the original reads. */

const folder = mkdtempSync(path.join(tmpdir(), 'vsync-foreign-'));
const file = path.join(folder, 'config.json');

beforeAll(() => {
  const { temporal: address, origin } = sharedServers();
  const temporal = { address };
  // The Vault does not know the token: the commands end after their warnings.
  const side = {
    vault: { address: origin.address, token: 't' },
    consul: { address: '127.0.0.1:1' },
    mounts: ['a/'],
  };
  writeFileSync(file, JSON.stringify({ temporal, origin: side, destination: side }));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const env = { VAULT_TOKEN: 'planted-4711', CONSUL_HTTP_SSL: 'planted-4711', VAULT_CACERT: '' };

test.each(['start', 'origin', 'destination'])(
  'vsync %s warns of each variable of the original that is set',
  async (command) => {
    const { code, stdout, stderr } = await runVsync([command, '-c', file], { home: folder, env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const said = stderr.split('\n').filter((line) => line.includes('is not read'));
    expect(said).toEqual([
      'vsync: environment VAULT_TOKEN is not read: write origin.vault.token and destination.vault.token, or set ' +
        'VSYNC_ORIGIN_VAULT_TOKEN and VSYNC_DESTINATION_VAULT_TOKEN',
      'vsync: environment CONSUL_HTTP_SSL is not read: begin origin.consul.address and destination.consul.address with https://',
    ]);
    expect(stderr).toContain(`vsync: Vault ${sharedServers().origin.address}`);
    expect(stderr).not.toContain('4711');
  },
);

test('vsync config does not warn of variables of the original', async () => {
  const { code, stderr } = await runVsync(['config', '-c', file], { home: folder, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

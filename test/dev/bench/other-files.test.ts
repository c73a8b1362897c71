import { originalVsyncFile, vaultSyncFile } from '../../../dev/bench/parts/others';
import { loadConfig } from '../../../src/config/load';
import { readVaultSyncFile } from '../../../src/migrate/vault-sync-file';
import { configFile, removeConfigFiles } from '../../config/fixtures';

afterAll(removeConfigFiles);

const plan = {
  origin: { address: 'http://127.0.0.1:1', token: 'one' },
  destination: { address: 'http://127.0.0.1:2', token: 'two' },
  consul: 'http://127.0.0.1:3',
  mounts: ['apps/', 'infra/'],
  syncPath: 'bench/original/',
  numBuckets: 64,
  inFlight: 16,
};

describe('originalVsyncFile', () => {
  it.each(['origin', 'destination'] as const)(
    'of the %s contains everything that it needs, in keys that it accepts',
    (role) => {
      const text = JSON.stringify(originalVsyncFile(role, plan));
      const { config } = loadConfig(role, { file: configFile(text), env: {} });
      const section = config.role === 'origin' ? config.origin : config.destination;
      expect(config.origin).toMatchObject({ mounts: plan.mounts, syncPath: plan.syncPath });
      expect(section).toMatchObject({
        vault: { address: plan[role].address },
        mounts: plan.mounts,
        syncPath: plan.syncPath,
        numWorkers: 16,
      });
      expect(Object.keys(JSON.parse(text) as object).sort()).toEqual(
        role === 'origin'
          ? ['name', 'numBuckets', 'origin']
          : ['destination', 'name', 'numBuckets', 'origin'],
      );
      // It does not start without a datacenter.
      expect(section.consul).toMatchObject({ dc: 'dc1' });
      expect(config.origin.consul).toMatchObject({ dc: 'dc1' });
      // The original takes host:port everywhere.
      expect(text).toContain('"address":"127.0.0.1:3"');
    },
  );
});

test('vaultSyncFile copies each mount to the same name', () => {
  const read = readVaultSyncFile(configFile(JSON.stringify(vaultSyncFile(plan)), 'vault-sync.yaml'));
  expect(read.src).toMatchObject({
    url: 'http://127.0.0.1:1/',
    mounts: plan.mounts,
    folder: '',
    login: 'token',
  });
  expect(read.dst).toMatchObject({
    url: 'http://127.0.0.1:2/',
    mounts: plan.mounts,
    folder: '',
    login: 'token',
  });
});

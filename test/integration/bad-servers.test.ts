import { readFileSync } from 'node:fs';
import { startVsync } from '../../dev/shared/vsync-command';
import { eventually } from '../support/eventually';
import { PLANTED, RefusalCheck, WRONG_TOKEN, type ConfigFile } from '../support/refusal';
import { NOWHERE } from '../support/nowhere';
import { SyncFixture } from '../support/sync-fixture';

/** What the built command prints for each server that it cannot use. */

type Edit = (file: ConfigFile) => void;

let sync: SyncFixture;
let check: RefusalCheck;

beforeAll(async () => {
  sync = await SyncFixture.create();
  check = new RefusalCheck(sync);
  await sync.originVault.mount(`v1-${sync.id}/`, '1');
  await sync.originVault.put(sync.mount, PLANTED.path, PLANTED.data);
});

afterAll(() => sync.tearDown());

describe('vsync ends with exit code 1, and names the server with its address, for', () => {
  const url = (): string => `http://${NOWHERE}`;

  test.each<[what: string, edit: Edit, texts: () => string[]]>([
    [
      'an unreachable Consul of the origin',
      (file) => (file.origin.consul.address = NOWHERE),
      () => [`Consul ${url()}: ${sync.syncPath}origin/index: connection refused: is it running`],
    ],
    [
      'an unreachable Consul of the destination',
      (file) => (file.destination.consul.address = NOWHERE),
      () => [`Consul ${url()}: ${sync.syncPath}d0/destination/index: connection refused: is it running`],
    ],
    [
      'an unreachable Vault of the origin',
      (file) => (file.origin.vault.address = url()),
      () => [`Vault ${url()}: sys/health: connection refused: is it running`],
    ],
    [
      'an unreachable Vault of the destination',
      (file) => (file.destination.vault.address = url()),
      () => [`Vault ${url()}: sys/health: connection refused: is it running`],
    ],
    [
      'a wrong token of the origin',
      (file) => (file.origin.vault.token = WRONG_TOKEN),
      () => [
        `Vault ${sync.servers.origin.address}: auth/token/lookup-self: permission denied (403`,
        'check the token',
      ],
    ],
    [
      'a wrong token of the destination',
      (file) => (file.destination.vault.token = WRONG_TOKEN),
      () => [`Vault ${sync.servers.destinations[0].address}: auth/token/lookup-self: permission denied (403`],
    ],
    [
      'a namespace with a character that no header allows',
      (file) => (file.origin.vault['namespace'] = 'größe→'),
      () => [`Vault ${sync.servers.origin.address}: `, 'has a character that is not allowed in a header'],
    ],
    [
      'a missing file of certificate authorities',
      (file) => (file.origin.vault['caFile'] = '/none.pem'),
      () => [`Vault ${sync.servers.origin.address}: vault.caFile: cannot read /none.pem (ENOENT); check`],
    ],
    [
      'https to a server that speaks http',
      (file) => (file.origin.vault.address = sync.servers.origin.address.replace('http:', 'https:')),
      () => [
        `Vault ${sync.servers.origin.address.replace('http:', 'https:')}: `,
        'is the address one with http://',
      ],
    ],
    [
      "Consul's address in place of Vault's",
      (file) => (file.origin.vault.address = sync.servers.consul),
      () => [`Vault ${sync.servers.consul}: sys/health: `, 'is this the address of a Vault'],
    ],
    [
      "Vault's address in place of Consul's",
      (file) => (file.origin.consul.address = sync.servers.origin.address),
      () => [`Consul ${sync.servers.origin.address}: `, 'check that this is the address of a Consul agent'],
    ],
    [
      "Temporal's address in place of Vault's",
      (file) => (file.origin.vault.address = `http://${sync.servers.temporal}`),
      () => [
        `Vault http://${sync.servers.temporal}: sys/health: it does not speak HTTP there (`,
        'is this the address and the port of a Vault?',
      ],
    ],
    [
      'a mount that does not exist',
      (file) => (file.destination.mounts = [`none-${sync.id}/`]),
      () => [
        `Vault ${sync.servers.destinations[0].address}: mount none-${sync.id}/ does not exist`,
        'check destination.mounts',
      ],
    ],
    [
      'a mount of KV version 1',
      (file) => (file.origin.mounts = [`v1-${sync.id}/`]),
      () => [
        `Vault ${sync.servers.origin.address}: mount v1-${sync.id}/ is kv version 1, and vsync needs`,
        'change origin.mounts, or upgrade the mount with: vault kv enable-versioning',
      ],
    ],
    [
      'a namespace that Temporal does not have',
      (file) => (file.temporal.namespace = 'not-there'),
      () => [
        `Temporal ${sync.servers.temporal}: there is no namespace not-there: correct temporal.namespace`,
      ],
    ],
  ])('%s', async (_what, edit, texts) => {
    await check.expectRefusal(await check.run('start', '-c', check.changed('destination', edit)), 1, texts());
  });

  // Each of them connects to Temporal in its own way: a worker has a native client.
  test.each(['start', 'worker', 'trigger'])('an unreachable Temporal (vsync %s)', async (command) => {
    const file = check.changed('origin', (content) => (content.temporal.address = NOWHERE));
    await check.expectRefusal(await check.run(command, '-c', file), 1, [
      `Temporal ${NOWHERE}: cannot connect (`,
      'Is it running, and is the address right? It comes from --temporal.address',
    ]);
  });

  test('a namespace that Temporal does not have (vsync worker)', async () => {
    const file = check.changed('origin', (content) => (content.temporal.namespace = 'not-there'));
    await check.expectRefusal(await check.run('worker', '-c', file), 1, [
      `Temporal ${sync.servers.temporal}: there is no namespace not-there`,
    ]);
  });

  test.each(['origin', 'destination'] as const)('a wrong token (vsync %s)', async (role) => {
    const file = check.changed(role, (content) => (content[role].vault.token = WRONG_TOKEN));
    await check.expectRefusal(await check.run(role, '-c', file), 1, [
      'permission denied (403',
      'check the token',
    ]);
  });
});

test('vsync worker waits for an unreachable Vault, names it in the log, and ends with exit code 0 when it is told to', async () => {
  const file = check.changed(
    'destination',
    (content) => (content.destination.vault.address = `http://${NOWHERE}`),
  );
  const worker = await startVsync(['worker', '--log.level', 'warn', '-c', sync.originFile, file], {
    home: sync.folder,
  });
  try {
    await eventually(() => {
      expect(readFileSync(worker.logFile, 'utf8')).toContain(
        `not started: Vault http://${NOWHERE}: sys/health: connection refused`,
      );
      return Promise.resolve();
    }, 'the wait to be logged');
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await worker.stop();
  }
  await check.expectNothingWritten();
});

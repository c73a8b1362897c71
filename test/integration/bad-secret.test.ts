import { startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import { syncWithVault, type OwnVaultSync } from '../support/own-vault';
import { vaultError } from '../support/wrong-answers';

/** Invariant 6: one bad secret is reported with its path and class, retried in each cycle, and stops no other. */

const GOOD = Array.from({ length: 12 }, (_, at) => `team${at % 3}/app${at}`);
/** Together more than the 1 MiB that the destination's storage (raft) accepts for one entry. */
const TOO_LARGE = { one: 'x'.repeat(700_000), two: 'y'.repeat(700_000) };

let vault: VaultFileServer;
let running: OwnVaultSync;

/** Policy of the destination's token. `denied` forbids everything at one path. */
const policy = (mount: string, denied: boolean): string =>
  `path "${mount}*" { capabilities = ["create", "read", "update", "delete", "list"] }\n` +
  (denied ? `path "${mount}data/denied" { capabilities = ["deny"] }\n` : '');

const transform = (mount: string, to: string): Record<string, unknown> => ({
  name: 'odd',
  from: `(?P<mount>${mount.slice(0, -1)})/(?P<meta>data)/(?P<app>odd)`,
  to,
});

beforeAll(async () => {
  vault = await startVaultFile({ mounts: [] });
  running = await syncWithVault('destination', vault, {
    policy: (mount) => policy(mount, true),
    edit: (file) => {
      const { mounts, transforms } = (file['destination'] ?? {}) as {
        mounts: string[];
        transforms: unknown[];
      };
      // Its result is not a data path.
      (transforms as unknown[] | undefined)?.push(transform(mounts[0] ?? '', 'mount/app'));
    },
  });
});

afterAll(async () => {
  await running.tearDown();
  await vault.stop();
});

test('destination cycle copies all others when a secret is too large, forbidden, transformed to nowhere or always answered by 500, and copies it when the cause is gone', async () => {
  const { sync, proxy, api } = running;
  const data = (path: string): string => `${sync.mount}data/${path}`;
  for (const path of [...GOOD, 'denied', 'odd', 'broken'])
    await sync.originVault.put(sync.mount, path, { path });
  await sync.originVault.put(sync.mount, 'large', TOO_LARGE);
  proxy.choose((method, url) =>
    method === 'POST' && url.endsWith('/data/broken') ? vaultError(500, 'internal error') : undefined,
  );
  await sync.cycle('origin');

  const FAILURES = [
    { path: data('broken'), class: 'unavailable', at: 'destination' },
    { path: data('denied'), class: 'forbidden', at: 'destination' },
    { path: data('large'), class: 'too-large', at: 'destination' },
    { path: data('odd'), class: 'no-data-path' },
  ];
  const byPath = (failures: { path: string }[]): { path: string }[] =>
    [...failures].sort((a, b) => (a.path < b.path ? -1 : 1));
  const first = await sync.cycle('destination');
  expect(first).toMatchObject({
    outcome: 'partial',
    counts: { added: GOOD.length, failed: FAILURES.length },
  });
  expect(byPath(first.failures)).toEqual(FAILURES);
  for (const path of GOOD) expect(await api.get(sync.mount, path)).toEqual({ path });

  // Only the failed ones are tried again, and a new secret is copied.
  await sync.originVault.put(sync.mount, 'new', { path: 'new' });
  await sync.cycle('origin');
  const second = await sync.cycle('destination');
  expect(second).toMatchObject({
    outcome: 'partial',
    counts: { added: 1, updated: 0, failed: FAILURES.length },
  });
  expect(byPath(second.failures)).toEqual(FAILURES);

  proxy.choose(() => undefined);
  await api.request('PUT', `sys/policies/acl/${sync.id}`, { policy: policy(sync.mount, false) });
  await sync.originVault.put(sync.mount, 'large', { path: 'large' });
  await sync.cycle('origin');
  const third = await sync.cycle('destination');
  expect(third).toMatchObject({ outcome: 'partial', counts: { added: 3, updated: 0, failed: 1 } });
  expect(third.failures).toEqual(FAILURES.slice(3));

  await sync.reconfigure('destination', ({ destination }) => {
    destination.transforms = [transform(sync.mount, 'mount/meta/moved/app')];
  });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  expect(await api.get(sync.mount, 'moved/odd')).toEqual({ path: 'odd' });
  for (const path of [...GOOD, 'new', 'denied', 'large', 'broken', 'moved/odd'])
    expect([path, await api.version(sync.mount, path)]).toEqual([path, 1]);
});

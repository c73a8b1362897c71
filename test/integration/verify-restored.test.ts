import { eventually } from '../support/eventually';
import { startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import { SyncFixture } from '../support/sync-fixture';
import { VaultApi } from '../../dev/shared/vault-api';

/** A destination's Vault is restored from its own snapshot. Only a verify notices: the claims still list the copies. */
describe('vsync verify of a destination that was restored from a snapshot', () => {
  let server: VaultFileServer;
  let vault: VaultApi;
  let sync: SyncFixture;

  beforeAll(async () => {
    server = await startVaultFile();
    vault = new VaultApi(server);
    sync = await SyncFixture.create({
      beforeFiles: ({ mount }) => vault.mount(mount),
      edit: (file, role) => {
        if (role !== 'destination') return;
        const { address, rootToken } = server;
        (file['destination'] as Record<string, unknown>)['vault'] = { address, token: rootToken };
      },
    });
  });

  afterAll(async () => {
    await sync.tearDown();
    await server.stop();
  });

  const storage = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(`${server.address}/v1/sys/storage/raft/${path}`, {
      ...init,
      headers: { 'X-Vault-Token': server.rootToken },
    });
    expect(response.ok).toBe(true);
    return response;
  };

  test('finds what is missing since the snapshot, and --repair restores it without touching the rest', async () => {
    const changed = { version: 'after the snapshot' };
    for (const path of ['kept', 'changed', 'deleted']) await sync.originVault.put(sync.mount, path, { path });
    await sync.run();
    await sync.cycle('origin');
    await sync.cycle('destination');
    const snapshot = await (await storage('snapshot', {})).arrayBuffer();

    await sync.originVault.put(sync.mount, 'changed', changed);
    await sync.originVault.put(sync.mount, 'new', changed);
    await sync.originVault.delete(sync.mount, 'deleted');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ counts: { added: 1, updated: 1, deleted: 1 } });
    expect(await sync.verify()).toMatchObject({ counts: { equal: 3 }, findings: [], notes: [] });

    await storage('snapshot', { method: 'POST', body: snapshot });
    await eventually(async () => {
      expect(await vault.get(sync.mount, 'changed')).toEqual({ path: 'changed' });
    }, 'the Vault to be as it was');
    // Cycles do not notice.
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    expect(await vault.get(sync.mount, 'changed')).toEqual({ path: 'changed' });
    const { counts, findings } = await sync.verify();
    expect(counts).toMatchObject({ equal: 1, drift: 1, missing: 1, extra: 1 });
    const data = (path: string): string => `${sync.mount}data/${path}`;
    expect(findings).toEqual([
      { kind: 'drift', path: data('changed') },
      { kind: 'missing', path: data('new'), class: 'absent' },
      { kind: 'extra', path: data('deleted') },
    ]);

    expect(await sync.repair()).toMatchObject({
      doubted: 2,
      left: 0,
      cycle: { result: { counts: { deleted: 0 } } },
    });
    expect(await vault.get(sync.mount, 'changed')).toEqual(changed);
    expect(await vault.get(sync.mount, 'new')).toEqual(changed);
    expect(await vault.version(sync.mount, 'kept')).toBe(1);
    // A secret that the origin deleted since is extra now. It is never removed automatically.
    expect(await vault.get(sync.mount, 'deleted')).toEqual({ path: 'deleted' });
    expect(await sync.verify()).toMatchObject({ counts: { equal: 3, drift: 0, missing: 0, extra: 1 } });
  });
});

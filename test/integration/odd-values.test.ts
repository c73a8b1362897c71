import { onVault } from '../support/vault-kind';
import { startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import { syncWithVault, type OwnVaultSync } from '../support/own-vault';
import type { VaultApi } from '../../dev/shared/vault-api';

/** JSON and JavaScript change some values when they parse them. A copy must be what the origin's Vault prints. */

const deep = (levels: number): string => `{"a":${'['.repeat(levels)}1${']'.repeat(levels)}}`;

/** Values as text, as a user of the API may send them. */
const TEXTS: Readonly<Record<string, string>> = {
  'negative-zero': '{"a":-0,"b":[0,-0.0,{"c":-1e-400}],"d":"-0","e":0}',
  numbers:
    '{"big":12345678901234567890,"odd":9007199254740993,"tiny":5e-324,"exp":1e21,"small":1e-7,"whole":1.0}',
  names: '{"__proto__":{"x":-0},"constructor":1,"toJSON":2,"":3,"10":4,"9":5,"A":6,"a":7,"\\u0000":8}',
  texts:
    '{"lone":"x\\ud800y","line":"\\u2028\\u2029","html":"<&>","nul":"\\u0000","emoji":"😀","zero":"\\u200b"}',
  nothing: '{"a":null,"b":[null],"c":{},"d":[],"e":""}',
  empty: '{}',
  deep: deep(290),
};

/** Both servers print equal values equally, so the printed texts are compared. */
async function printed(api: VaultApi, mount: string, path: string): Promise<string | undefined> {
  const response = await fetch(`${api.vault.address}/v1/${mount}data/${path}`, {
    headers: { 'X-Vault-Token': api.vault.rootToken },
  });
  return /"data":\{"data":(.*),"metadata":\{"created_time"/s.exec(await response.text())?.[1];
}

async function putText(api: VaultApi, mount: string, path: string, text: string): Promise<void> {
  const { status } = await fetch(`${api.vault.address}/v1/${mount}data/${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': api.vault.rootToken },
    body: `{"data":${text}}`,
  });
  expect([path, status]).toEqual([path, 200]);
}

let vault: VaultFileServer;
let running: OwnVaultSync;

beforeAll(async () => {
  // The origin takes values that the destination's Vault refuses.
  vault = await startVaultFile({ mounts: [], listener: { max_json_depth: 9_000 } });
  running = await syncWithVault('origin', vault);
});

afterAll(async () => {
  await running.tearDown();
  await vault.stop();
});

test('destination cycle copies a value as the origin prints it: signs of zero, numbers, names, texts, depth', async () => {
  const { sync, api } = running;
  const [there] = sync.destinationVaults;
  for (const [path, text] of Object.entries(TEXTS)) await putText(api, sync.mount, path, text);
  await sync.cycle('origin');
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { added: Object.keys(TEXTS).length, failed: 0 },
  });
  for (const path of Object.keys(TEXTS)) {
    const text = await printed(api, sync.mount, path);
    expect(text).toBeDefined();
    expect([path, there && (await printed(there, sync.mount, path))]).toEqual([path, text]);
  }
  expect(await printed(api, sync.mount, 'negative-zero')).toContain('"a":-0,');
  expect(await sync.verify()).toMatchObject({ counts: { equal: Object.keys(TEXTS).length, drift: 0 } });
});

test('vsync verify reports a different sign of zero as drift, and --repair writes it once', async () => {
  const { sync, api } = running;
  const [there] = sync.destinationVaults;
  if (there === undefined) throw new Error('the sync has a destination');
  const text = (await printed(api, sync.mount, 'negative-zero')) ?? '';
  await putText(there, sync.mount, 'negative-zero', text.replaceAll('-0', '0'));
  expect((await sync.verify()).findings).toEqual([
    expect.objectContaining({ kind: 'drift', path: `${sync.mount}data/negative-zero` }),
  ]);
  await sync.repair();
  expect(await printed(there, sync.mount, 'negative-zero')).toBe(text);
  expect(await there.version(sync.mount, 'negative-zero')).toBe(3);
  await sync.repair();
  expect(await there.version(sync.mount, 'negative-zero')).toBe(3);
});

onVault('OpenBao has no limit of the depth').test(
  'destination cycle copies all but the values that are too deep for its Vault: they are too-large, and missing in a verify',
  async () => {
    const { sync, api } = running;
    await putText(api, sync.mount, 'deeper', deep(400));
    // Deeper than JavaScript's stack allows.
    await putText(api, sync.mount, 'deepest', deep(8_500));
    await putText(api, sync.mount, 'late', '{"a":1}');
    await sync.cycle('origin');
    for (const counts of [
      { added: 1, failed: 2 },
      { added: 0, failed: 2 },
    ]) {
      const { outcome, failures, counts: counted } = await sync.cycle('destination');
      expect({ outcome, counts: counted }).toMatchObject({ outcome: 'partial', counts });
      expect(
        failures.map(({ path, class: why }) => [path.replace(`${sync.mount}data/`, ''), why]).sort(),
      ).toEqual([
        ['deeper', 'too-large'],
        ['deepest', 'too-large'],
      ]);
    }
    expect((await sync.verify()).counts).toMatchObject({ missing: 2, drift: 0, failed: 0 });
  },
);

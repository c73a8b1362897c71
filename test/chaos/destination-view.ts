import type { SyncFixture } from '../support/sync-fixture';
import type { VaultApi } from '../../dev/shared/vault-api';
import { MOUNTS, type MountTable } from './names';
import { wordOf, type SecretSettings } from './secret-settings';
import type { Standing, View } from './witness';

/** Everything at the destination, read with plain requests instead of the code under test. */
export async function destinationView(sync: SyncFixture, mounts: MountTable): Promise<View> {
  const vault = vaultOf(sync);
  const view = new Map<string, Standing>();
  const nowMs = Date.now();
  for (const mount of MOUNTS) {
    const inVault = mounts.of(mount);
    for (const path of await pathsBelow(vault, inVault, '')) {
      const { data } = (await vault.request('GET', `${inVault}metadata/${encoded(path)}`)) as Metadata;
      const versions = Object.values(data.versions).map(({ created_time, deletion_time, destroyed }) => {
        if (destroyed) throw new Error(`${mount}/${path}: a version at the destination is destroyed`);
        const deletedMs = Date.parse(deletion_time);
        // A version that will expire still exists.
        return {
          createdMs: Date.parse(created_time),
          deletedMs: deletion_time === '' || deletedMs > nowMs + DAY_MS / 2 ? undefined : deletedMs,
        };
      });
      const value = (await vault.get(inVault, path)) as { v: string } | null | undefined;
      view.set(`${mount}/${path}`, { versions, value: value?.v, settings: wordOf(data) });
    }
  }
  return view;
}

const DAY_MS = 24 * 3_600_000;

/** Values of all versions. Deleted ones are undeleted for this. */
export async function valuesOfAllVersions(
  sync: SyncFixture,
  { mount, inMount }: { mount: string; inMount: string },
  count: number,
): Promise<string[]> {
  const vault = vaultOf(sync);
  const versions = Array.from({ length: count }, (_, position) => position + 1);
  await vault.request('POST', `${mount}undelete/${encoded(inMount)}`, { versions });
  const values: string[] = [];
  for (const version of versions) {
    const url = `${mount}data/${encoded(inMount)}?version=${version}`;
    const { data } = (await vault.request('GET', url)) as { data: { data: { v: string } } };
    values.push(data.data.v);
  }
  return values;
}

export function vaultOf({ destinationVaults: [vault] }: SyncFixture): VaultApi {
  if (vault === undefined) throw new Error('the fixture has a destination');
  return vault;
}

export const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

interface Metadata {
  data: SecretSettings & {
    versions: Record<string, { created_time: string; deletion_time: string; destroyed: boolean }>;
  };
}

async function pathsBelow(vault: VaultApi, mount: string, folder: string): Promise<string[]> {
  const answer = await vault
    .request('GET', `${mount}metadata/${encoded(folder)}?list=true`)
    .catch((error: unknown) => {
      if (error instanceof Error && error.message.includes(': 404 ')) return { data: { keys: [] } };
      throw error;
    });
  const { keys } = (answer as { data: { keys: string[] } }).data;
  const below = keys.map((key) =>
    key.endsWith('/') ? pathsBelow(vault, mount, folder + key) : Promise.resolve([folder + key]),
  );
  return (await Promise.all(below)).flat();
}

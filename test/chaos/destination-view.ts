import type { SyncFixture } from '../support/sync-fixture';
import type { VaultApi } from '../support/vault-api';

export interface StandingVersion {
  readonly createdMs: number;
  /** Undefined if it is not deleted. */
  readonly deletedMs: number | undefined;
}

/** A secret as it stands at the destination; versions from 1 on. */
export interface Standing {
  readonly versions: readonly StandingVersion[];
  readonly value: string | undefined;
}

/** Everything below the destination's mount, by path without mount: plain requests, past the code under test. */
export async function destinationView(sync: SyncFixture): Promise<Map<string, Standing>> {
  const vault = vaultOf(sync);
  const view = new Map<string, Standing>();
  for (const path of await pathsBelow(vault, sync.mount, '')) {
    const { data } = (await vault.request('GET', `${sync.mount}metadata/${encoded(path)}`)) as Metadata;
    const versions = Object.values(data.versions).map(({ created_time, deletion_time, destroyed }) => {
      if (destroyed) throw new Error(`${path}: a version at the destination is destroyed`);
      const deletedMs = deletion_time === '' ? undefined : Date.parse(deletion_time);
      return { createdMs: Date.parse(created_time), deletedMs };
    });
    const value = (await vault.get(sync.mount, path)) as { v: string } | null | undefined;
    view.set(path, { versions, value: value?.v });
  }
  return view;
}

/** Values of all versions, also of deleted ones: brings those back, so it is for the very end only. */
export async function valuesOfAllVersions(sync: SyncFixture, path: string, count: number): Promise<string[]> {
  const vault = vaultOf(sync);
  const versions = Array.from({ length: count }, (_, position) => position + 1);
  await vault.request('POST', `${sync.mount}undelete/${encoded(path)}`, { versions });
  const values: string[] = [];
  for (const version of versions) {
    const url = `${sync.mount}data/${encoded(path)}?version=${version}`;
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
  data: { versions: Record<string, { created_time: string; deletion_time: string; destroyed: boolean }> };
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

/**
 * Secrets are named by the mount as the test calls it and the path in it, "one/team/x". In Vault the mounts have
 * names that no other run uses; both ends have the same.
 */
export const MOUNTS = ['one', 'two'] as const;
export type MountName = (typeof MOUNTS)[number];

/** Folders, a name that is a secret and a folder, characters that need encoding, names that transforms bring together. */
export const NAMES = [
  'one/a',
  'one/a/b',
  'one/team/x',
  'one/team/y',
  'one/team/deep/z',
  'one/ops/x',
  'one/ops/ü 1',
  'one/c%41',
  'two/team/x',
  'two/team/y',
  'two/k',
  'two/ops/x',
] as const;

/** So many more secrets come and go at once, above what the delete guard lets pass. */
export const BULK = Array.from({ length: 24 }, (_, number) => `one/bulk/${number}`);

/** Every secret that there can be at the origin. */
export const ALL_NAMES: readonly string[] = [...NAMES, ...BULK];

/** "one/team/x" is "team/x" in the mount "one". */
export function partsOf(name: string): { mount: MountName; inMount: string } {
  const [mount = '', ...rest] = name.split('/');
  return { mount: mount as MountName, inMount: rest.join('/') };
}

/** How the mounts are called in Vault. */
export class MountTable {
  constructor(private readonly inVault: Readonly<Record<MountName, string>>) {}

  /** In the order of MOUNTS, each ending in "/". */
  get all(): string[] {
    return MOUNTS.map((mount) => this.of(mount));
  }

  of(mount: MountName): string {
    return this.inVault[mount];
  }

  /** @returns mount in Vault, and the path in it */
  locate(name: string): { mount: string; inMount: string } {
    const { mount, inMount } = partsOf(name);
    return { mount: this.of(mount), inMount };
  }

  /** The name of what sync info calls `<mount>data/<path>`. */
  nameOf(dataPath: string): string {
    for (const mount of MOUNTS) {
      const start = `${this.of(mount)}data/`;
      if (dataPath.startsWith(start)) return `${mount}/${dataPath.slice(start.length)}`;
    }
    throw new Error(`${dataPath} is in no mount of this run`);
  }
}

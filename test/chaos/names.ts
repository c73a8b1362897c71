/**
 * A secret's name is the test's name of its mount and the path in it: "one/team/x". In Vault the mounts have names of
 * their own for each run, the same at both ends.
 */
export const MOUNTS = ['one', 'two'] as const;
export type MountName = (typeof MOUNTS)[number];

/** Folders, a name that is a secret and a folder, characters that need encoding, names that transforms merge. */
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

/** More secrets that are put and deleted together. They exceed the limit of the delete guard. */
export const BULK = Array.from({ length: 24 }, (_, number) => `one/bulk/${number}`);

/** Every secret that can exist at the origin. */
export const ALL_NAMES: readonly string[] = [...NAMES, ...BULK];

/** Splits a name: "one/team/x" is "team/x" in the mount "one". */
export function partsOf(name: string): { mount: MountName; inMount: string } {
  const [mount = '', ...rest] = name.split('/');
  return { mount: mount as MountName, inMount: rest.join('/') };
}

/** The names of the mounts in Vault. */
export class MountTable {
  constructor(private readonly inVault: Readonly<Record<MountName, string>>) {}

  /** In the order of MOUNTS, each ending in "/". */
  get all(): string[] {
    return MOUNTS.map((mount) => this.of(mount));
  }

  of(mount: MountName): string {
    return this.inVault[mount];
  }

  /** @returns the mount in Vault, and the path in it */
  locate(name: string): { mount: string; inMount: string } {
    const { mount, inMount } = partsOf(name);
    return { mount: this.of(mount), inMount };
  }

  /** The name of the data path `<mount>data/<path>`. */
  nameOf(dataPath: string): string {
    for (const mount of MOUNTS) {
      const start = `${this.of(mount)}data/`;
      if (dataPath.startsWith(start)) return `${mount}/${dataPath.slice(start.length)}`;
    }
    throw new Error(`${dataPath} is in no mount of this run`);
  }
}

import { z } from 'zod';
import { ConfigError, type ConfigProblem } from '../config/errors';
import { expecting, text } from '../config/fields';
import { readConfigFile } from '../config/file';
import { conflictOf, normalMount } from '../config/sides';
import { dataPath } from '../rules/paths';
import type { TransformRule } from '../rules/transform';

/*
 * The configuration file of vault-sync (github.com/pbchekin/vault-sync, 0.11): the keys that decide what is synced where.
 * vault-sync ignores unknown keys, so they are ignored here too.
 */

const maybe = (what: string) => text(what).nullish();

const side = z
  .object(
    {
      url: text('the URL of the Vault'),
      prefix: maybe('a prefix as text'),
      backend: maybe('a mount as text'),
      backends: z
        .array(text('a mount as text'), expecting('a list of mounts'))
        .min(1, 'is empty; name a mount')
        .nullish(),
      version: z.literal([1, 2], 'must be 1 or 2').nullish(),
      namespace: maybe('a namespace as text'),
      token: maybe('a token as text'),
      role_id: maybe('a role id as text'),
      secret_id: maybe('a secret id as text'),
      token_ttl: z.unknown().optional(),
      token_max_ttl: z.unknown().optional(),
    },
    expecting('a section with url'),
  )
  .refine(({ backend, backends }) => backend == null || backends == null, {
    path: ['backends'],
    message: 'is given together with backend; keep one of the two',
  })
  .transform(({ url, prefix, backend, backends, version, namespace, ...login }) => ({
    url,
    /** Folder in each mount: "" or "a/b/". */
    folder: folderOf(prefix ?? ''),
    /** As written; undefined if the default applies. */
    mounts: backends ?? (backend == null ? undefined : [backend]),
    /** Of the kv secrets engine. */
    version: version ?? 2,
    namespace: namespace ?? '',
    /** Where the login comes from. A token wins over an AppRole, and half an AppRole counts as none. */
    login: loginOf(login),
    /** Whether it limits the lifetime of its token. */
    limitsToken: login.token_ttl != null || login.token_max_ttl != null,
  }));

const fileSchema = z.object({
  id: text('the name of this vault-sync'),
  full_sync_interval: z
    .int(expecting('a number of seconds'))
    .min(0, 'must not be negative')
    .max(1_000_000_000, 'is longer than 30 years'),
  bind: maybe('an address to listen on, as text'),
  src: side,
  dst: side,
});

/** One end of a vault-sync. Contains no secret. */
export interface VaultSyncSide extends Omit<z.output<typeof side>, 'mounts'> {
  /** Each ending in "/"; the n-th of the source goes to the n-th of the destination. */
  readonly mounts: readonly string[];
}

export interface VaultSyncFile {
  readonly id: string;
  readonly intervalS: number;
  /** Whether it listens for the source Vault's audit log. */
  readonly listens: boolean;
  readonly src: VaultSyncSide;
  readonly dst: VaultSyncSide;
}

/** @throws ConfigError with each key that is wrong, without its value */
export function readVaultSyncFile(file: string): VaultSyncFile {
  const refuse = (problems: readonly Omit<ConfigProblem, 'source'>[]): never => {
    throw new ConfigError(problems.map((problem) => ({ ...problem, source: `file ${file}` })));
  };
  const parsed = fileSchema.safeParse(readConfigFile(file, { yaml12: true }));
  if (!parsed.success) {
    return refuse(parsed.error.issues.map(({ path, message }) => ({ key: path.join('.'), message })));
  }
  const { id, full_sync_interval: intervalS, bind, src, dst } = parsed.data;
  const from = src.mounts ?? ['secret'];
  const to = dst.mounts ?? from;
  if (from.length !== to.length) {
    refuse([{ key: 'dst', message: 'must have as many mounts as src; vault-sync refuses it too' }]);
  }
  return {
    id,
    intervalS,
    listens: bind != null,
    src: { ...src, mounts: normalMounts(from, 'src', refuse) },
    dst: { ...dst, mounts: normalMounts(to, 'dst', refuse) },
  };
}

/** Several mounts of the source may go to one mount of the destination. A mount of the source is listed once. */
function normalMounts(
  mounts: readonly string[],
  side: 'src' | 'dst',
  refuse: (problems: ConfigProblem[]) => never,
): string[] {
  const wrong = (position: number, message: string): never =>
    refuse([{ key: mounts.length === 1 ? `${side}.backend` : `${side}.backends[${position}]`, message }]);
  const normal = mounts.map((mount, position) => {
    const checked = normalMount(mount);
    return 'value' in checked ? checked.value : wrong(position, checked.problem);
  });
  const conflict = conflictOf(side === 'src' ? normal : [...new Set(normal)]);
  return conflict === undefined ? normal : wrong(conflict.position, conflict.problem);
}

/** As in vault-sync, a prefix is a folder, with or without a "/" at its end. */
function folderOf(prefix: string): string {
  const parts = prefix.split('/').filter((part) => part !== '');
  return parts.map((part) => `${part}/`).join('');
}

function loginOf(
  keys: Partial<Record<'token' | 'role_id' | 'secret_id', string | null>>,
): 'token' | 'approle' | 'environment' {
  if (keys.token != null) return 'token';
  return keys.role_id != null && keys.secret_id != null ? 'approle' : 'environment';
}

/** Globs for the paths below the source's prefix; none without a prefix. */
export function includesOf({ src }: VaultSyncFile): string[] {
  return src.folder === '' ? [] : src.mounts.map((mount) => globOf(mount + src.folder));
}

/** One rule for each mount whose secrets do not keep their path: the prefix of the source becomes that of the destination. */
export function transformsOf({ src, dst }: VaultSyncFile): TransformRule[] {
  return src.mounts.flatMap((mount, number) => {
    const target = dst.mounts[number] ?? mount;
    if (mount === target && src.folder === dst.folder) return [];
    const to = `${target}data/${dst.folder}`;
    const group = freeName(to.split('/'));
    // vault-sync removes its prefix as often as it is there.
    const prefix = src.folder === '' ? '' : `(?:${quoted(src.folder)})+`;
    return [
      {
        name: `${mount}${src.folder} to ${target}${dst.folder}`,
        from: `(?s)^${quoted(dataPath(mount, ''))}${prefix}(?P<${group}>.+)$`,
        to: to + group,
      },
    ];
  });
}

/** A name for the group that is not a part of the new path, because such a part would be replaced. */
function freeName(taken: readonly string[]): string {
  let name = 'rest';
  while (taken.includes(name)) name += '_';
  return name;
}

/** Whether a copy at the destination is in a folder that is read as the source. */
export function feedsItself({ src, dst }: VaultSyncFile): boolean {
  if (src.url !== dst.url || src.namespace !== dst.namespace) return false;
  const read = src.mounts.map((mount) => mount + src.folder);
  return dst.mounts.some((mount, number) => {
    const written = mount + dst.folder;
    return written !== read[number] && read.some((folder) => written.startsWith(folder));
  });
}

function quoted(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

/**
 * A glob for everything below exactly this folder. Globs drop some of several "\" in a row, so each becomes a set of its own.
 * A "+" has a meaning after a set, so it is escaped too.
 */
function globOf(folder: string): string {
  const literal = folder.replace(/[\\*?[\]{}()|+^$]/g, (char) => (char === '\\' ? '[\\\\]' : `\\${char}`));
  return `${literal}**`;
}

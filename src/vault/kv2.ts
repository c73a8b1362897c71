import { z } from 'zod';
import type { SecretSettings } from '../rules/settings';
import { EmptyBody, type RequestOptions, type VaultClient } from './client';
import { VaultError } from './errors';
import { PagedLister } from './listing';

/** Identity and kind of a secrets engine. A re-created engine has another uuid, but otherwise answers like an empty one. */
export interface Mount {
  uuid: string;
  /** True for KV version 2, the only kind that vsync reads and writes. */
  isKv2: boolean;
  /** Type as Vault names it, with KV's version: `kv version 1`, `transit`, … */
  kind: string;
}

/** What a mount says for all of its secrets, in the names of Vault's API. */
export interface MountRules {
  /** A Go duration, "1h0m0s": the shorter of this and that of a secret counts. "0s" for none; "-1s" switches those of secrets off. */
  delete_version_after: string;
  /** The larger of this and that of a secret counts; 0 for Vault's default. */
  max_versions: number;
}

/** Metadata of one secret, in the names of Vault's API. */
export type SecretMetadata = z.infer<typeof MetadataBody>;

/** What stands at a path: the value of one version, or the mark that this version is deleted or destroyed. */
export type SecretVersion =
  | {
      live: true;
      version: number;
      createdTime: string;
      /** When it ends by itself, RFC 3339; "" for never. */
      endsAt: string;
      data: unknown;
    }
  | { live: false; version: number; createdTime: string };

const MountBody = z.object({
  data: z.object({
    uuid: z.string().nullish(),
    accessor: z.string().nullish(),
    type: z.string(),
    options: z.object({ version: z.string().nullish() }).nullish(),
  }),
});
const ConfigBody = z
  .object({
    data: z.object({ delete_version_after: z.string().nullish(), max_versions: z.number().nullish() }),
  })
  .transform(({ data }): MountRules => ({
    delete_version_after: data.delete_version_after ?? '0s',
    max_versions: data.max_versions ?? 0,
  }));
const VersionEntry = z.object({
  created_time: z.string(),
  deletion_time: z.string(),
  destroyed: z.boolean(),
});
/** Not z.record: that would drop a key named __proto__. */
const CustomMetadata = z.custom<Record<string, string>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string'),
);
/** As z.record of {@link VersionEntry}, at a fraction of its cost: a scan reads the versions of each secret. */
const Versions = z.custom<Record<string, z.infer<typeof VersionEntry>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value as Record<string, Partial<z.infer<typeof VersionEntry>> | null>).every(
      (entry) =>
        typeof entry?.created_time === 'string' &&
        typeof entry.deletion_time === 'string' &&
        typeof entry.destroyed === 'boolean',
    ),
);
const MetadataBody = z
  .object({
    data: z.object({
      current_version: z.number().int().min(0),
      updated_time: z.string(),
      versions: Versions,
      // What is beside them is nobody's business: Vault 1.21 adds last_updated_by, OpenBao current_metadata_version.
      // A Vault before 1.9 has no custom metadata, and says nothing about it.
      custom_metadata: CustomMetadata.nullable().default(null),
      max_versions: z
        .number()
        .int()
        .min(0)
        .nullish()
        .transform((count) => count ?? 0),
      cas_required: z
        .boolean()
        .nullish()
        .transform((is) => is ?? false),
      delete_version_after: z
        .string()
        .nullish()
        .transform((duration) => duration ?? '0s'),
      // OpenBao counts the writes of metadata. Vault does not, and the field is missing.
      current_metadata_version: z
        .number()
        .int()
        .min(0)
        .nullish()
        .transform((count) => count ?? undefined),
    }),
  })
  .transform(({ data }) => data);
const DataBody = z
  .object({
    data: z.object({
      // Not parsed further: the value is copied as it is, and zod would drop a key named __proto__.
      data: z.unknown(),
      metadata: VersionEntry.extend({ version: z.number().int().min(1) }),
    }),
  })
  .transform(({ data }) => versionOf(data));
const WriteBody = z
  .object({ data: z.object({ version: z.number().int().min(1), deletion_time: z.string().nullish() }) })
  .transform(({ data }): Written => ({ version: data.version, endsAt: data.deletion_time ?? '' }));
const HealthBody = z.object({
  cluster_id: z.string().nullish(),
  sealed: z.boolean(),
  replication_performance_mode: z.string().nullish(),
});
const TokenBody = z.object({ data: z.object({ ttl: z.number() }) });

/** A version that was written. */
export interface Written {
  version: number;
  /** When it ends by itself (`delete_version_after` of the secret or its mount), RFC 3339; "" for never. */
  endsAt: string;
}

/**
 * The requests of KV version 2 that vsync needs. A secret is named by its mount (`secret/`) and its path in
 * it (`team/app`). Every method throws {@link VaultError}.
 */
export class Kv2 {
  private readonly lister: PagedLister;

  constructor(readonly client: VaultClient) {
    this.lister = new PagedLister(client);
  }

  /** As {@link PagedLister.mayHideNames}. */
  get mayHideNames(): boolean {
    return this.lister.mayHideNames;
  }

  /**
   * The engine at a mount. Needs any one permission below the mount, unlike `sys/mounts`.
   *
   * @param namespace to ask in, instead of the one that is configured
   */
  async mount(mount: string, signal?: AbortSignal, namespace?: string): Promise<Mount> {
    const path = this.encode('sys/internal/ui/mounts/', mount.replace(/\/$/, ''));
    const { data } = await this.client.read(path, MountBody, { signal, namespace });
    const version = data.options?.version;
    // Some servers leave the uuid out. A re-created engine has another accessor too.
    const uuid = data.uuid || data.accessor;
    if (uuid === undefined || uuid === null || uuid === '') {
      const detail =
        'the answer has neither the uuid nor the accessor of the mount, by which a re-created one is told; let what ' +
        'stands in between pass the answer as the Vault gives it';
      throw new VaultError('malformed', this.client.address, path, detail);
    }
    return {
      uuid,
      isKv2: data.type === 'kv' && version === '2',
      kind: data.type === 'kv' ? `kv version ${version ?? '1'}` : data.type,
    };
  }

  /**
   * What a mount says for all of its secrets. Needs `read` on `<mount>config`, which a sync needs for nothing else.
   *
   * @returns undefined if it cannot be read
   */
  async mountRules(mount: string, signal?: AbortSignal): Promise<MountRules | undefined> {
    try {
      return await this.client.read(this.encode(mount, 'config'), ConfigBody, { signal });
    } catch (error) {
      // Nothing depends on it: a policy, a gateway or a plugin without this path may stand in the way.
      if (error instanceof VaultError) return undefined;
      throw error;
    }
  }

  /**
   * Names in one folder, as Vault lists them: a folder's name ends in `/`, and `a` and `a/` may both be there.
   * Includes secrets that are deleted. Empty only if Vault itself says that nothing is there.
   *
   * @param folder path in the mount, empty for its root, else ending in `/`
   */
  async list(mount: string, folder: string, signal?: AbortSignal): Promise<string[]> {
    const path = this.encode(`${mount}metadata/${folder}`.replace(/\/$/, ''), '');
    return this.lister.list(path, mount, signal);
  }

  /** Metadata of a secret; undefined if Vault says that there is none. */
  metadata(
    mount: string,
    path: string,
    signal?: AbortSignal,
    onSend?: RequestOptions['onSend'],
  ): Promise<SecretMetadata | undefined> {
    return this.at(`${mount}metadata/`, path, (whole) =>
      this.client.read(whole, MetadataBody, { signal, onSend, ifAbsent: nothing }),
    );
  }

  /** One version of a secret, the current one by default; undefined if Vault says that there is none. */
  data(
    mount: string,
    path: string,
    { version, signal, onSend }: RequestOptions & { version?: number } = {},
  ): Promise<SecretVersion | undefined> {
    const query = version === undefined ? '' : `?version=${version}`;
    const options = { signal, onSend, bodyOn404: true, ifAbsent: nothing };
    return this.at(`${mount}data/`, path, (whole) => this.client.read(whole + query, DataBody, options));
  }

  /**
   * Writes a value if the current version is still `cas` (0: the secret never had a version).
   *
   * @returns the version that was written, and when it ends
   * @throws VaultError of kind `conflict` if another version stands there
   */
  write(mount: string, path: string, data: unknown, cas: number, options?: RequestOptions): Promise<Written> {
    const body = { data, options: { cas } };
    return this.at(`${mount}data/`, path, (whole) => this.client.write(whole, body, WriteBody, options));
  }

  /**
   * Sets all settings of a secret. Its custom metadata becomes just what is given; versions are not touched, but for
   * the oldest ones, which a lower `max_versions` ends with the next write. Makes the secret's metadata if there are
   * none. Needs `create` and `update` on `<mount>metadata/`.
   *
   * @param metadataCas `current_metadata_version` as it was read, 0 where there are no metadata: OpenBao writes only if
   *   it is still this one, and demands it with `metadata_cas_required`; Vault ignores it. Undefined if it is not known
   * @throws VaultError of kind `conflict` if the metadata were written since they were read
   */
  async writeSettings(
    mount: string,
    path: string,
    settings: SecretSettings,
    metadataCas: number | undefined,
    options?: RequestOptions,
  ): Promise<void> {
    const body = { ...settings, ...(metadataCas === undefined ? {} : { metadata_cas: metadataCas }) };
    await this.client.write(this.encode(`${mount}metadata/`, path), body, EmptyBody, options);
  }

  /** Soft-deletes exactly one version. Needs `update` on `<mount>delete/`, which old policies may lack. */
  async deleteVersion(mount: string, path: string, version: number, options?: RequestOptions): Promise<void> {
    const body = { versions: [version] };
    await this.client.write(this.encode(`${mount}delete/`, path), body, EmptyBody, options);
  }

  /** Soft-deletes whatever version is the latest now. */
  async deleteLatest(mount: string, path: string, options?: RequestOptions): Promise<void> {
    await this.client.delete(this.encode(`${mount}data/`, path), options);
  }

  /**
   * Identity of the Vault cluster. It outlives restarts, but not a Vault in dev mode. All namespaces have the same one,
   * and so does a Vault that was restored from a snapshot of this one. Needs no token.
   */
  async clusterId(signal?: AbortSignal): Promise<string> {
    return (await this.cluster(signal)).id;
  }

  /** As {@link clusterId}, and whether the cluster takes part in performance replication (Vault Enterprise). */
  async cluster(signal?: AbortSignal): Promise<{ id: string; replicates: boolean }> {
    const path = 'sys/health?standbyok=true&perfstandbyok=true&sealedcode=200';
    const health = await this.client.read(path, HealthBody, { signal }).catch((error: unknown) => {
      if (!(error instanceof VaultError) || !ROOT_ONLY.test(error.detail)) throw error;
      // We sent none.
      const detail = `what stands before the Vault adds a namespace to sys/health, which is answered in the root only; have it leave that path alone (${error.detail})`;
      throw new VaultError('rejected', error.address, error.path, detail, error.status);
    });
    const { address } = this.client;
    if (health.sealed)
      throw new VaultError('sealed', address, 'sys/health', 'the Vault is sealed: unseal it');
    if (typeof health.cluster_id !== 'string') {
      const detail =
        'the answer lacks cluster_id, by which a rebuilt Vault is told from the one that was there; let what stands ' +
        'in between pass the answer as the Vault gives it';
      throw new VaultError('malformed', address, 'sys/health', detail);
    }
    const mode = health.replication_performance_mode;
    return { id: health.cluster_id, replicates: mode === 'primary' || mode === 'secondary' };
  }

  /** Asks whether the token is alive. Throws `forbidden` if it is not. */
  async checkToken(signal?: AbortSignal): Promise<void> {
    await this.client.read('auth/token/lookup-self', TokenBody, { signal });
  }

  /** Sends a request for a path of the user's. Not an async function, which would be two more promises for each. */
  private at<T>(prefix: string, path: string, send: (whole: string) => Promise<T>): Promise<T> {
    let whole: string;
    try {
      whole = this.encode(prefix, path);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what encode throws is a VaultError
      return Promise.reject(error);
    }
    return send(whole);
  }

  /**
   * Puts a path of the user's into a URL: each segment is percent-encoded, slashes stay. node-vault itself
   * encodes nothing, so that `a?b` or `a#b` would read another secret.
   */
  private encode(prefix: string, path: string): string {
    const whole = prefix + path;
    if (PLAIN_PATH.test(whole)) return whole;
    const segments = whole.split('/');
    if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
      throw new VaultError(
        'rejected',
        this.client.address,
        whole,
        'a path with an empty, "." or ".." segment',
      );
    }
    return segments.map(encodeURIComponent).join('/');
  }
}

/** A path that stands in a URL as it is: most do, and a scan asks for each secret. No segment begins with a dot. */
const PLAIN_PATH = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/;

/** How OpenBao and Vault Enterprise refuse what they answer in the root namespace only. */
const ROOT_ONLY = /unavailable in namespaces|only available in root namespace/;

function nothing(): undefined {
  return undefined;
}

/** What Vault answers to a question for data. */
interface DataAnswer {
  data?: unknown;
  metadata: z.infer<typeof VersionEntry> & { version: number };
}

function versionOf({ data, metadata }: DataAnswer): SecretVersion {
  const common = { version: metadata.version, createdTime: metadata.created_time };
  // A value may be null itself: only with the mark of a delete does it mean that there is none.
  const isGone = (data ?? null) === null && (metadata.destroyed || metadata.deletion_time !== '');
  if (isGone) return { live: false, ...common };
  return { live: true, endsAt: metadata.deletion_time, data: data ?? null, ...common };
}

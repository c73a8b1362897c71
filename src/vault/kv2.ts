import { z } from 'zod';
import type { SecretSettings } from '../rules/settings';
import { EmptyBody, type RequestOptions, type VaultClient } from './client';
import { DetailedLister, type DetailedName, type DetailedSupport } from './detailed-listing';
import { VaultError } from './errors';
import { PagedLister } from './listing';
import { MetadataFields, orElse, VersionEntry, type SecretMetadata } from './secret-metadata';

export type { SecretMetadata } from './secret-metadata';

/** A secrets engine. A re-created one answers like an empty one; only its uuid differs. */
export interface Mount {
  uuid: string;
  /** The only kind that vsync reads and writes. */
  isKv2: boolean;
  /** Vault's type, with the version of KV: `kv version 1`, `transit`, … */
  kind: string;
  /** Of the request that was answered, as an audit line names it. */
  requestId?: string | undefined;
}

/** Settings of a mount for all of its secrets, with the names of Vault's API. */
export interface MountRules {
  /** A Go duration, "1h0m0s". The shorter of this and that of the secret applies. "0s" for none; "-1s" disables those of secrets. */
  delete_version_after: string;
  /** The larger of this and that of the secret applies; 0 for Vault's default. */
  max_versions: number;
}

/** One version of a secret: its value, or the mark that it is deleted or destroyed. */
export type SecretVersion = { version: number; createdTime: string } &
  // endsAt as in Written.
  ({ live: true; endsAt: string; data: unknown } | { live: false });

const MountBody = z.object({
  request_id: z.string().nullish(),
  data: z.object({
    uuid: z.string().nullish(),
    accessor: z.string().nullish(),
    type: z.string(),
    options: z.object({ version: z.string().nullish() }).nullish(),
  }),
});
const ConfigBody = z
  .object({
    data: z.object({ delete_version_after: orElse(z.string(), '0s'), max_versions: orElse(z.number(), 0) }),
  })
  .transform(({ data }): MountRules => data);
const MetadataBody = z.object({ data: MetadataFields }).transform(({ data }) => data);
const DataBody = z
  .object({
    data: z.object({
      // Not parsed further: the value is copied unchanged, and zod would drop a key named __proto__.
      data: z.unknown(),
      metadata: VersionEntry.extend({ version: z.number().int().min(1) }),
    }),
  })
  .transform(({ data: { data = null, metadata } }): SecretVersion => {
    const common = { version: metadata.version, createdTime: metadata.created_time };
    // A value may be null itself: only with the mark of a delete it means that the value is gone.
    const isGone = data === null && (metadata.destroyed || metadata.deletion_time !== '');
    if (isGone) return { live: false, ...common };
    return { live: true, endsAt: metadata.deletion_time, data, ...common };
  });
const WriteBody = z
  .object({ data: z.object({ version: z.number().int().min(1), deletion_time: z.string().nullish() }) })
  .transform(({ data }): Written => ({ version: data.version, endsAt: data.deletion_time ?? '' }));
const HealthBody = z.object({
  cluster_id: z.string().nullish(),
  sealed: z.boolean(),
  replication_performance_mode: z.string().nullish(),
  version: z.string().nullish(),
  standby: z.boolean().nullish(),
  performance_standby: z.boolean().nullish(),
  enterprise: z.boolean().nullish(),
});
const TokenBody = z.object({ data: z.object({ ttl: z.number() }) });

const isHealthOfOpenBao = ({ enterprise, version }: z.output<typeof HealthBody>): boolean =>
  typeof enterprise !== 'boolean' && /^[2-9]/.test(version ?? '');

/** What a server reports about itself without a token. */
export interface Health {
  product: 'Vault' | 'OpenBao';
  version: string;
  sealed: boolean;
}

/** What a server reports about its cluster. */
export interface Cluster {
  id: string;
  replicates: boolean;
  mayLag: boolean;
  isOpenBao: boolean;
}

export interface Written {
  version: number;
  /** When it ends by itself (`delete_version_after` of the secret or its mount), RFC 3339; "" for never. */
  endsAt: string;
}

/** A secret is named by its mount (`secret/`) and its path in it (`team/app`). Every method throws {@link VaultError}. */
export class Kv2 {
  private readonly lister: PagedLister;
  private readonly detailed: DetailedLister;

  constructor(readonly client: VaultClient) {
    this.lister = new PagedLister(client);
    this.detailed = new DetailedLister(client);
  }

  /** See {@link PagedLister.mayHideNames}. */
  get mayHideNames(): boolean {
    return this.lister.mayHideNames;
  }

  /** Unlike `sys/mounts` it needs only one permission somewhere below the mount. */
  async mount(mount: string, signal?: AbortSignal, namespace?: string): Promise<Mount> {
    const path = this.encode('sys/internal/ui/mounts/', mount.replace(/\/$/, ''));
    const { data, request_id: requestId } = await this.client.read(path, MountBody, { signal, namespace });
    const version = data.options?.version;
    // Some servers omit the uuid. A re-created engine has another accessor too.
    const uuid = data.uuid || data.accessor;
    if (uuid === undefined || uuid === null || uuid === '') {
      const detail =
        'the answer has neither the uuid nor the accessor of the mount, which identify a re-created mount; let the proxy ' +
        'or gateway in between pass the answer unchanged';
      throw this.client.failure('malformed', path, detail);
    }
    return {
      uuid,
      isKv2: data.type === 'kv' && version === '2',
      kind: data.type === 'kv' ? `kv version ${version ?? '1'}` : data.type,
      requestId: requestId ?? undefined,
    };
  }

  /** Needs `read` on `<mount>config`. Undefined if a policy, a gateway or a plugin without this path refuses. */
  async mountRules(mount: string, signal?: AbortSignal): Promise<MountRules | undefined> {
    const read = (whole: string): Promise<MountRules> => this.client.read(whole, ConfigBody, { signal });
    return this.at(mount, 'config', read).catch((error: unknown) => {
      if (error instanceof VaultError) return undefined;
      throw error;
    });
  }

  /**
   * Names in one folder, as Vault lists them: a folder's name ends in `/`, and both `a` and `a/` may exist. Includes
   * deleted secrets. Empty only if Vault itself answers that the folder is empty.
   *
   * @param folder path in the mount, empty for its root, else ending in `/`
   */
  async list(mount: string, folder: string, signal?: AbortSignal): Promise<string[]> {
    const path = this.encode(`${mount}metadata/${folder}`.replace(/\/$/, ''), '');
    return this.lister.list(path, mount, signal);
  }

  /**
   * Names in one folder, each secret with what `read` takes of its metadata: one request instead of one for each secret.
   * Undefined if this server or this token cannot, or if the folder seems to be empty: {@link list} decides then.
   */
  async listDetailed<T>(
    mount: string,
    folder: string,
    read: (metadata: SecretMetadata) => T,
    signal?: AbortSignal,
  ): Promise<DetailedName<T>[] | undefined> {
    const plainly = (): Promise<string[]> => this.list(mount, folder, signal);
    return this.detailed.list(this.detailedPath(mount, folder), mount, read, signal, plainly);
  }

  /** Whether {@link listDetailed} works below a folder. Asks once, and later uses of this Kv2 know it. */
  async detailedSupport(mount: string, folder: string, signal?: AbortSignal): Promise<DetailedSupport> {
    return this.detailed.support(this.detailedPath(mount, folder), signal);
  }

  private detailedPath(mount: string, folder: string): string {
    return `${this.encode(`${mount}detailed-metadata/${folder}`.replace(/\/$/, ''), '')}/`;
  }

  /** Undefined if Vault answers that the secret has no metadata. */
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

  /** One version of a secret, the current one by default; undefined if Vault answers that it does not exist. */
  data(
    mount: string,
    path: string,
    { version, signal, onSend }: RequestOptions & { version?: number } = {},
  ): Promise<SecretVersion | undefined> {
    const query = version === undefined ? '' : `?version=${version}`;
    const options = { signal, onSend, bodyOn404: true, ifAbsent: nothing };
    return this.at(`${mount}data/`, path, (whole) => this.client.read(whole + query, DataBody, options));
  }

  /** Throws `conflict` if the current version is not `cas` (0: the secret never had a version). */
  write(mount: string, path: string, data: unknown, cas: number, options?: RequestOptions): Promise<Written> {
    const body = { data, options: { cas } };
    return this.at(`${mount}data/`, path, (whole) => this.client.write(whole, body, WriteBody, options));
  }

  /**
   * Sets all settings of a secret, and replaces its custom metadata. Versions are not changed; after a lower
   * `max_versions` the next write removes the oldest ones. Creates the metadata if they do not exist.
   *
   * @param metadataCas `current_metadata_version` as it was read, 0 without metadata; undefined if unknown. OpenBao writes
   *   only if it is unchanged, and demands it with `metadata_cas_required`. Vault ignores it
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

  /** Soft-deletes one version. Needs `update` on `<mount>delete/`, which old policies may lack. */
  async deleteVersion(mount: string, path: string, version: number, options?: RequestOptions): Promise<void> {
    const body = { versions: [version] };
    await this.client.write(this.encode(`${mount}delete/`, path), body, EmptyBody, options);
  }

  /** Soft-deletes the version that is the latest now. */
  async deleteLatest(mount: string, path: string, options?: RequestOptions): Promise<void> {
    await this.client.delete(this.encode(`${mount}data/`, path), options);
  }

  /** Identity of the cluster, in all namespaces. A restart (not in dev mode) or a restore keeps it. Needs no token. */
  async clusterId(signal?: AbortSignal): Promise<string> {
    return (await this.cluster(signal)).id;
  }

  /**
   * Like {@link clusterId}, and whether the cluster takes part in performance replication (Vault Enterprise), and whether
   * this node answers reads although it is not the active one: they may be older. `isOpenBao` comes from fields of the answer
   * that only one of the two products has.
   */
  async cluster(signal?: AbortSignal): Promise<Cluster> {
    const health = await this.askHealth(signal);
    const { address } = this.client;
    if (health.sealed)
      throw new VaultError('sealed', address, 'sys/health', 'the Vault is sealed: unseal it');
    if (typeof health.cluster_id !== 'string') {
      const detail =
        'the answer has no cluster_id, which identifies a rebuilt Vault; let the proxy or gateway in between pass the ' +
        'answer unchanged';
      throw new VaultError('malformed', address, 'sys/health', detail);
    }
    const mode = health.replication_performance_mode;
    // A standby of HashiCorp's Vault passes everything on, unless it is a performance standby. OpenBao's answers reads.
    const isOpenBao = isHealthOfOpenBao(health);
    const mayLag = health.performance_standby === true || (health.standby === true && isOpenBao);
    const replicates = mode === 'primary' || mode === 'secondary';
    return { id: health.cluster_id, replicates, mayLag, isOpenBao };
  }

  /** Version, product and whether it is sealed. Needs no token, and a sealed Vault answers too. */
  async health(signal?: AbortSignal): Promise<Health> {
    const health = await this.askHealth(signal);
    const product = isHealthOfOpenBao(health) ? 'OpenBao' : 'Vault';
    return { product, version: health.version ?? 'of an unknown version', sealed: health.sealed };
  }

  private askHealth(signal: AbortSignal | undefined): Promise<z.output<typeof HealthBody>> {
    const path = 'sys/health?standbyok=true&perfstandbyok=true&sealedcode=200';
    return this.client.read(path, HealthBody, { signal }).catch((error: unknown) => {
      if (!(error instanceof VaultError) || !ROOT_ONLY.test(error.detail)) throw error;
      // The request had no namespace.
      const detail = `a proxy or gateway in front of the Vault adds a namespace to sys/health, which is answered only in the root; let it pass that path unchanged (${error.detail})`;
      throw new VaultError('rejected', error.address, error.path, detail, error.status);
    });
  }

  /** Throws `forbidden` if the token is dead. */
  async checkToken(signal?: AbortSignal): Promise<void> {
    await this.client.read('auth/token/lookup-self', TokenBody, { signal });
  }

  /** Not an async function: that would be two more promises for each request. */
  private at<T>(prefix: string, path: string, send: (whole: string) => Promise<T>): Promise<T> {
    let whole: string;
    try {
      whole = this.encode(prefix, path);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- encode throws a VaultError
      return Promise.reject(error);
    }
    return send(whole);
  }

  /** Percent-encodes each segment; slashes stay. node-vault encodes nothing: `a?b` or `a#b` would read another secret. */
  private encode(prefix: string, path: string): string {
    const whole = prefix + path;
    if (PLAIN_PATH.test(whole)) return whole;
    const segments = whole.split('/');
    if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
      throw this.client.failure(
        'rejected',
        whole,
        'the path has an empty, "." or ".." segment, which cannot be sent; rename the secret',
      );
    }
    return segments.map(encodeURIComponent).join('/');
  }
}

/** A path that needs no encoding, as most: a scan reads each secret. No segment begins with a dot. */
const PLAIN_PATH = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/;

/** The texts with which OpenBao and Vault Enterprise refuse a path that exists only in the root namespace. */
const ROOT_ONLY = /unavailable in namespaces|only available in root namespace/;

const nothing = (): undefined => undefined;

import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { WorkPool } from '../concurrency/work-pool';
import {
  DETAILED_AGAIN_MS,
  DETAILED_NAMES_AT_ONCE,
  DETAILED_PAGES_AT_ONCE,
  DETAILED_PAGE_NAMES,
  DETAILED_PARSED_AT_ONCE,
  DETAILED_SURE_NAMES,
} from '../limits';
import { bytewise } from '../rules/paths';
import type { VaultClient } from './client';
import { VaultError } from './errors';
import { MetadataFields, recordOf, type SecretMetadata } from './secret-metadata';

/*
 * OpenBao answers the names of a folder and the metadata of its secrets in one request: LIST <mount>/detailed-metadata/.
 * A scan then makes a request for each folder, and none for each secret. Vault has no such path, and a token needs `list`
 * on it, so everything here may end in "list plainly". What a server can is found out by asking:
 *
 * - 200: names, and in `key_info` the metadata by name.
 * - 404 with a warning and `data: null`: a Vault, or an OpenBao before 2.2. It is not asked again.
 * - 404 with `errors: []`: an OpenBao, and an empty folder or a page whose names a policy hides. A plain listing decides.
 * - 403, or an answer of a gateway: plain below this folder, for an hour.
 *
 * Two answers must not be taken for metadata: `key_info["foo/"]` can be about the secret `foo`, and an empty `key_info`
 * of a name means that the secret changed while the folder was read. Both are read singly.
 * See docs/decisions/0018-metadata-of-a-folder.md.
 */

/** One name in a folder. */
export interface DetailedName<T = SecretMetadata> {
  /** A folder's name ends in "/". */
  name: string;
  /** Undefined for a folder, and if the answer has none: then it has to be read singly. */
  metadata?: T;
}

/** Whether a token may list metadata. `no`: the server cannot. `unknown`: no answer says so. */
export type DetailedSupport = 'yes' | 'no' | 'forbidden' | 'unknown';

interface Page {
  names: readonly string[];
  /** By name. Not parsed yet. */
  info: Readonly<Record<string, unknown>>;
}

/** Undefined: the server has no such path. */
const PageBody = z.union([
  z
    .object({
      data: z.object({ keys: z.array(z.string().min(1)), key_info: recordOf<unknown>(() => true).nullish() }),
    })
    .transform(({ data }): Page | undefined => ({ names: data.keys, info: data.key_info ?? {} })),
  z
    .object({ data: z.null(), warnings: z.array(z.string()).min(1) })
    .transform((): Page | undefined => undefined),
]);

/** Vault has `enterprise` since 1.18; OpenBao has no such field. */
const HealthBody = z.object({ version: z.string().nullish(), enterprise: z.boolean().nullish() });

/** See the top of this file. Remembers what its server answers. */
export class DetailedLister {
  private isUnsupported = false;
  /** Folders as paths of the API, ending in "/": plain listings below them until then. */
  private readonly refusedUntilMs = new Map<string, number>();
  /** Mounts whose policy refuses a page of this size. */
  private readonly limited = new Set<string>();
  /** Names of a page to come, judged by those before. */
  private expectedNames: number;
  /** Pages are large: a folder of 10,000 secrets with 10 versions each has 15 MB. */
  private readonly pool = new WorkPool(() =>
    Math.min(DETAILED_PAGES_AT_ONCE, Math.max(2, Math.floor(DETAILED_NAMES_AT_ONCE / this.expectedNames))),
  );

  constructor(
    private readonly client: VaultClient,
    private readonly pageSize = DETAILED_PAGE_NAMES,
    private readonly nowMs: () => number = Date.now,
    private readonly sureNames = DETAILED_SURE_NAMES,
  ) {
    this.expectedNames = pageSize;
  }

  /**
   * Undefined if the folder has to be listed plainly.
   *
   * @param path of the folder in the API, percent-encoded, ending in "/"
   * @param read takes what is needed of the metadata, so that a large folder need not be in memory
   * @param plainly lists the names of the same folder. It is asked where a policy may have hidden the names of a later page
   * @throws VaultError also if the listing is not known to be complete
   */
  async list<T>(
    path: string,
    mount: string,
    read: (metadata: SecretMetadata) => T,
    signal?: AbortSignal,
    plainly?: () => Promise<readonly string[]>,
  ): Promise<DetailedName<T>[] | undefined> {
    const names = await this.ask(path, mount, read, signal);
    // With `limit=max` a plain listing has pages of the same size, and shows no more.
    if (names === undefined || plainly === undefined) return names;
    if (names.length < this.sureNames || this.limited.has(mount)) return names;
    const shown = new Set(names.map(({ name }) => name));
    for (const name of await plainly()) if (!shown.has(name)) names.push({ name });
    return names;
  }

  private async ask<T>(
    path: string,
    mount: string,
    read: (metadata: SecretMetadata) => T,
    signal?: AbortSignal,
  ): Promise<DetailedName<T>[] | undefined> {
    if (this.isPlain(path)) return undefined;
    try {
      return await this.pool.run(() => this.asAllowed(path, mount, read, signal), signal);
    } catch (error) {
      if (!(error instanceof VaultError) || !isRefusal(error)) throw error;
      this.refusedUntilMs.set(path, this.nowMs() + DETAILED_AGAIN_MS);
      return undefined;
    }
  }

  /** Asks whether metadata below a folder can be listed, and remembers the answer. Throws only if it is cancelled. */
  async support(path: string, signal?: AbortSignal): Promise<DetailedSupport> {
    if (this.isUnsupported) return 'no';
    try {
      const page = await this.page(`${path}?limit=1`, signal);
      return page === undefined ? 'no' : 'yes';
    } catch (error) {
      if (!(error instanceof VaultError) || error.kind === 'cancelled') throw error;
      if (!isRefusal(error)) return 'unknown';
      // A Vault answers 403 before 404. Without the path it need not be asked again, and needs no policy for it.
      if (error.kind === 'forbidden' && (await this.isVault(signal))) {
        this.isUnsupported = true;
        return 'no';
      }
      this.refusedUntilMs.set(path, this.nowMs() + DETAILED_AGAIN_MS);
      return error.kind === 'forbidden' ? 'forbidden' : 'unknown';
    }
  }

  private isPlain(path: string): boolean {
    if (this.isUnsupported) return true;
    for (const [folder, untilMs] of this.refusedUntilMs) {
      if (untilMs <= this.nowMs()) this.refusedUntilMs.delete(folder);
      else if (path.startsWith(folder)) return true;
    }
    return false;
  }

  private async isVault(signal?: AbortSignal): Promise<boolean> {
    const path = 'sys/health?standbyok=true&perfstandbyok=true&sealedcode=200';
    const health = await this.client.read(path, HealthBody, { signal }).catch((error: unknown) => {
      if (error instanceof VaultError && error.kind !== 'cancelled') return undefined;
      throw error;
    });
    if (health === undefined) return false;
    return typeof health.enterprise === 'boolean' || /^[01]\./.test(health.version ?? '');
  }

  /** A page of the usual size; if the policy takes only smaller ones, of those that it takes. */
  private async asAllowed<T>(
    path: string,
    mount: string,
    read: (metadata: SecretMetadata) => T,
    signal?: AbortSignal,
  ): Promise<DetailedName<T>[] | undefined> {
    if (this.limited.has(mount)) return this.allPages(path, 'max', read, signal);
    try {
      return await this.allPages(path, this.pageSize, read, signal);
    } catch (error) {
      if (!(error instanceof VaultError) || error.kind !== 'forbidden') throw error;
    }
    const names = await this.allPages(path, 'max', read, signal);
    if (names !== undefined) this.limited.add(mount);
    return names;
  }

  private async allPages<T>(
    path: string,
    limit: number | 'max',
    read: (metadata: SecretMetadata) => T,
    signal?: AbortSignal,
  ): Promise<DetailedName<T>[] | undefined> {
    const all: DetailedName<T>[] = [];
    for (let after = ''; ;) {
      const from = after === '' ? '' : `after=${encodeURIComponent(after)}&`;
      const page = await this.page(`${path}?${from}limit=${limit}`, signal);
      if (page === undefined) return undefined;
      const { names } = page;
      const last = names.at(-1);
      // An empty first page proves nothing: a policy may hide its names.
      if (last === undefined) return after === '' ? undefined : all;
      this.expectedNames = Math.max(names.length, this.expectedNames / 2);
      if (after !== '' && names.some((name) => bytewise(name, after) <= 0)) throw this.repeats(path);
      await readPage(page, read, all);
      // With a number, a short page is the last one. More names than that: the server ignores the parameter.
      if (limit !== 'max' && names.length !== limit) return all;
      after = last;
    }
  }

  /** Undefined, once and for all, if the server has no such path. A page without names if nothing is there. */
  private async page(pathAndQuery: string, signal?: AbortSignal): Promise<Page | undefined> {
    const ifAbsent = (): Page => ({ names: [], info: {} });
    const page = await this.client.list(pathAndQuery, PageBody, { signal, bodyOn404: true, ifAbsent });
    if (page === undefined) this.isUnsupported = true;
    return page;
  }

  private repeats(path: string): VaultError {
    const detail =
      'the listing may be incomplete: its next page repeats names; check whether a proxy or gateway in between drops ' +
      'the parameter "after"';
    return this.client.failure('malformed', path, detail);
  }
}

/** Appends the names of a page. Large pages are parsed in parts, so that other work of the process can go on. */
async function readPage<T>(
  { names, info }: Page,
  read: (metadata: SecretMetadata) => T,
  all: DetailedName<T>[],
): Promise<void> {
  for (const [position, name] of names.entries()) {
    if (position > 0 && position % DETAILED_PARSED_AT_ONCE === 0) await nextTurn();
    // Not of a prototype: a secret may be named "constructor".
    const found = !name.endsWith('/') && Object.hasOwn(info, name) ? info[name] : undefined;
    const metadata = found === undefined ? undefined : MetadataFields.safeParse(found).data;
    all.push(metadata === undefined ? { name } : { name, metadata: read(metadata) });
  }
}

/** The server answers, or would take too long: a plain listing may still work. */
function isRefusal({ kind, isTimeout, isOutage }: VaultError): boolean {
  if (isOutage) return false;
  return (
    isTimeout || kind === 'forbidden' || kind === 'malformed' || kind === 'rejected' || kind === 'no-mount'
  );
}

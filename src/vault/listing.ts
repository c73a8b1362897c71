import { z } from 'zod';
import { bytewise } from '../rules/paths';
import type { VaultClient } from './client';
import { VaultError } from './errors';
import { LIST_PAGE_NAMES } from '../limits';

/*
 * Lists all names in a folder. OpenBao cuts a listing at the `pagination_limit` of the token's policy and still answers
 * 200, so a listing counts only if it is known to be complete:
 *
 * - Each LIST has a page size. A page with fewer names is the last one.
 * - A server without pages, such as Vault, ignores the size and answers with everything; newer ones add a warning.
 * - A size above the policy's limit is refused with 403. `limit=max` then takes what the policy allows, and only an
 *   empty page is the end: the size of a page is unknown, and `list_scan_response_keys_filter_path` may have removed
 *   names from it.
 *
 * A failure of one page fails the whole folder. See docs/decisions/0011-listings-are-read-to-their-end.md.
 */

interface Page {
  names: readonly string[];
  /** The server reported that it has no pages: the answer is complete. */
  isEverything: boolean;
}

const IGNORED = /ignored these unrecognized parameters:.*\blimit\b/i;

/** For an empty folder Vault answers 404, or 200 with a warning if it ignored a parameter. */
const PageBody = z
  .object({
    data: z.object({ keys: z.array(z.string().min(1)).optional() }),
    warnings: z.array(z.string()).nullish(),
  })
  .transform(({ data, warnings }, context): Page => {
    const isEverything = warnings?.some((warning) => IGNORED.test(warning)) ?? false;
    if (data.keys === undefined && !isEverything) context.addIssue('neither names nor a reason for none');
    return { names: data.keys ?? [], isEverything };
  });

/** See the top of this file. Remembers how its Vault pages. */
export class PagedLister {
  /** Whether the Vault has pages. Undefined before the first answer. */
  private pages: boolean | undefined;
  /** Mounts whose policy refuses a page of this size. */
  private readonly limited = new Set<string>();

  constructor(
    private readonly client: VaultClient,
    private readonly pageSize = LIST_PAGE_NAMES,
  ) {}

  /** A policy may hide names: then a missing name is not evidence that the secret is gone. */
  get mayHideNames(): boolean {
    return this.pages !== false;
  }

  /** `path` is percent-encoded. Throws VaultError also if the listing is not known to be complete. */
  async list(path: string, mount: string, signal?: AbortSignal): Promise<string[]> {
    if (this.limited.has(mount)) return this.allPages(path, 'max', signal);
    try {
      return await this.allPages(path, this.pageSize, signal);
    } catch (error) {
      if (!(error instanceof VaultError) || error.kind !== 'forbidden' || this.pages === false) throw error;
    }
    const names = await this.allPages(path, 'max', signal);
    if (this.mayHideNames) this.limited.add(mount);
    return names;
  }

  private async allPages(path: string, limit: number | 'max', signal?: AbortSignal): Promise<string[]> {
    const all: string[] = [];
    for (let after = ''; ;) {
      const from = after === '' ? '' : `after=${encodeURIComponent(after)}&`;
      const options = { signal, ifAbsent: (): Page => ({ names: [], isEverything: false }) };
      const page = `${path}?${from}limit=${limit}`;
      const { names, isEverything } = await this.client.list(page, PageBody, options);
      if (isEverything) this.pages = false;
      else if (names.length > 0) this.pages = true;
      // A server that silently ignores the parameters answers more names than it was asked for.
      if (isEverything || (limit !== 'max' && names.length > limit)) return [...names];
      const last = names.at(-1);
      if (last === undefined) return all;
      if (after !== '' && names.some((name) => bytewise(name, after) <= 0)) {
        const detail =
          'the listing may be incomplete: its next page repeats names; check whether a proxy or gateway in between drops ' +
          'the parameter "after"';
        throw this.client.failure('malformed', path, detail);
      }
      for (const name of names) all.push(name);
      if (limit !== 'max' && names.length < limit) return all;
      after = last;
    }
  }
}

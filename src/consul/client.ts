import Consul from 'consul';
import { EventEmitter } from 'node:events';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  explainForeignAnswer,
  explainForeignPage,
  explainGateway,
  isPlainHttpRefused,
} from '../foreign-answer';
import { describeNetworkError } from '../network-errors';
import { readTls, type TlsFiles } from '../tls';
import { ConsulError } from './errors';
import type { KeyValueStore, StoredValue, Unchanged, Write } from './key-value-store';

export interface ConsulOptions extends TlsFiles {
  /** URL of a Consul agent, for example `http://127.0.0.1:8500`. */
  address: string;
  /** ACL token; empty for the anonymous one. */
  token: string;
  /** Datacenter that every request is sent on to by the agent; its own if undefined. */
  dc?: string | undefined;
}

/** Largest value that Consul takes, in bytes. */
export const MAX_VALUE_BYTES = 512 * 1024;
/** Operations in one transaction at the most. */
export const MAX_TRANSACTION_OPERATIONS = 64;
/** The whole JSON body of a transaction may have 512 KiB; this is what is left for base64 values and keys. */
const MAX_TRANSACTION_BYTES = 500 * 1024;

const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_DELAYS_MS: readonly number[] = [100, 400, 1_600];

const Item = z.object({
  Key: z.string(),
  Value: z.instanceof(Buffer).nullable(),
  Flags: z.number(),
  ModifyIndex: z.number().int().positive(),
});
const Committed = z.object({
  Results: z.array(z.object({ KV: z.object({ Key: z.string(), ModifyIndex: z.number().int() }) })),
});
const Refused = z.object({ Errors: z.array(z.object({ What: z.string() })) });
const Keys = z.array(z.string());
const Self = z.object({ Config: z.object({ Datacenter: z.string().min(1) }) });

/** What the consul package answers with `includeResponse`: the HTTP response, then the decoded value. */
type Answer = [{ statusCode: number; headers: Record<string, string | undefined> }, unknown];

interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}

/**
 * Consul's key-value store. Reads are consistent (never from a stale follower), a missing key is believed only
 * if Consul itself says so, writes are check-and-set.
 *
 * All methods throw {@link ConsulError} and nothing else.
 */
export class ConsulStore implements KeyValueStore {
  readonly address: string;
  private readonly consul: Consul;

  constructor(private readonly options: ConsulOptions) {
    const { token, dc } = options;
    this.address = options.address.replace(/\/+$/, '');
    const tls = readTls(options, `Consul ${this.address}: consul`);
    this.consul = new Consul({
      baseUrl: `${this.address}/v1`,
      // Only of use with https; the package makes an agent of its own for http.
      ...(this.address.startsWith('https:') ? { agent: new https.Agent({ keepAlive: true, ...tls }) } : {}),
      defaults: { ...(token === '' ? {} : { token }), ...(dc === undefined ? {} : { dc }) },
    } as ConstructorParameters<typeof Consul>[0]);
  }

  async get(key: string, signal?: AbortSignal): Promise<StoredValue | undefined> {
    return (await this.read(key, {}, { signal })).stored;
  }

  async keys(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const answer = await this.send(
      prefix,
      { signal },
      (options) => this.consul.kv.keys({ key: prefix, consistent: true, ...options } as never),
      404,
    );
    if (answer === undefined) return [];
    const parsed = Keys.safeParse(answer[1]);
    if (!parsed.success) throw this.malformed(prefix);
    if (isFiltered(answer[0].headers)) throw this.filtered(prefix);
    return parsed.data;
  }

  fitsOneCommit(writes: readonly Write[]): boolean {
    const bytes = writes.reduce((sum, { key, value }) => sum + transactionBytes(key, value), 0);
    return writes.length <= MAX_TRANSACTION_OPERATIONS && bytes <= MAX_TRANSACTION_BYTES;
  }

  async commit(
    writes: readonly Write[],
    signal?: AbortSignal,
    unchanged: readonly Unchanged[] = [],
  ): Promise<Map<string, number> | undefined> {
    const first = writes[0];
    if (first === undefined) return new Map();
    if (!this.fitsOneCommit(writes)) {
      if (writes.length > 1)
        throw new Error('these writes do not fit one transaction: ask fitsOneCommit before');
      // There is no transaction for it: as close to the write as can be.
      for (const { key, revision } of unchanged)
        if (((await this.get(key, signal))?.revision ?? 0) !== revision) return undefined;
      return this.putLarge(first, signal);
    }
    const operations = [
      ...writes.map(({ key, value, expect, flags = 0 }) => ({
        KV: { Verb: 'cas', Key: key, Value: value.toString('base64'), Index: expect, Flags: flags },
      })),
      ...unchanged.map(({ key, revision }) => ({
        KV:
          revision === 0
            ? { Verb: 'check-not-exists', Key: key }
            : { Verb: 'check-index', Key: key, Index: revision },
      })),
    ];
    // Not repeated: after a lost answer the writes may have happened, and would then look like a conflict.
    const answer = await this.send(
      first.key,
      { signal, repeat: false },
      (options) => this.consul.transaction.create(operations as never, options as never),
      409,
    );
    if (answer === undefined) return undefined;
    const parsed = Committed.safeParse(answer[1]);
    if (!parsed.success) throw this.malformed(first.key);
    return new Map(parsed.data.Results.map(({ KV }) => [KV.Key, KV.ModifyIndex]));
  }

  async remove(key: string, expect: number, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.send(key, { signal, repeat: false }, (options) =>
      this.consul.kv.del({ key, cas: expect, ...options }),
    );
    return answer?.[1] === true;
  }

  async waitForChange(
    key: string,
    index: number,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ stored: StoredValue | undefined; index: number }> {
    // Consul adds up to a sixteenth of the wait; the client has to be more patient than that.
    const timeoutMs = waitMs + waitMs / 16 + REQUEST_TIMEOUT_MS;
    return this.read(key, { index, wait: `${Math.ceil(waitMs / 1000)}s` }, { signal, timeoutMs });
  }

  /** The datacenter of the agent itself; undefined if the token may not ask (`agent:read`). */
  async ownDatacenter(signal?: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await this.send('agent/self', { signal }, (options) =>
        this.consul.agent.self(options as never),
      );
      const parsed = Self.safeParse(answer?.[1]);
      if (parsed.success) return parsed.data.Config.Datacenter;
    } catch (error) {
      if (error instanceof ConsulError && error.kind === 'forbidden') return undefined;
      throw error;
    }
    throw this.malformed('agent/self');
  }

  close(): void {
    this.consul.destroy();
  }

  /** A value that is too large for a transaction, but not for Consul. */
  private async putLarge(write: Write, signal?: AbortSignal): Promise<Map<string, number> | undefined> {
    const { key, value, expect, flags = 0 } = write;
    const answer = await this.send(key, { signal, repeat: false }, (options) =>
      this.consul.kv.set({ key, value, cas: expect, flags, ...options }),
    );
    if (answer?.[1] !== true) return undefined;
    // This answer has no ModifyIndex: read it back, and make sure that it is still our value.
    const stored = await this.get(key, signal);
    return stored !== undefined && stored.value.equals(value) ? new Map([[key, stored.revision]]) : undefined;
  }

  private async read(
    key: string,
    query: { index?: number; wait?: string },
    request: RequestOptions,
  ): Promise<{ stored: StoredValue | undefined; index: number }> {
    const answer = await this.send(key, request, (options) =>
      this.consul.kv.get({ key, consistent: true, buffer: true, ...query, ...options } as never),
    );
    const [response, item] = answer ?? [];
    const index = Number(response?.headers['x-consul-index']);
    // The package answers undefined for any 404 and any unexpected body: only Consul sends this header.
    if (response === undefined || !Number.isInteger(index)) throw this.malformed(key);
    if (response.statusCode === 404) return { stored: undefined, index };
    const parsed = Item.safeParse(item);
    if (!parsed.success || parsed.data.Key !== key) throw this.malformed(key);
    const { Value, ModifyIndex, Flags } = parsed.data;
    return { stored: { value: Value ?? Buffer.alloc(0), revision: ModifyIndex, flags: Flags }, index };
  }

  /** @returns undefined if the answer had the status that stands for "no" (`statusOfNo`) */
  private async send(
    key: string,
    { signal, timeoutMs = REQUEST_TIMEOUT_MS, repeat = true }: RequestOptions & { repeat?: boolean },
    request: (options: { ctx: EventEmitter; timeout: number }) => Promise<unknown>,
    statusOfNo?: number,
  ): Promise<Answer | undefined> {
    for (let attempt = 0; ; attempt++) {
      if (isAborted(signal)) throw this.cancelled(key);
      // This is how the consul package is asked for the response's headers, and told to give up.
      const ctx = Object.assign(new EventEmitter(), { includeResponse: true });
      const cancel = (): void => void ctx.emit('cancel');
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        const answer = await request({ ctx, timeout: timeoutMs });
        // The package hands over an error as if it were the answer if it is of another realm, as in jest.
        if (!Array.isArray(answer)) throw answer;
        return answer as Answer;
      } catch (error) {
        if (isAborted(signal)) throw this.cancelled(key);
        const status = statusOf(error);
        const refusals = refusalsOf(error);
        // Consul answers 409 both for a stale check-and-set and for what the ACL token may not do.
        const forbidden = refusals.some((what) => /permission denied/i.test(what));
        if (status !== undefined && status === statusOfNo && !forbidden) {
          if (isFiltered((error as Refusal).response?.headers)) throw this.filtered(key);
          return undefined;
        }
        const failure = this.failure(key, forbidden ? 403 : status, error, timeoutMs);
        const delay = RETRY_DELAYS_MS[attempt];
        if (!repeat || failure.kind !== 'unavailable' || delay === undefined) throw failure;
        await sleep(delay, undefined, { signal }).catch(() => {
          throw this.cancelled(key);
        });
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    }
  }

  private failure(key: string, status: number | undefined, error: unknown, timeoutMs: number): ConsulError {
    const make = (kind: ConsulError['kind'], detail: string): ConsulError =>
      new ConsulError(kind, this.address, key, detail);
    if (status === undefined) return make('unavailable', describeFailure(error, timeoutMs, this.address));
    const text = textOf(error);
    const foreign = (): ConsulError =>
      make('malformed', explainForeignAnswer({ status, body: text, address: this.address, what: 'Consul' }));
    if (status === 403) return isPage(text) ? foreign() : make('forbidden', explainForbidden(text));
    if (status < 300) return this.malformed(key); // its body is not the JSON that it says it is
    if (status < 400 || [401, 404, 405, 407, 501].includes(status) || isPlainHttpRefused(text))
      return foreign();
    if (status === 413) return make('too-large', 'the value is over the limit of 512 KiB (413)');
    if (isInvalidKey(error)) {
      return make('rejected', 'Consul takes no key with a space at its beginning or end; correct syncPath');
    }
    // Also what an agent says while the other datacenter cannot be reached: it may pass.
    if (isNoPath(error)) {
      return make(
        'unavailable',
        `there is no path to the datacenter ${this.options.dc ?? ''}: this agent does not know it, or cannot reach it ` +
          'now; check dc in the configuration, and "consul members -wan" at the agent',
      );
    }
    if (/No cluster leader/i.test(text)) {
      return make(
        'unavailable',
        `Consul has no leader (${status}): it is electing one, or more than half of its servers are down`,
      );
    }
    const gateway = isPage(text) ? explainGateway(status, 'Consul') : undefined;
    if (gateway !== undefined) return make('unavailable', gateway);
    if (status === 429 || status >= 500) return make('unavailable', `Consul cannot answer now (${status})`);
    if (isPage(text)) return foreign();
    return make('rejected', `the request was refused (${status})`);
  }

  private filtered(prefix: string): ConsulError {
    const detail =
      `the listing lacks keys that the token may not read; its policy needs key_prefix "${prefix}" with read, or with ` +
      'write where this configuration writes';
    return new ConsulError('forbidden', this.address, prefix, detail);
  }

  private malformed(key: string): ConsulError {
    return new ConsulError('malformed', this.address, key, explainForeignPage(this.address, 'Consul'));
  }

  private cancelled(key: string): ConsulError {
    return new ConsulError('cancelled', this.address, key, 'the request was cancelled');
  }
}

function transactionBytes(key: string, value: Buffer): number {
  // Base64, and about a hundred bytes of JSON around it.
  return Math.ceil(value.length / 3) * 4 + Buffer.byteLength(key) + 100;
}

/** A function, because the flag changes while we wait and the compiler would take it for settled. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}

/** What the consul package throws for an answer that is not a success, as far as it is looked at. */
interface Refusal {
  response?: { statusCode?: unknown; headers?: Record<string, string | undefined> };
}

/** Consul leaves out of a listing what the token may not read, with status 200. It says so unless there is no token. */
function isFiltered(headers: Record<string, string | undefined> | undefined): boolean {
  return headers?.['x-consul-results-filtered-by-acls'] === 'true';
}

function statusOf(error: unknown): number | undefined {
  const status = (error as Refusal).response?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** Consul answers 500 for it, as for an outage. */
function isInvalidKey(error: unknown): boolean {
  return textOf(error).startsWith('invalid key name');
}

function isNoPath(error: unknown): boolean {
  return /No path to datacenter/i.test(textOf(error));
}

function textOf(error: unknown): string {
  const body = (error as { response?: { body?: unknown } }).response?.body;
  return typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : '';
}

/** Consul's own refusals are a line of text, or JSON. */
function isPage(text: string): boolean {
  return /^\s*</.test(text);
}

/** A token that Consul does not know, beside one that lacks something. */
function explainForbidden(text: string): string {
  if (/ACL not found/i.test(text)) {
    return (
      'this Consul does not know the token (403, ACL not found): it was removed, has expired, or is of another ' +
      'Consul or datacenter; give another one as consul.token'
    );
  }
  return 'permission denied (403); check that this is the address of a Consul agent, and the Consul token and its policy';
}

/** What a transaction says about each operation that it refused. */
function refusalsOf(error: unknown): string[] {
  const body = (error as { response?: { body?: unknown } }).response?.body;
  const parsed = Refused.safeParse(body);
  return parsed.success ? parsed.data.Errors.map(({ What }) => What) : [];
}

function describeFailure(error: unknown, timeoutMs: number, address: string): string {
  const { code, isTimeout } = error as { code?: unknown; isTimeout?: unknown };
  if (isTimeout === true) return `no answer within ${Math.round(timeoutMs / 1000)} s`;
  const reached = { what: 'Consul agent', section: 'consul', tls: address.startsWith('https:') };
  return (
    describeNetworkError(code, reached) ??
    `no usable answer (${typeof code === 'string' ? code : 'connection failed'}); is this the address of a Consul agent?`
  );
}

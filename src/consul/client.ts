import Consul from 'consul';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { onAbort } from '../concurrency/abort';
import { explainForeignPage } from '../network/explain';
import { readTls, type TlsFiles } from '../tls';
import { baseUrlOf, connectionsTo, type Joined } from './connections';
import { classify, ConsulError, describeFailure, isReset, isTooLarge } from './errors';
import type { KeyValueStore, StoredValue, SizeOfWrite, Unchanged, Write } from './key-value-store';
import { sizeOf } from './server-limits';
import {
  CONSUL_CLOSED_FOR_MS,
  CONSUL_REFUSED_FOR_MS,
  CONSUL_REQUEST_TIMEOUT_MS,
  FIRST_CONSUL_REFUSED_PAUSE_MS,
  MAX_CONSUL_REFUSED_PAUSE_MS,
  RETRY_DELAYS_MS,
} from '../limits';

export interface ConsulOptions extends TlsFiles {
  /** URL of a Consul agent, for example `http://127.0.0.1:8500`. */
  address: string;
  /** Empty for the anonymous one. */
  token: string;
  /** Datacenter to which the agent forwards every request; its own if undefined. */
  dc?: string | undefined;
  /** {@link CONSUL_REQUEST_TIMEOUT_MS} by default. */
  requestTimeoutMs?: number | undefined;
}

/** No key has this revision: a write that expects it changes nothing. */
const NO_REVISION = Number.MAX_SAFE_INTEGER;

const Item = z.object({
  Key: z.string(),
  Value: z.instanceof(Buffer).nullable(),
  Flags: z.number(),
  ModifyIndex: z.number().int().positive(),
});
const CommitBody = z.object({
  Results: z.array(z.object({ KV: z.object({ Key: z.string(), ModifyIndex: z.number().int() }) })),
});
const Refused = z.object({ Errors: z.array(z.object({ What: z.string() })) });
const Keys = z.array(z.string());
const Self = z.object({ Config: z.object({ Datacenter: z.string().min(1) }) });

/** With `includeResponse`: the HTTP response, then the decoded value. */
type Answer = [{ statusCode: number; headers: Record<string, string | undefined> }, unknown];

/** Sends one request through the consul package. */
type SendOne = (options: { ctx: EventEmitter; timeout: number }) => Promise<unknown>;

type Committed = Map<string, number> | undefined;

interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Whether it may be sent again after a failure, which may have followed its effect. By default true. */
  repeat?: boolean;
  /** A blocking query: LongPolls bounds it. */
  isPoll?: boolean;
  /** Called when the agent refuses a request as too large. Its text names its limit. */
  onTooLarge?: (said: string) => void;
}

/**
 * Consul's key-value store. Reads are consistent (never from a stale follower). A key counts as missing only if Consul
 * itself answers so. All methods throw {@link ConsulError} and nothing else.
 */
export class ConsulStore implements KeyValueStore {
  readonly address: string;
  private readonly consul: Consul;
  private readonly joined: Joined;

  constructor(private readonly options: ConsulOptions) {
    const { token, dc } = options;
    this.address = options.address.replace(/\/+$/, '');
    const tls = readTls(options, `Consul ${this.address}: consul`);
    this.joined = connectionsTo(this.address, tls);
    this.consul = new Consul({
      baseUrl: baseUrlOf(this.address),
      // The package's own agent keeps every connection for ever.
      agent: this.joined.agent,
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

  get maxValueBytes(): number {
    return this.joined.serverLimits.valueBytes;
  }

  get maxOperations(): number {
    return this.joined.serverLimits.mostOperations;
  }

  fitsOneCommit(writes: readonly SizeOfWrite[], unchanged: readonly Unchanged[] = []): boolean {
    return this.joined.serverLimits.fits(sizeOf(writes, unchanged));
  }

  async commit(
    writes: readonly Write[],
    signal?: AbortSignal,
    unchanged: readonly Unchanged[] = [],
  ): Promise<Committed> {
    const first = writes[0];
    if (first === undefined) return new Map();
    const isLarge = (): boolean => writes.length === 1 && !this.fitsOneCommit(writes);
    if (this.fitsOneCommit(writes, unchanged)) {
      try {
        return await this.surelyWrite(writes, () => this.transact(writes, signal, unchanged), signal);
      } catch (error) {
        // The refusal may have shown a lower limit, for transactions only.
        if (!isTooLarge(error) || !isLarge()) throw error;
      }
    }
    if (isLarge()) return this.commitLarge(first, signal, unchanged);
    const detail = 'these writes are too many or too large for one transaction of this Consul';
    throw new ConsulError('too-large', this.address, first.key, detail);
  }

  async takes({ key, value }: Write, signal?: AbortSignal): Promise<boolean> {
    if (this.joined.serverLimits.hasTaken(value.length)) return true;
    try {
      await this.put({ key, value, expect: NO_REVISION }, { signal, repeat: true });
      return true;
    } catch (error) {
      if (isTooLarge(error)) return false;
      throw error;
    }
  }

  async remove(key: string, expect: number, signal?: AbortSignal): Promise<boolean> {
    const removeOnce = async (): Promise<boolean> => {
      const answer = await this.send(key, { signal, repeat: false }, (options) =>
        this.consul.kv.del({ key, cas: expect, ...options }),
      );
      return answer?.[1] === true;
    };
    return this.surely(removeOnce, async () => {
      const stored = await this.get(key, signal);
      if (stored === undefined) return { result: true };
      return stored.revision === expect ? undefined : { result: false };
    });
  }

  async waitForChange(
    key: string,
    index: number,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ stored: StoredValue | undefined; index: number }> {
    const { token, dc } = this.options;
    const id = JSON.stringify([this.joined.place, token, dc, key, index, waitMs]);
    const poll = (ownWaitMs: number, stop: AbortSignal): ReturnType<ConsulStore['waitForChange']> => {
      // Consul adds up to a sixteenth of the wait; the client must wait longer than that.
      const timeoutMs = ownWaitMs + ownWaitMs / 16 + this.requestTimeoutMs;
      const query = { index, wait: `${Math.ceil(ownWaitMs / 1000)}s` };
      return this.read(key, query, { signal: stop, timeoutMs, isPoll: true });
    };
    try {
      return await this.joined.connections.polls.wait(id, waitMs, poll, signal);
    } catch (error) {
      throw isAborted(signal) ? this.cancelled(key) : error;
    }
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
    this.joined.leave();
  }

  private get requestTimeoutMs(): number {
    return this.options.requestTimeoutMs ?? CONSUL_REQUEST_TIMEOUT_MS;
  }

  /** Writes a value that is too large for a transaction. The unchanged keys are read just before the write. */
  private async commitLarge(
    write: Write,
    signal: AbortSignal | undefined,
    unchanged: readonly Unchanged[],
  ): Promise<Committed> {
    const putLarge = async (): Promise<Committed> => {
      for (const { key, revision } of unchanged)
        if (((await this.get(key, signal))?.revision ?? 0) !== revision) return undefined;
      if (!(await this.put(write, { signal, repeat: false }))) return undefined;
      // This answer has no ModifyIndex: read it back, and check that the value is still the one written here.
      const stored = await this.get(write.key, signal);
      return stored?.value.equals(write.value) === true ? new Map([[write.key, stored.revision]]) : undefined;
    };
    return this.surelyWrite([write], putLarge, signal);
  }

  /** @returns whether the key had the expected revision */
  private async put({ key, value, expect, flags = 0 }: Write, request: RequestOptions): Promise<boolean> {
    const { serverLimits } = this.joined;
    const onTooLarge = (said: string): void => {
      serverLimits.refusedValue(value.length, said);
    };
    const answer = await this.send(key, { ...request, onTooLarge }, (options) =>
      this.consul.kv.set({ key, value, cas: expect, flags, ...options }),
    );
    serverLimits.tookValue(value.length);
    return answer?.[1] === true;
  }

  private async transact(
    writes: readonly Write[],
    signal: AbortSignal | undefined,
    unchanged: readonly Unchanged[],
  ): Promise<Committed> {
    const key = writes[0]?.key ?? '';
    const { serverLimits } = this.joined;
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
    const size = sizeOf(writes, unchanged);
    const onTooLarge = (said: string): void => {
      serverLimits.refusedTransaction(size, said);
    };
    const answer = await this.send(
      key,
      { signal, repeat: false, onTooLarge },
      (options) => this.consul.transaction.create(operations as never, options as never),
      409,
    );
    serverLimits.tookTransaction(size);
    if (answer === undefined) return undefined;
    const parsed = CommitBody.safeParse(answer[1]);
    if (!parsed.success) throw this.malformed(key);
    return new Map(parsed.data.Results.map(({ KV }) => [KV.Key, KV.ModifyIndex]));
  }

  /**
   * Sends a write. If the connection was closed without an answer, as an agent does beyond its limit, `look` returns the
   * result, or undefined if nothing has happened: a write that is sent again would look like a conflict.
   */
  private async surely<T>(
    write: () => Promise<T>,
    look: () => Promise<{ result: T } | undefined>,
  ): Promise<T> {
    let isLost = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await write();
        if (Boolean(result) || !isLost) return result;
      } catch (error) {
        const isClosed = error instanceof ConsulError && error.refusal === 'closed';
        if (!isClosed || attempt === RETRY_DELAYS_MS.length) throw error;
      }
      isLost = true;
      const found = await look();
      if (found !== undefined) return found.result;
    }
  }

  /** Like {@link surely}, for the writes of a {@link commit}. */
  private surelyWrite(
    writes: readonly Write[],
    commit: () => Promise<Committed>,
    signal: AbortSignal | undefined,
  ): Promise<Committed> {
    return this.surely(commit, async () => {
      const found = await Promise.all(writes.map(({ key }) => this.get(key, signal)));
      const isWritten = writes.every(({ value, expect }, at) => {
        const stored = found[at];
        return stored !== undefined && stored.revision !== expect && stored.value.equals(value);
      });
      if (isWritten) return { result: new Map(writes.map(({ key }, at) => [key, found[at]?.revision ?? 0])) };
      // The write may still arrive. Then the next attempt meets another revision, and reads again.
      const isOther = writes.some(({ expect }, at) => (found[at]?.revision ?? 0) !== expect);
      return isOther ? { result: undefined } : undefined;
    });
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
    // The package returns undefined for any 404 and any unexpected body: only Consul sends this header.
    if (response === undefined || !Number.isInteger(index)) throw this.malformed(key);
    if (response.statusCode === 404) return { stored: undefined, index };
    const parsed = Item.safeParse(item);
    if (!parsed.success || parsed.data.Key !== key) throw this.malformed(key);
    const { Value, ModifyIndex, Flags } = parsed.data;
    return { stored: { value: Value ?? Buffer.alloc(0), revision: ModifyIndex, flags: Flags }, index };
  }

  /** @returns undefined if the answer had the status that means "no" (`statusOfNo`) */
  private async send(
    key: string,
    options: RequestOptions,
    request: SendOne,
    statusOfNo?: number,
  ): Promise<Answer | undefined> {
    const { signal, isPoll = false, repeat = true } = options;
    const attempt = (): Promise<Answer | undefined> => this.attempt(key, options, request, statusOfNo);
    let refusedSinceMs: number | undefined;
    for (let failures = 0; ; failures++) {
      if (isAborted(signal)) throw this.cancelled(key);
      let delayMs: number | undefined;
      try {
        return await (isPoll ? attempt() : this.joined.connections.run(attempt, signal));
      } catch (error) {
        if (isAborted(signal)) throw this.cancelled(key);
        if (!(error instanceof ConsulError)) throw error;
        const { kind, refusal } = error;
        if (refusal !== undefined) refusedSinceMs ??= Date.now();
        // After a 429 nothing was written. After a closed connection that is unknown.
        if (refusal === 'answered' || (repeat && kind === 'unavailable'))
          delayMs = delayAfter(refusal, failures, refusedSinceMs);
        if (delayMs === undefined) throw error;
      }
      await sleep(delayMs, undefined, { signal }).catch(() => {
        throw this.cancelled(key);
      });
    }
  }

  private async attempt(
    key: string,
    { signal, timeoutMs = this.requestTimeoutMs, isPoll = false, onTooLarge }: RequestOptions,
    request: SendOne,
    statusOfNo: number | undefined,
  ): Promise<Answer | undefined> {
    const { connections } = this.joined;
    // With this context the consul package returns the response's headers, and can be cancelled.
    const ctx = Object.assign(new EventEmitter(), { includeResponse: true });
    const forget = signal && onAbort(signal, () => ctx.emit('cancel'));
    try {
      const answer = await request({ ctx, timeout: timeoutMs });
      // The package returns an error of another realm (as in jest) as if it were the answer.
      if (!Array.isArray(answer)) throw answer;
      if (!isPoll) connections.answered();
      return answer as Answer;
    } catch (error) {
      if (isAborted(signal)) throw this.cancelled(key);
      const { status, headers, text, isDenied } = refusalOf(error);
      if (!isPoll && status !== undefined && status !== 429) connections.answered();
      // Consul answers 409 both for a stale check-and-set and for a missing permission.
      if (status !== undefined && status === statusOfNo && !isDenied) {
        if (isFiltered(headers)) throw this.filtered(key);
        return undefined;
      }
      if (status === 413) onTooLarge?.(text);
      const failure =
        status === undefined
          ? this.unanswered(key, error, timeoutMs)
          : this.refused(key, isDenied ? 403 : status, text);
      if (failure.refusal !== undefined) connections.refused();
      throw failure;
    } finally {
      forget?.();
    }
  }

  private unanswered(key: string, error: unknown, timeoutMs: number): ConsulError {
    const { address } = this;
    const failure = new ConsulError('unavailable', address, key, describeFailure(error, timeoutMs, address));
    if (isReset(error)) failure.refusal = 'closed';
    return failure;
  }

  private refused(key: string, status: number, text: string): ConsulError {
    const { address, maxValueBytes } = this;
    const [kind, detail] = classify({ status, text, address, dc: this.options.dc, maxValueBytes });
    const failure = new ConsulError(kind, address, key, detail);
    if (status === 429 && kind === 'unavailable') failure.refusal = 'answered';
    return failure;
  }

  private filtered(prefix: string): ConsulError {
    const detail =
      `the listing omits keys that the token may not read; its policy needs key_prefix "${prefix}" with read, or with ` +
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

/** The pause before a request is sent again; undefined if it has failed too often, or was refused since too long ago. */
function delayAfter(
  refusal: ConsulError['refusal'],
  failures: number,
  sinceMs = Infinity,
): number | undefined {
  if (refusal === undefined) return RETRY_DELAYS_MS[failures];
  const forMs = refusal === 'answered' ? CONSUL_REFUSED_FOR_MS : CONSUL_CLOSED_FOR_MS;
  if (Date.now() - sinceMs >= forMs) return undefined;
  const pauseMs = Math.min(FIRST_CONSUL_REFUSED_PAUSE_MS * 2 ** failures, MAX_CONSUL_REFUSED_PAUSE_MS);
  // Random: the requests of all workers of a machine are refused at the same moment.
  return pauseMs * (0.5 + Math.random() / 2);
}

/** A function: the flag changes during a wait, and the compiler would assume that it does not. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}

/** Consul omits from a listing what the token may not read, with status 200. Except without a token, a header shows it. */
function isFiltered(headers: Answer[0]['headers']): boolean {
  return headers['x-consul-results-filtered-by-acls'] === 'true';
}

/** Reads the consul package's error for an answer that is not a success. Without an answer its `response` is missing. */
function refusalOf(error: unknown) {
  const { response = {} } = error as { response?: Partial<Answer[0] & { body: unknown }> };
  const { statusCode: status, headers = {}, body } = response;
  const parsed = Refused.safeParse(body);
  // A transaction refuses each operation by itself, also for a missing permission.
  const ofOperations = parsed.success ? parsed.data.Errors.map(({ What }) => What).join('; ') : '';
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : ofOperations;
  return { status, headers, text, isDenied: /permission denied/i.test(ofOperations) };
}

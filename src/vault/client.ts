import nodeVault from 'node-vault';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { orAborted } from '../concurrency/abort';
import type { Role } from '../contract/ids';
import type { TlsFiles } from '../tls';
import { explainHealth, type Outage } from './circuit-breaker';
import {
  asksForMfa,
  cancelledRequest,
  classify,
  explain,
  explainUnexpected,
  VaultError,
  type VaultErrorKind,
} from './errors';
import { prefixBetween } from '../rules/namespace';
import type { Entry } from './request-queue';
import { joinTraffic, type Ask, type Joined } from './traffic';
import { UndiciTransport, type TransportResponse } from './transport';
import {
  HEALTH_TIMEOUT_MS,
  LOGIN_AGAIN_AFTER_MS,
  MAX_SLOW_LISTS,
  MAX_VAULT_REQUESTS,
  QUOTA_ATTEMPTS,
  RETRY_DELAYS_MS,
  REVOKE_TIMEOUT_MS,
  SLOW_LIST_MS,
  VAULT_LIST_TIMEOUT_MS,
  VAULT_REQUEST_TIMEOUT_MS,
} from '../limits';

export type VaultAuth =
  { kind: 'token'; token: string } | { kind: 'approle'; path: string; roleId: string; secretId: string };

/** Times that tests shorten. */
export interface VaultTimes {
  /** {@link VAULT_REQUEST_TIMEOUT_MS} by default, longer for listings. */
  requestTimeoutMs?: number | undefined;
}

export interface VaultOptions extends TlsFiles, VaultTimes {
  /** URL of the Vault, for example `https://vault.example.com:8200`. */
  address: string;
  auth: VaultAuth;
  /** Of the secrets; empty for the root. */
  namespace: string;
  /** Which end of a sync it is: its errors carry it. */
  side?: Role | undefined;
  /** Of the token or the AppRole; that of the secrets if undefined. */
  authNamespace?: string | undefined;
  /** Most requests in flight, slow listings not counted ({@link SLOW_LIST_MS}); undefined: only the adaptive limit applies. */
  concurrency?: number | undefined;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** Called after all queues, just before each sending. If it throws a VaultError of kind `cancelled`, nothing is sent. */
  onSend?: (() => void) | undefined;
}

interface ReadOptions<A> extends RequestOptions {
  /** Accept a 404 whose body fits the schema: KV answers so for the data of a version that is deleted or destroyed. */
  bodyOn404?: boolean;
  /** Instead of the configured one. */
  namespace?: string | undefined;
  /** It lists a folder, which may take long. */
  isList?: boolean;
  /** The result if Vault answers that nothing is stored; without it that is a VaultError of kind `absent`. */
  ifAbsent?: (() => A) | undefined;
}

/** A request that was sent, for metrics. */
export interface SentRequest {
  /** A delete is a write. */
  readonly op: 'read' | 'list' | 'write' | 'login';
  /** HTTP status; undefined without an answer. */
  readonly status: number | undefined;
  /** Milliseconds, without the wait in the request queue. */
  readonly latencyMs: number;
}

/** Requests about the token itself. No secrets engine can be mounted at these paths. */
const ABOUT_TOKEN = /^(?:auth|sys\/capabilities-self|sys\/wrapping)(?:\/|$)/;

const ErrorBody = z.object({ errors: z.array(z.string()) });
/** Vault answers 204 without a body; with a warning, 200 and the frame of all its answers. */
export const EmptyBody = z.object({ request_id: z.string() }).optional();
/** The answer to a login and a renewal. */
export const AuthBody = z
  .object({
    auth: z.object({
      client_token: z.string().min(1),
      lease_duration: z.number().min(0).default(0),
      renewable: z.boolean().default(false),
    }),
  })
  .transform(({ auth }) => ({
    token: auth.client_token,
    grant: { ttlS: auth.lease_duration, renewable: auth.renewable },
  }));

/** The result of a login or a renewal: seconds that the token has left (0: it never ends). */
export type TokenGrant = z.output<typeof AuthBody>['grant'];

/**
 * One Vault: node-vault over an undici transport. It checks every answer, repeats transient failures, and logs in where
 * that is configured. Each attempt of a request enters VaultTraffic first, which bounds the requests in flight and pauses
 * them while the Vault is down. All methods throw {@link VaultError} and nothing else.
 */
export class VaultClient {
  readonly address: string;
  private readonly transport: UndiciTransport;
  private readonly vault: nodeVault.client;
  private readonly joined: Joined;
  private login: Promise<TokenGrant> | undefined;
  /** The last login has succeeded, and no request has found its token ended since. */
  private isLoggedIn = false;
  private loggedInAtMs = 0;
  private listsByGet = false;
  private isClosed = false;
  /** Called for each request that was sent: for metrics. Never with a path. */
  onRequest: ((request: SentRequest) => void) | undefined;

  constructor(private readonly options: VaultOptions) {
    this.address = options.address.replace(/\/+$/, '');
    this.transport = new UndiciTransport(this.address, {
      // One more, so that a health check does not wait behind requests that hang.
      connections:
        (options.concurrency ?? MAX_VAULT_REQUESTS) +
        Math.min(options.concurrency ?? MAX_SLOW_LISTS, MAX_SLOW_LISTS) +
        1,
      timeoutMs: options.requestTimeoutMs ?? VAULT_REQUEST_TIMEOUT_MS,
      tls: options,
    });
    const ask: Ask = (path, signal) => this.transport.ask(path, HEALTH_TIMEOUT_MS, signal);
    this.joined = joinTraffic(this.address, ask, options.concurrency);
    this.vault = nodeVault({
      apiVersion: 'v1',
      endpoint: this.address,
      // Without a token node-vault takes VAULT_TOKEN, which could send the token of one Vault to the other.
      token: options.auth.kind === 'token' ? options.auth.token : 'not-logged-in',
      // node-vault's own debug output prints secret values.
      debug: () => undefined,
      // Its check of each request against a schema costs a fiftieth of a scan's CPU, and only sees vsync's own strings.
      tv4: { validate: () => true } as never,
      'request-promise': this.transport.requestPromise,
    });
    // Set afterwards: for an empty value the constructor takes VAULT_NAMESPACE and VAULT_PREFIX.
    Object.assign(this.vault, { namespace: options.namespace, pathPrefix: '' });
    // node-vault's handler drops the status and the headers of an error, so `check` classifies every answer. Not as a
    // promise: that would be one more for each request.
    this.vault.handleVaultResponse = (response) => response as never;
  }

  /** GET of an API path. */
  read<T, A = never>(path: string, schema: z.ZodType<T>, options: ReadOptions<A> = {}): Promise<T | A> {
    return this.ask('read', path, schema, options);
  }

  /** LIST of an API path. Some gateways refuse this verb: then `GET …?list=true`, which means the same, is used. */
  async list<T, A = never>(path: string, schema: z.ZodType<T>, options: ReadOptions<A> = {}): Promise<T | A> {
    const listing = { ...options, isList: true };
    const asGet = (): Promise<T | A> =>
      this.ask('read', `${path}${path.includes('?') ? '&' : '?'}list=true`, schema, listing);
    if (this.listsByGet) return asGet();
    try {
      return await this.ask('list', path, schema, listing);
    } catch (error) {
      if (!(error instanceof VaultError) || !mayBeAboutVerb(error)) throw error;
      // If this fails too, the verb was not the problem: the first answer is reported.
      const listed = await asGet().catch(() => {
        throw error;
      });
      this.listsByGet = true;
      return listed;
    }
  }

  private ask<T, A>(
    verb: 'read' | 'list',
    path: string,
    schema: z.ZodType<T>,
    options: ReadOptions<A>,
  ): Promise<T | A> {
    const { signal, onSend, namespace, isList } = options;
    const { requestTimeoutMs = VAULT_LIST_TIMEOUT_MS } = this.options;
    const timeout = isList === true ? { timeoutMs: requestTimeoutMs } : {};
    const place = namespace === undefined ? this.placeOf(path) : { namespace };
    const sent = { signal, onSend, ...timeout, ...place };
    return this.send(path, schema, () => this.vault[verb](path, sent), options);
  }

  /** POST to an API path. A write that timed out may have happened: the caller decides whether to read it back. */
  write<T>(
    path: string,
    body: unknown,
    schema: z.ZodType<T>,
    { signal, onSend, headers }: RequestOptions & { headers?: Readonly<Record<string, string>> } = {},
  ): Promise<T> {
    const sent = { signal, onSend, ...this.placeOf(path) };
    // New headers for each attempt: node-vault adds the token to them.
    const request = (): Promise<unknown> =>
      this.vault.write(path, body, headers === undefined ? sent : { ...sent, headers: { ...headers } });
    return this.send(path, schema, request, { signal, isWrite: true });
  }

  /** DELETE of an API path. */
  async delete(path: string, { signal, onSend }: RequestOptions = {}): Promise<void> {
    const request = (): Promise<unknown> => this.vault.delete(path, { signal, onSend });
    await this.send(path, EmptyBody, request, { signal, isWrite: true });
  }

  /** Outages of this Vault that lasted at that time, or began after it. */
  outagesSince(sinceMs: number): Outage[] {
    return this.joined.traffic.breaker.outagesSince(sinceMs);
  }

  /** Ends the login, if there was one, and the connections. */
  async close(): Promise<void> {
    if (this.options.auth.kind === 'approle' && this.isLoggedIn) await this.revokeLogin();
    this.isClosed = true;
    this.joined.leave();
    await this.transport.close();
  }

  /** Sends a request, and repeats it where that may help and cannot write twice. */
  private async send<T, A = never>(
    pathAndQuery: string,
    schema: z.ZodType<T>,
    request: () => Promise<unknown>,
    options: ReadOptions<A> & { isWrite?: boolean },
  ): Promise<T | A> {
    const { signal, isWrite = false, isList = false, bodyOn404, ifAbsent } = options;
    const path = pathAndQuery.replace(/\?.*/, '');
    const { traffic, lane } = this.joined;
    const entry: Entry = { signal, isWrite, lane };
    const read = (answer: TransportResponse): T => this.check(path, answer, schema, bodyOn404);
    let loggedInAgain = false;
    let sentWithLoginOfMs = 0;
    let refusals = 0;
    const sendNow = (): Promise<unknown> => {
      sentWithLoginOfMs = this.loggedInAtMs;
      return request();
    };
    for (let attempt = 0; ;) {
      try {
        if (this.needsLogin) await orAborted(this.ensureLogin(), signal);
        return await this.attempt(path, entry, sendNow, read, isList);
      } catch (error) {
        if (signal?.aborted === true) throw cancelledRequest(this.address, path);
        const failure = this.failureOf(path, error);
        if (failure.kind === 'absent' && ifAbsent !== undefined) return ifAbsent();
        if (this.isClosed) throw failure;
        // Another request may have got a new token since this one was sent.
        const isNews = (): boolean => this.loggedInAtMs !== sentWithLoginOfMs || this.forgetOldLogin();
        if (failure.status === 403 && !loggedInAgain && isNews()) {
          loggedInAgain = true;
          continue;
        }
        if (failure.isOutage) throw failure;
        if (failure.kind === 'throttled') {
          if (!traffic.queue.isBlocked && ++refusals < QUOTA_ATTEMPTS) continue;
          throw failure;
        }
        const delay = isRepeatable(failure, isWrite, isList) ? RETRY_DELAYS_MS[attempt++] : undefined;
        if (delay === undefined) throw await traffic.judge(failure, signal);
        await sleep(delay, undefined, { signal }).catch(() => {
          throw cancelledRequest(this.address, path);
        });
      }
    }
  }

  /** Sends a request once. If it may be slow, it gives its place in the request queue away when it takes long. */
  private async attempt<T>(
    path: string,
    entry: Entry,
    request: () => Promise<unknown>,
    read: (answer: TransportResponse) => T,
    mayBeSlow = false,
  ): Promise<T> {
    const { traffic, lane } = this.joined;
    let beganMs: number | undefined;
    let status: number | undefined;
    let gaveWay = false;
    let timer: NodeJS.Timeout | undefined;
    try {
      const entered = traffic.enter(path, entry);
      if (entered !== undefined) await entered;
      beganMs = performance.now();
      if (mayBeSlow) {
        timer = setTimeout(() => {
          gaveWay = traffic.queue.giveWay(lane);
        }, SLOW_LIST_MS);
      }
      const answer = (await request()) as TransportResponse;
      status = answer.statusCode;
      const result = read(answer);
      traffic.left(undefined, performance.now() - beganMs, entry.lane, gaveWay);
      return result;
    } catch (error) {
      const failure = this.failureOf(path, error);
      if (beganMs !== undefined) traffic.left(failure, performance.now() - beganMs, entry.lane, gaveWay);
      throw failure;
    } finally {
      clearTimeout(timer);
      if (this.onRequest !== undefined && beganMs !== undefined) {
        const op = mayBeSlow ? 'list' : entry.isWrite === true ? 'write' : 'read';
        const latencyMs = performance.now() - beganMs;
        this.onRequest({ op: this.isLogin(path) ? 'login' : op, status, latencyMs });
      }
    }
  }

  private check<T>(path: string, answer: TransportResponse, schema: z.ZodType<T>, bodyOn404 = false): T {
    const { statusCode: status, body, retryAfterMs } = answer;
    const { address } = this;
    const isLogin = this.isLogin(path);
    if (status === 200 || status === 204) {
      // Vault answers 204 without a body: a 200 without one is not Vault's.
      const parsed = status === 200 && body === undefined ? undefined : schema.safeParse(body);
      if (parsed?.success === true) return parsed.data;
      const kind = isLogin && asksForMfa(body) ? 'rejected' : 'malformed';
      throw new VaultError(kind, address, path, explainUnexpected({ address, body, isLogin }), status);
    }
    if (status === 404 && bodyOn404) {
      const parsed = schema.safeParse(body);
      if (parsed.success) return parsed.data;
    }
    const health = path === 'sys/health' ? explainHealth(status, body) : undefined;
    if (health !== undefined) throw new VaultError('unavailable', address, path, health, status);
    const errors = ErrorBody.safeParse(body);
    const texts = errors.success ? errors.data.errors : undefined;
    const found = classify(status, texts);
    // A login that is not found does not mean that the secret is absent.
    const kind = isLogin && (found === 'absent' || found === 'no-mount') ? 'rejected' : found;
    const namespace = isLogin ? this.authNamespace : this.namespace;
    const detail = explain({ kind: found, status, errors: texts, body, address, namespace, isLogin });
    throw new VaultError(kind, address, path, detail, status, retryAfterMs);
  }

  private isLogin(path: string): boolean {
    const { auth } = this.options;
    return auth.kind === 'approle' && path === `auth/${auth.path}/login`;
  }

  /** Read before each request, so that a request waits only for a login that it needs. */
  private get needsLogin(): boolean {
    return this.options.auth.kind === 'approle' && !this.isLoggedIn;
  }

  /** Logs in once, if an AppRole is configured. */
  async ensureLogin(): Promise<TokenGrant | undefined> {
    if (this.options.auth.kind === 'token') return undefined;
    this.login ??= this.logIn(this.options.auth).catch((error: unknown) => {
      this.login = undefined; // the next request tries again
      throw error;
    });
    return this.login;
  }

  /** Logs in again before the present token ends. Requests use that one meanwhile, and after a failure. */
  async logInAgain(): Promise<TokenGrant> {
    const { auth } = this.options;
    if (auth.kind === 'token') throw new Error('a token is configured: there is no login');
    const grant = await this.logIn(auth);
    this.login = Promise.resolve(grant);
    return grant;
  }

  /** How many requests of this client may be in flight now. */
  get requestsAtOnce(): number {
    return Math.min(this.options.concurrency ?? Infinity, this.joined.traffic.queue.atOnce);
  }

  /** The caller keeps requests back until {@link requestsAtOnce} has grown. */
  reportDemand(): void {
    this.joined.traffic.queue.reportDemand();
  }

  /** Of the token. Its policies name paths from there. */
  get authNamespace(): string {
    return this.options.authNamespace ?? this.options.namespace;
  }

  get namespace(): string {
    return this.options.namespace;
  }

  /** Prefix of the secrets' paths in a policy of the token: `team/` if the token belongs to the root. */
  get policyPrefix(): string {
    return prefixBetween(this.authNamespace, this.namespace) ?? '';
  }

  /** The namespace where it differs from that of the secrets. OpenBao and Vault Enterprise answer sys/health only in the root. */
  private placeOf(path: string): { namespace?: string } {
    const { namespace, authNamespace } = this;
    if (namespace === '' && authNamespace === '') return {};
    if (path.startsWith('sys/health')) return { namespace: '' };
    return namespace !== authNamespace && ABOUT_TOKEN.test(path) ? { namespace: authNamespace } : {};
  }

  get authKind(): VaultAuth['kind'] {
    return this.options.auth.kind;
  }

  /** After a 403: whether a new login may help. Not if the last one is recent: then the policy lacks something. */
  private forgetOldLogin(): boolean {
    // 0: there was no login yet; the login itself was refused.
    if (this.loggedInAtMs === 0 || Date.now() - this.loggedInAtMs < LOGIN_AGAIN_AFTER_MS) return false;
    // Another request has found it out, and its login serves all.
    if (!this.isLoggedIn) return true;
    this.login = undefined;
    this.isLoggedIn = false;
    return true;
  }

  private async logIn(auth: Extract<VaultAuth, { kind: 'approle' }>): Promise<TokenGrant> {
    const path = `auth/${auth.path}/login`;
    const body = { role_id: auth.roleId, secret_id: auth.secretId };
    const login = (): Promise<unknown> => this.vault.write(path, body, this.placeOf(path));
    const read = (answer: TransportResponse): z.output<typeof AuthBody> => this.check(path, answer, AuthBody);
    const { token, grant } = await this.attempt(path, {}, login, read);
    this.vault.token = token;
    this.loggedInAtMs = Date.now();
    this.isLoggedIn = true;
    return grant;
  }

  /** Else the token would live on for hours. Failures are not reported: it ends by itself, and a batch token cannot be revoked. */
  private async revokeLogin(): Promise<void> {
    const path = 'auth/token/revoke-self';
    const signal = AbortSignal.timeout(REVOKE_TIMEOUT_MS);
    await this.vault.write(path, {}, { signal, ...this.placeOf(path) }).catch(() => undefined);
    this.isLoggedIn = false;
  }

  /** An error about an answer of this Vault that its caller cannot use. */
  failure(kind: VaultErrorKind, path: string, detail: string): VaultError {
    return this.failureOf(path, new VaultError(kind, this.address, path, detail));
  }

  private failureOf(path: string, error: unknown): VaultError {
    if (error instanceof VaultError) {
      error.side ??= this.options.side;
      return error;
    }
    // Only the name: the message of another library's error may hold the request.
    const name = error instanceof Error ? error.name : typeof error;
    return new VaultError('rejected', this.address, path, `unexpected ${name} while sending the request`);
  }
}

/** A gateway that refuses the verb LIST answers in its own form, or with 405 (method not allowed). */
function mayBeAboutVerb({ kind, status = 0 }: VaultError): boolean {
  return status === 405 || (kind === 'malformed' && (status >= 400 || status < 200));
}

function isRepeatable(
  { kind, transient, isTimeout }: VaultError,
  isWrite: boolean,
  isList: boolean,
): boolean {
  // After a lost answer it is unknown whether a write happened: the caller must read first. A listing that timed out
  // would time out again.
  return transient && !(kind === 'unavailable' && (isWrite || (isList && isTimeout)));
}

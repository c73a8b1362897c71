import nodeVault from 'node-vault';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { prefixBetween } from './namespace';
import type { TlsFiles } from '../tls';
import type { Outage } from './circuit-breaker';
import { cancelledRequest, classify, VaultError } from './errors';
import { asksForMfa, explain, explainUnexpected } from './explain';
import { joinTraffic, type Ask, type Joined } from './traffic';
import { explainHealth } from './health';
import { UndiciTransport, type TransportResponse } from './transport';
import { type Entry } from './request-queue';
import { orAborted } from '../concurrency/abort';
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

/** How to log in: a token, or an AppRole whose login gives one. */
export type VaultAuth =
  { kind: 'token'; token: string } | { kind: 'approle'; path: string; roleId: string; secretId: string };

/** What tests make shorter. */
export interface VaultTimes {
  /** Time for one request, in milliseconds; 20 s by default. */
  requestTimeoutMs?: number | undefined;
}

export interface VaultOptions extends TlsFiles, VaultTimes {
  /** URL of the Vault, for example `https://vault.example.com:8200`. */
  address: string;
  auth: VaultAuth;
  /** Namespace of the secrets; empty for the root. */
  namespace: string;
  /** Namespace of the token or the AppRole; that of the secrets if undefined. */
  authNamespace?: string | undefined;
  /**
   * Requests of this client in flight at the most, over all activities of this process; undefined: as the Vault takes
   * them. Up to as many slow listings again are in flight with them, see {@link SLOW_LIST_MS}.
   */
  concurrency?: number | undefined;
}

/** How a request is sent. */
export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /**
   * Called when it has its turn, just before it is sent, and before each repetition. A VaultError of kind `cancelled`
   * that it throws keeps it from being sent.
   */
  onSend?: (() => void) | undefined;
}

export interface WriteOptions extends RequestOptions {
  /** Headers of this request alone. */
  headers?: Readonly<Record<string, string>>;
}

interface ReadOptions<A> extends RequestOptions {
  /**
   * Take a 404 whose body fits the schema as the answer: so KV answers for the data of a version that is deleted or
   * destroyed.
   */
  bodyOn404?: boolean;
  /** Namespace to ask in, instead of the one that is configured. */
  namespace?: string | undefined;
  /** It lists a folder, which may take long. */
  isList?: boolean;
  /** What to answer where Vault says that nothing is stored; else that is a VaultError of kind `absent`. */
  ifAbsent?: (() => A) | undefined;
}

/** Requests about the token itself. No secrets engine can be mounted at these paths. */
const ABOUT_TOKEN = /^(?:auth|sys\/capabilities-self|sys\/wrapping)(?:\/|$)/;

const ErrorBody = z.object({ errors: z.array(z.string()) });
/** Vault answers 204 where it has nothing to say; with a warning, 200 and the frame of all its answers. */
export const EmptyBody = z.object({ request_id: z.string() }).optional();
/** What a login and a renewal answer about the token that they give or extend. */
export const AuthBody = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    lease_duration: z.number().min(0).default(0),
    renewable: z.boolean().default(false),
  }),
});

/** What a login or a renewal gave: seconds that the token has left (0: it never ends). */
export interface TokenGrant {
  ttlS: number;
  renewable: boolean;
}

export function grantOf({ auth }: z.output<typeof AuthBody>): TokenGrant {
  return { ttlS: auth.lease_duration, renewable: auth.renewable };
}

/**
 * One Vault: node-vault over our transport, with every answer checked, transient failures repeated, and the
 * number of requests in flight limited for the whole process. While the Vault is down nothing is sent to it.
 *
 * All methods throw {@link VaultError} and nothing else.
 */
export class VaultClient {
  readonly address: string;
  private readonly transport: UndiciTransport;
  private readonly vault: nodeVault.client;
  private readonly joined: Joined;
  private login: Promise<TokenGrant> | undefined;
  /** The last login is over, and nobody has found its token ended since. */
  private isLoggedIn = false;
  private loggedInAtMs = 0;
  private listsByGet = false;

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
    const { transport } = this;
    const ask: Ask = (path, signal) => transport.ask(path, HEALTH_TIMEOUT_MS, signal);
    this.joined = joinTraffic(this.address, ask, options.concurrency);
    this.vault = nodeVault({
      apiVersion: 'v1',
      endpoint: this.address,
      // An omitted token or namespace would fall back to VAULT_TOKEN and VAULT_NAMESPACE: with two Vaults that
      // can send the token of one to the other.
      token: options.auth.kind === 'token' ? options.auth.token : 'not-logged-in',
      // node-vault's own debug output prints secret values.
      debug: () => undefined,
      // Its check of each request against a schema of two strings, which are ours: a fiftieth of a scan's CPU.
      tv4: { validate: () => true } as never,
      'request-promise': this.transport.requestPromise,
    });
    // Set afterwards, because the constructor takes an empty one from VAULT_NAMESPACE and VAULT_PREFIX.
    Object.assign(this.vault, { namespace: options.namespace, pathPrefix: '' });
    // node-vault's handler drops the status and the headers of an error: we class every answer ourselves.
    // Not a promise of it, which would be one more for each request.
    this.vault.handleVaultResponse = (response) => response as never;
  }

  /** GET of an API path. */
  read<T, A = never>(path: string, schema: z.ZodType<T>, options: ReadOptions<A> = {}): Promise<T | A> {
    const { signal, onSend, namespace } = options;
    const place = namespace === undefined ? this.placeOf(path) : { namespace };
    const sent = { signal, onSend, ...this.timeOf(options), ...place };
    return this.send(path, schema, () => this.vault.read(path, sent), options);
  }

  /**
   * LIST of an API path. Some gateways refuse this verb: then `GET …?list=true`, which Vault takes for the same, is
   * used from now on.
   */
  async list<T, A = never>(path: string, schema: z.ZodType<T>, options: ReadOptions<A> = {}): Promise<T | A> {
    const listing = { ...options, isList: true };
    const asGet = (): Promise<T | A> =>
      this.read(`${path}${path.includes('?') ? '&' : '?'}list=true`, schema, listing);
    if (this.listsByGet) return asGet();
    const { signal, onSend } = options;
    const sent = { signal, onSend, ...this.timeOf(listing), ...this.placeOf(path) };
    try {
      return await this.send(path, schema, () => this.vault.list(path, sent), listing);
    } catch (error) {
      if (!(error instanceof VaultError) || !mayBeAboutVerb(error)) throw error;
      // If this fails too, it was not the verb, and the first answer is the one to report.
      const listed = await asGet().catch(() => {
        throw error;
      });
      this.listsByGet = true;
      return listed;
    }
  }

  /** POST to an API path. A write that timed out may have happened: the caller decides whether to look. */
  write<T>(path: string, body: unknown, schema: z.ZodType<T>, options: WriteOptions = {}): Promise<T> {
    const { signal, onSend, headers } = options;
    const sent = { signal, onSend, ...this.placeOf(path) };
    // New for each attempt: node-vault puts the token into it.
    const request = (): Promise<unknown> =>
      this.vault.write(path, body, headers === undefined ? sent : { ...sent, headers: { ...headers } });
    return this.send(path, schema, request, { signal, isWrite: true });
  }

  /** DELETE of an API path. */
  async delete(path: string, { signal, onSend }: RequestOptions = {}): Promise<void> {
    const request = (): Promise<unknown> => this.vault.delete(path, { signal, onSend });
    await this.send(path, EmptyBody, request, { signal, isWrite: true });
  }

  /** When this Vault was down: outages that lasted at that time, or began after it. */
  outagesSince(sinceMs: number): Outage[] {
    return this.joined.traffic.outagesSince(sinceMs);
  }

  /** Ends the login, if there was one, and the connections. */
  async close(): Promise<void> {
    if (this.options.auth.kind === 'approle' && this.isLoggedIn) await this.revokeLogin();
    this.joined.leave();
    await this.transport.close();
  }

  private async send<T, A = never>(
    pathAndQuery: string,
    schema: z.ZodType<T>,
    request: () => Promise<unknown>,
    {
      signal,
      isWrite = false,
      isList = false,
      bodyOn404 = false,
      ifAbsent,
    }: ReadOptions<A> & { isWrite?: boolean },
  ): Promise<T | A> {
    const path = pathAndQuery.replace(/\?.*/, '');
    const { traffic, lane } = this.joined;
    const stopped = (): VaultError => cancelledRequest(this.address, path);
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
        if (signal?.aborted === true) throw stopped();
        const failure = error instanceof VaultError ? error : this.unexpected(path, error);
        if (failure.kind === 'absent' && ifAbsent !== undefined) return ifAbsent();
        // Another request may have got a new token since this one was sent.
        const isNews = (): boolean => this.loggedInAtMs !== sentWithLoginOfMs || this.forgetOldLogin();
        if (failure.status === 403 && !loggedInAgain && isNews()) {
          loggedInAgain = true;
          continue;
        }
        if (failure.isOutage) throw failure;
        if (failure.kind === 'throttled') {
          if (!traffic.isBlocked && ++refusals < QUOTA_ATTEMPTS) continue;
          throw failure;
        }
        const delay = RETRY_DELAYS_MS[attempt++];
        // After a lost answer nobody knows whether a write happened: whoever asked for it must look first.
        // A listing that took too long would again.
        const isInVain = failure.kind === 'unavailable' && (isWrite || (isList && failure.isTimeout));
        const repeatable = failure.transient && !isInVain;
        if (!repeatable || delay === undefined) throw await traffic.judge(failure, signal);
        await sleep(delay, undefined, { signal }).catch(() => {
          throw stopped();
        });
      }
    }
  }

  /** The time that a listing has. */
  private timeOf({ isList }: ReadOptions<unknown>): { timeoutMs?: number } {
    return isList === true ? { timeoutMs: this.options.requestTimeoutMs ?? VAULT_LIST_TIMEOUT_MS } : {};
  }

  /**
   * Sends one attempt of a request when its Vault's traffic allows it, and reports the result there.
   *
   * @param mayBeSlow it gives its place in the request queue away when it takes long
   */
  private async attempt<T>(
    path: string,
    entry: Entry,
    request: () => Promise<unknown>,
    read: (answer: TransportResponse) => T,
    mayBeSlow = false,
  ): Promise<T> {
    const { traffic, lane } = this.joined;
    let beganMs: number | undefined;
    let gaveWay = false;
    let timer: NodeJS.Timeout | undefined;
    try {
      const entered = traffic.enter(path, entry);
      if (entered !== undefined) await entered;
      beganMs = performance.now();
      if (mayBeSlow) {
        timer = setTimeout(() => {
          gaveWay = traffic.giveWay(lane);
        }, SLOW_LIST_MS);
      }
      const result = read((await request()) as TransportResponse);
      traffic.left(undefined, performance.now() - beganMs, entry.lane, gaveWay);
      return result;
    } catch (error) {
      const failure = error instanceof VaultError ? error : this.unexpected(path, error);
      if (beganMs !== undefined) traffic.left(failure, performance.now() - beganMs, entry.lane, gaveWay);
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  private check<T>(path: string, answer: TransportResponse, schema: z.ZodType<T>, bodyOn404 = false): T {
    const { statusCode: status, body } = answer;
    const { address } = this;
    const isLogin = this.isLogin(path);
    if (status === 200 || status === 204) {
      // Vault says 204 where it has no body: a 200 without one is somebody else's.
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
    // Of a login: that says nothing about what is to be asked once the login is over.
    const kind = isLogin && (found === 'absent' || found === 'no-mount') ? 'rejected' : found;
    const namespace = isLogin ? this.authNamespace : this.namespace;
    const detail = explain({ kind: found, status, errors: texts, body, address, namespace, isLogin });
    throw new VaultError(kind, address, path, detail, status, answer.retryAfterMs);
  }

  private isLogin(path: string): boolean {
    const { auth } = this.options;
    return auth.kind === 'approle' && path === `auth/${auth.path}/login`;
  }

  /** Asked before each request, so that only those wait for a login that have to. */
  private get needsLogin(): boolean {
    return this.options.auth.kind === 'approle' && !this.isLoggedIn;
  }

  /** Logs in, if that is how this client gets its token and it has not done so. @returns what the login gave */
  async ensureLogin(): Promise<TokenGrant | undefined> {
    if (this.options.auth.kind === 'token') return undefined;
    this.login ??= this.logIn(this.options.auth).catch((error: unknown) => {
      this.login = undefined; // the next request tries again
      throw error;
    });
    return this.login;
  }

  /**
   * Logs in once more, while the token that is there goes on being used: before it ends.
   *
   * @throws VaultError if it fails; the old token then stays
   */
  async logInAgain(): Promise<TokenGrant> {
    const { auth } = this.options;
    if (auth.kind === 'token') throw new Error('a token is configured: there is no login');
    const login = this.logIn(auth);
    const grant = await login;
    this.login = login;
    return grant;
  }

  /** How many requests of this client are sent at the same time now. */
  get requestsAtOnce(): number {
    return Math.min(this.options.concurrency ?? Infinity, this.joined.traffic.requestsAtOnce);
  }

  /** There are requests that wait until more of them may be sent at the same time. */
  reportDemand(): void {
    this.joined.traffic.reportDemand();
  }

  /** Namespace of the token. Its policies name paths from there. */
  get authNamespace(): string {
    return this.options.authNamespace ?? this.options.namespace;
  }

  /** Namespace of the secrets. */
  get namespace(): string {
    return this.options.namespace;
  }

  /** What a policy of the token puts before the paths of the secrets: `team/` where the token is of the root. */
  get policyPrefix(): string {
    return prefixBetween(this.authNamespace, this.namespace) ?? '';
  }

  /**
   * Namespace of a request, where it is not that of the secrets: what is about the token goes to the token's, and
   * sys/health is answered in the root only (at OpenBao and Vault Enterprise).
   */
  private placeOf(path: string): { namespace?: string } {
    const { namespace, authNamespace } = this;
    if (namespace === '' && authNamespace === '') return {};
    if (path.startsWith('sys/health')) return { namespace: '' };
    return namespace !== authNamespace && ABOUT_TOKEN.test(path) ? { namespace: authNamespace } : {};
  }

  /** How this client gets its token. */
  get authKind(): VaultAuth['kind'] {
    return this.options.auth.kind;
  }

  /**
   * The token of an AppRole ends after a while, and Vault then answers 403 to everything.
   *
   * @returns whether a new login is worth a try: not if the last one is young, then it is the policy
   */
  private forgetOldLogin(): boolean {
    // 0: there was no login yet, and it is the login itself that was refused.
    if (this.loggedInAtMs === 0 || Date.now() - this.loggedInAtMs < LOGIN_AGAIN_AFTER_MS) return false;
    // Another request has found it out: the login that it began is for all.
    if (!this.isLoggedIn) return true;
    this.login = undefined;
    this.isLoggedIn = false;
    return true;
  }

  private async logIn(auth: Extract<VaultAuth, { kind: 'approle' }>): Promise<TokenGrant> {
    const path = `auth/${auth.path}/login`;
    const body = { role_id: auth.roleId, secret_id: auth.secretId };
    const login = (): Promise<unknown> => this.vault.write(path, body, this.placeOf(path));
    const given = await this.attempt(path, {}, login, (answer) => this.check(path, answer, AuthBody));
    this.vault.token = given.auth.client_token;
    this.loggedInAtMs = Date.now();
    this.isLoggedIn = true;
    return grantOf(given);
  }

  /**
   * The token of a login is of no more use, and would live on for hours. A token that is configured is never revoked.
   * What goes wrong here is not reported: the token ends by itself, and a batch token cannot be revoked.
   */
  private async revokeLogin(): Promise<void> {
    const path = 'auth/token/revoke-self';
    const signal = AbortSignal.timeout(REVOKE_TIMEOUT_MS);
    try {
      await this.vault.write(path, {}, { signal, ...this.placeOf(path) });
    } catch {
      return;
    } finally {
      this.isLoggedIn = false;
    }
  }

  private unexpected(path: string, error: unknown): VaultError {
    // Only the name: the message of a foreign error may hold the request.
    const name = error instanceof Error ? error.name : typeof error;
    return new VaultError('rejected', this.address, path, `unexpected ${name} while sending the request`);
  }
}

/** A gateway that refuses the verb LIST answers in its own form, or that a method is not allowed (405). */
function mayBeAboutVerb({ kind, status = 0 }: VaultError): boolean {
  return status === 405 || (kind === 'malformed' && (status >= 400 || status < 200));
}

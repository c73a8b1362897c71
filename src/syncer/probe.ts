import { Pool, buildConnector, type Dispatcher } from 'undici';
import { onAbort } from '../concurrency/abort';
import { describeNetworkError, isTlsCode } from '../network/explain';
import { readTls, type TlsOptions } from '../tls';
import type { SyncerConfig } from './config';
import type { Instance } from './instances/instance';
import { PROBE_BODY_BYTES, PROBE_HEADER_BYTES, PROBE_IDLE_MS } from './limits';
import { probeMode, type ProbeMode } from './probe-modes';
import type { AskInstance } from './round';
import { Slots } from './slots';

/*
 * One question to one instance: does it have this token? The answer is one of four, and never an error. Redirects are not
 * followed. Connections to an instance are kept and bounded; a question waits for a free one until its signal stops it.
 */

/** Why an instance did not answer; also a label of metrics. */
export type FailReason = 'timeout' | 'connect' | 'reset' | 'tls' | 'headers' | 'stopped' | 'other';

export type ProbeAnswer =
  | { readonly kind: 'present' }
  | { readonly kind: 'absent' }
  /** Neither yes nor no. The problem is set if a setting of Syncer or NGINX is wrong. */
  | { readonly kind: 'refused'; readonly status: number; readonly problem?: string }
  /** With the code of Node, undici or OpenSSL, for messages. */
  | { readonly kind: 'failed'; readonly reason: FailReason; readonly code?: string };

export type ProbeConfig = Pick<
  SyncerConfig,
  'host' | 'domain' | 'path' | 'port' | 'connectionTimeoutMs' | 'maxKeepalives' | 'hostKeepalives' | 'probe'
>;

/** A plain answer of an instance; the body only if it was asked for. */
export interface PlainAnswer {
  readonly status: number;
  readonly body: string;
}

/** What is asked of an instance. */
export interface PlainQuestion {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  /** Names and values in turn, as undici takes them. */
  readonly headers: string[];
  /** Whether the body of an answer with this status is needed. */
  readonly readsBody: (status: number) => boolean;
}

/** The connections to one address and port. */
interface Target {
  readonly pool: Pool;
  readonly slots: Slots;
}

export class Prober {
  private readonly targets = new Map<string, Target>();
  /** The same by instance, until the list changes: a key in words for each probe would cost too much. */
  private readonly targetOfInstance = new Map<Instance, Target>();
  /** No longer asked, and not closed yet, because questions wait there. */
  private readonly leaving = new Set<Target>();
  private readonly mode: ProbeMode;
  private connect: buildConnector.connector;
  private known = 1;
  private running = 0;

  /** @throws UserError if a file of `probe.tls` cannot be used */
  constructor(private readonly config: ProbeConfig) {
    this.mode = probeMode(config);
    this.connect = connectorOf(config, readTls(config.probe.tls, 'probe.tls'));
  }

  /** Uses this content of the files of `probe.tls` for new connections. */
  useTls(tls: TlsOptions): void {
    this.connect = connectorOf(this.config, tls);
  }

  /** Probes that were sent and have not ended. */
  get inFlight(): number {
    return this.running;
  }

  /** Connections to one instance: an equal share of all. */
  private share(): number {
    const { maxKeepalives, hostKeepalives } = this.config;
    return Math.max(1, Math.min(hostKeepalives, Math.floor(maxKeepalives / this.known)));
  }

  /** Asks one instance about a token. The signal ends it with the reason `stopped`. Never rejects. */
  ask(instance: Instance, token: string, signal: AbortSignal): Promise<ProbeAnswer> {
    return new Promise((resolve) => {
      this.about(token)(instance, signal, resolve);
    });
  }

  /**
   * Prepares the question about a token, for all instances. With a callback: several promises for each probe are a good
   * part of its cost.
   */
  about(token: string): AskInstance {
    const { question, answerOf } = this.mode.about(token);
    return (instance, signal, done) => {
      this.sendTo(
        () => this.targetOf(instance),
        { question, signal },
        (answer) => {
          done('kind' in answer ? answer : answerOf(answer));
        },
      );
    };
  }

  /** Sends one request. */
  send(instance: Instance, port: number, question: PlainQuestion, signal: AbortSignal): Promise<Sent> {
    return new Promise((resolve) => {
      this.sendTo(() => this.targetAt(instance.address, port), { question, signal }, resolve);
    });
  }

  /** @param target throws for an address that is none */
  private sendTo(
    target: () => Target,
    { question, signal }: Pick<Exchange, 'question' | 'signal'>,
    done: (answer: Sent) => void,
  ): void {
    const stopped = (): void => {
      done({ kind: 'failed', reason: 'stopped' });
    };
    if (signal.aborted) {
      stopped();
      return;
    }
    let found: Target;
    try {
      found = target();
    } catch (error) {
      done(failureOf(error));
      return;
    }
    const { pool, slots } = found;
    const { connectionTimeoutMs: timeoutMs } = this.config;
    const begin = (free: () => void): void => {
      this.running += 1;
      exchange({ pool, question, timeoutMs, signal, done }, () => {
        this.running -= 1;
        free();
      });
    };
    slots.enter({ signal, stopped, begin });
  }

  /**
   * Closes the connections to instances that are not in the list, and shares them among those that are. A pool of undici
   * cannot change its size: where the share has changed, new pools take the place of the old ones, which end their work.
   * A pool is closed only when no question waits for it any more: each would lose a try.
   */
  retain(instances: readonly Instance[]): void {
    const before = this.share();
    this.known = Math.max(1, instances.length);
    const isSameShare = this.share() === before;
    this.targetOfInstance.clear();
    const keys = new Set(instances.map((instance) => keyOf(instance.address, this.mode.portOf(instance))));
    for (const [key, target] of this.targets) {
      if (isSameShare && keys.has(key)) continue;
      this.targets.delete(key);
      this.leaving.add(target);
      target.slots.whenIdle(() => {
        // It may have been destroyed at a shutdown. Nobody waits for it.
        target.pool.close().catch(() => undefined);
        this.leaving.delete(target);
      });
    }
  }

  async close(): Promise<void> {
    const pools = [...this.targets.values(), ...this.leaving].map(({ pool }) => pool);
    this.targets.clear();
    this.targetOfInstance.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  private targetOf(instance: Instance): Target {
    const known = this.targetOfInstance.get(instance);
    if (known !== undefined) return known;
    const target = this.targetAt(instance.address, this.mode.portOf(instance));
    this.targetOfInstance.set(instance, target);
    return target;
  }

  private targetAt(address: string, port: number): Target {
    const key = keyOf(address, port);
    const known = this.targets.get(key);
    if (known !== undefined) return known;
    const share = this.share();
    const host = address.includes(':') ? `[${address}]` : address;
    const pool = new Pool(`${this.config.probe.scheme}://${host}:${port}`, {
      connections: share,
      maxHeaderSize: PROBE_HEADER_BYTES,
      // Each probe has a timer of its own: those of undici are late by up to a second.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: PROBE_IDLE_MS,
      connect: (options, callback) => {
        this.connect(options, callback);
      },
    });
    const target = { pool, slots: new Slots(share) };
    this.targets.set(key, target);
    return target;
  }
}

function keyOf(address: string, port: number): string {
  return `${address}|${port}`;
}

/**
 * undici takes the server name of TLS from the Host header, before the one in its options. So it is set here, at the last
 * step.
 */
function connectorOf(
  { probe: { tls }, connectionTimeoutMs }: ProbeConfig,
  { servername, ...files }: TlsOptions,
): buildConnector.connector {
  const connector = buildConnector({
    ...files,
    timeout: connectionTimeoutMs,
    rejectUnauthorized: tls.verify,
    allowH2: false,
  });
  if (servername === undefined) return connector;
  return (options, callback) => {
    connector({ ...options, servername }, callback);
  };
}

/** A plain answer, or why there is none. */
type Sent = PlainAnswer | Extract<ProbeAnswer, { kind: 'failed' }>;

interface Exchange {
  readonly pool: Pool;
  readonly question: PlainQuestion;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called once, as soon as the answer is known: with the headers, unless the body is needed. */
  readonly done: (answer: Sent) => void;
}

/**
 * Sends a request.
 *
 * @param ended called once, when undici is done with the request: only then is its connection free
 */
function exchange({ pool, question, timeoutMs, signal, done }: Exchange, ended: () => void): void {
  let running: Dispatcher.DispatchController | undefined;
  let cause: FailReason | undefined;
  let isAnswered = false;
  const answer = (sent: Sent): void => {
    if (isAnswered) return;
    isAnswered = true;
    done(sent);
  };
  const end = (reason: FailReason): void => {
    cause ??= reason;
    answer({ kind: 'failed', reason: cause });
    running?.abort(STOPPED);
  };
  const timer = setTimeout(end, timeoutMs, 'timeout');
  const forget = onAbort(signal, () => {
    // After the headers only the rest of a body is read, which keeps the connection for the next probe.
    if (!isAnswered) end('stopped');
  });
  const over = (): void => {
    clearTimeout(timer);
    forget();
    ended();
  };
  let status = 0;
  let body = '';
  let bytes = 0;
  let readsBody = false;
  const { method, path, headers } = question;
  pool.dispatch(
    // undici closes the connection after a HEAD unless it is asked not to.
    { path, method, headers, reset: false },
    {
      onRequestStart(controller) {
        running = controller;
        if (cause !== undefined) controller.abort(STOPPED);
      },
      onResponseStart(_controller, statusCode) {
        // An informational answer, such as early hints: the answer itself follows.
        if (statusCode < 200) return;
        status = statusCode;
        readsBody = question.readsBody(statusCode);
        if (!readsBody) answer({ status, body });
      },
      onResponseData(controller, chunk) {
        bytes += chunk.length;
        if (bytes > PROBE_BODY_BYTES) controller.abort(STOPPED);
        else if (readsBody) body += chunk.toString('latin1');
      },
      onResponseEnd() {
        over();
        answer({ status, body });
      },
      onResponseError(_controller, error) {
        over();
        answer(bytes > PROBE_BODY_BYTES ? { status, body: '' } : failureOf(error));
      },
    },
  );
}

/** undici hands it back. One object for all: an error with a stack for each probe costs more than the probe. */
const STOPPED = new Error('the probe was stopped');

const CONNECT_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
]);

const RESET_CODES: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

const HEADER_CODES: ReadonlySet<unknown> = new Set(['UND_ERR_HEADERS_OVERFLOW', 'HPE_HEADER_OVERFLOW']);

/** Keeps the code and drops the error, which holds the request. */
function failureOf(error: unknown): Extract<ProbeAnswer, { kind: 'failed' }> {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return { kind: 'failed', reason: 'other' };
  return { kind: 'failed', reason: reasonOf(code), code };
}

function reasonOf(code: string): FailReason {
  if (CONNECT_CODES.has(code)) return 'connect';
  if (RESET_CODES.has(code)) return 'reset';
  if (HEADER_CODES.has(code)) return 'headers';
  return isTlsCode(code) ? 'tls' : 'other';
}

/** An answer in words, for commands and logs. It names no token. */
export function describeAnswer(answer: ProbeAnswer, { probe, connectionTimeoutMs }: ProbeConfig): string {
  switch (answer.kind) {
    case 'present':
      return 'has the token';
    case 'absent':
      return 'does not have the token';
    case 'refused':
      return answer.problem ?? describeStatus(answer.status);
    case 'failed': {
      if (answer.reason === 'timeout')
        return `no answer within ${connectionTimeoutMs} ms (connection_timeout)`;
      const server = { what: 'NGINX instance', section: 'probe.tls', tls: probe.scheme === 'https' };
      return (
        describeNetworkError(answer.code, server) ??
        `no usable answer (${answer.code ?? answer.reason}): check its address and port`
      );
    }
  }
}

function describeStatus(status: number): string {
  const what = `answers ${status}, which is neither yes (200) nor no (401)`;
  if (status >= 300 && status < 400)
    return `${what}: it redirects, and redirects are not followed; set "path" to the protected location`;
  if (status === 403) return `${what}: its rules refuse Syncer; let it reach the protected location`;
  if (status === 404 || status === 421)
    return `${what}: check "host" and "path", which select the protected location`;
  if (status >= 500) return `${what}: check the log of that instance`;
  return `${what}; check "host" and "path"`;
}

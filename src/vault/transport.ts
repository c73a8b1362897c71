import { Pool, type Dispatcher } from 'undici';
import { onAbort } from '../concurrency/abort';
import { explainNoAnswer } from '../network/explain';
import { readTls, type TlsFiles } from '../tls';
import { cancelledRequest, VaultError } from './errors';
import { jsonText } from './json';
import { awaitTurn, isLimited } from './request-rate';
import { VAULT_CLOSE_MS, VAULT_CONNECT_TIMEOUT_MS, VAULT_INDEX_FOR_MS } from '../limits';

/** Agents and proxies with `require_request_header` answer 412 without it, against forged requests. Vault's clients send it. */
const REQUEST_HEADER = { 'X-Vault-Request': 'true' };

/** One request, as node-vault gives it to its transport. */
export interface TransportRequest {
  uri: string;
  method: string;
  headers?: Record<string, string>;
  /** Body, sent as JSON. */
  json?: unknown;
  signal?: AbortSignal;
  onSend?: () => void;
  /** Time for this request, where it differs from the others: a listing. */
  timeoutMs?: number;
  /** Where it differs from the client's; empty for none. */
  namespace?: string;
}

/** The answer that node-vault expects from its transport. */
export interface TransportResponse {
  statusCode: number;
  /** The parsed JSON body; a string if it is not JSON; undefined if it is empty. */
  body: unknown;
  request: { path: string };
  /** Of the Retry-After header. */
  retryAfterMs?: number | undefined;
  /** Of the X-Vault-Index header: the state of the server after this request. */
  index?: string | undefined;
}

export interface TransportOptions {
  /** Most sockets to this Vault. */
  connections: number;
  /** Time for one request, in milliseconds. */
  timeoutMs: number;
  tls?: TlsFiles;
}

/**
 * An undici pool in the shape that node-vault takes under its `request-promise` option, instead of its own axios, which
 * has no timeout and throws errors that hold the token and the secret. See docs/decisions/0002-node-vault-over-undici.md.
 */
export class UndiciTransport {
  private readonly pool: Pool;
  /** State of the server after the last write. */
  private written: { readonly index: string; readonly untilMs: number } | undefined;
  /** Length of scheme, host and port in the address. */
  private readonly hostLength: number;

  constructor(
    private readonly address: string,
    private readonly options: TransportOptions,
  ) {
    this.hostLength = (/^[^/]*\/\/[^/]*/.exec(address)?.[0] ?? '').length;
    const tls = readTls(options.tls ?? {}, `Vault ${address}: vault`);
    this.pool = new Pool(new URL(address).origin, {
      connections: options.connections,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      connect: { timeout: Math.min(options.timeoutMs, VAULT_CONNECT_TIMEOUT_MS), ...tls },
    });
  }

  get requestPromise(): { defaults: () => (request: TransportRequest) => Promise<TransportResponse> } {
    return { defaults: () => (request) => this.send(request) };
  }

  /**
   * GET without a token and without a namespace. The timeout begins when it may be sent.
   *
   * @throws VaultError `unavailable` without an answer, `cancelled` only by the signal
   */
  async ask(apiPath: string, timeoutMs: number, signal: AbortSignal): Promise<TransportResponse> {
    const [path = ''] = apiPath.split('?');
    await this.turn(path, signal);
    const tooLate = new AbortController();
    const timer = setTimeout(tooLate.abort.bind(tooLate), timeoutMs);
    const request = { uri: `${this.address}/v1/${apiPath}`, method: 'GET' };
    try {
      const either = AbortSignal.any([signal, tooLate.signal]);
      return await this.exchange({ ...request, signal: either });
    } catch (error) {
      if (signal.aborted || !tooLate.signal.aborted) throw error;
      throw new VaultError('unavailable', this.address, path, `no answer within ${timeoutMs / 1000} s`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends what is still in flight after {@link VAULT_CLOSE_MS}: a silent Vault would hold up the end of the process. */
  async close(): Promise<void> {
    const timer = setTimeout(() => void this.pool.destroy(), VAULT_CLOSE_MS);
    try {
      await this.pool.close();
    } finally {
      clearTimeout(timer);
    }
  }

  private send(request: TransportRequest): Promise<TransportResponse> {
    // Without a limit there is nothing to wait for, and a promise for each request would cost too much.
    if (!isLimited(this.address)) return this.exchange(request);
    const path = shownPath(this.pathOf(request.uri));
    return this.turn(path, request.signal).then(() => this.exchange(request));
  }

  /** Waits for the limit of requests per second. */
  private async turn(path: string, signal: AbortSignal | undefined): Promise<void> {
    await awaitTurn(this.address, signal).catch(() => {
      throw cancelledRequest(this.address, path);
    });
  }

  /** One promise for each request: a scan sends thousands a second. */
  private exchange(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      // After all queues, and again for each repetition: freshness is measured here.
      request.onSend?.();
      const path = this.pathOf(request.uri);
      const { method, json, signal, timeoutMs } = request;
      const isRead = method === 'GET' || method === 'LIST';
      const headers = { ...headersOf(request), ...REQUEST_HEADER, ...(isRead && this.afterWrite()) };
      const sent = {
        path,
        method,
        headers: json === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        body: json === undefined ? null : jsonText(json),
        ...(timeoutMs !== undefined && { headersTimeout: timeoutMs, bodyTimeout: timeoutMs }),
      };
      const answered = (answer: TransportResponse): void => {
        if (answer.index !== undefined) {
          const untilMs = performance.now() + VAULT_INDEX_FOR_MS;
          this.written = { index: answer.index, untilMs };
        }
        resolve(answer);
      };
      exchange(this.pool, sent, signal, isRead ? resolve : answered, (error) => {
        reject(this.failure(error, path, request));
      });
    });
  }

  /**
   * A standby that answers reads may lag behind. With this header it answers only what is not older than the last write
   * (OpenBao from 2.7, Vault Enterprise), else with 412. Not for long: a restored server would never reach that state.
   */
  private afterWrite(): Record<string, string> {
    const { written } = this;
    if (written === undefined || performance.now() > written.untilMs) return {};
    return { [INDEX_HEADER]: written.index };
  }

  private failure(error: unknown, path: string, { signal, timeoutMs }: TransportRequest): VaultError {
    const shown = shownPath(path);
    if (signal?.aborted === true) return cancelledRequest(this.address, shown);
    const code = codeOf(error);
    if (code === 'UND_ERR_INVALID_ARG') {
      const detail =
        'cannot be sent: the token or the namespace has a character that is not allowed in a header; remove it';
      return new VaultError('rejected', this.address, shown, detail);
    }
    const isLate = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
    const tls = this.address.startsWith('https:');
    // Undici's error is dropped: it may hold the request.
    const detail = isLate
      ? `no answer within ${(timeoutMs ?? this.options.timeoutMs) / 1000} s`
      : explainNoAnswer(code, { what: 'Vault', section: 'vault', tls });
    const needsLonger = isLate && timeoutMs !== undefined;
    const hint = needsLonger ? '; a folder with very many names needs a longer vault.requestTimeout' : '';
    const failure = new VaultError('unavailable', this.address, shown, detail + hint);
    failure.isTimeout = isLate;
    return failure;
  }

  /** Path and query of a URL of this Vault. */
  private pathOf(uri: string): string {
    const path = uri.slice(this.hostLength);
    if (PLAIN_PATH.test(path)) return path;
    const url = new URL(uri);
    return url.pathname + url.search;
  }
}

/** Paths that a URL parser does not change: parsing is a good part of the cost of a request. No segment begins with a dot. */
const PLAIN_PATH = /^(?:\/[\w%~!'()*-][\w.%~!'()*-]*)*(?:\?[\w=&]*)?$/;

const INDEX_HEADER = 'X-Vault-Index';
const NAMESPACE_HEADER = 'X-Vault-Namespace';

/** With the request's own namespace instead of the client's, which node-vault adds. */
function headersOf({ headers = {}, namespace }: TransportRequest): Record<string, string> {
  if (namespace === undefined) return headers;
  const { [NAMESPACE_HEADER]: _, ...others } = headers;
  return namespace === '' ? others : { ...others, [NAMESPACE_HEADER]: namespace };
}

/** The API path, for messages. */
function shownPath(path: string): string {
  return path.replace(/^\/v1\//, '').replace(/\?.*/, '');
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not quoted in any message: a proxy may have put anything into it.
    return text;
  }
}

function retryAfterMs(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function codeOf(error: unknown): unknown {
  const { code, name } = error as { code?: unknown; name?: unknown };
  // undici has no code for the newest reasons of llhttp.
  return code ?? (name === 'HTTPParserError' ? 'HPE_UNKNOWN' : undefined);
}

/**
 * Sends one request, and collects its answer. By undici's callbacks, because `pool.request` costs a good part of the CPU
 * time of a scan: docs/decisions/0007-cpu-and-memory-of-a-worker.md.
 *
 * @param failed gets undici's error, or at once the signal's reason. A second call must have no effect
 */
function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal | undefined,
  answered: (answer: TransportResponse) => void,
  failed: (error: unknown) => void,
): void {
  if (signal?.aborted === true) {
    failed(signal.reason);
    return;
  }
  let stop: ((reason: Error) => void) | undefined;
  const forget =
    signal &&
    onAbort(signal, (reason) => {
      stop?.(reason);
      failed(reason);
    });
  let statusCode = 0;
  let retryAfter: string | string[] | undefined;
  let index: string | string[] | undefined;
  let chunks: Buffer[] = [];
  dispatcher.dispatch(request, {
    onRequestStart(controller) {
      // Again, if undici found the connection closed before the first byte was sent.
      chunks = [];
      stop = controller.abort.bind(controller);
      if (signal?.aborted === true) stop(signal.reason as Error);
    },
    onResponseStart(_controller, status, headers) {
      statusCode = status;
      retryAfter = headers['retry-after'];
      index = headers['x-vault-index'];
    },
    onResponseData(_controller, chunk) {
      chunks.push(chunk);
    },
    onResponseEnd() {
      forget?.();
      const [first] = chunks;
      const bytes = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
      const body = parseJson(bytes.toString('utf8'));
      answered({
        statusCode,
        body,
        request: { path: request.path },
        retryAfterMs: retryAfterMs(retryAfter),
        index: typeof index === 'string' ? index : undefined,
      });
    },
    onResponseError(_controller, error) {
      forget?.();
      failed(error);
    },
  });
}

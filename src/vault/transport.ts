import { Pool } from 'undici';
import { describeNetworkError } from '../network/errors';
import { readTls, type TlsFiles } from '../tls';
import { cancelledRequest, VaultError } from './errors';
import { exchange } from './exchange';
import { jsonText } from './json';
import { awaitTurn, isLimited } from './request-rate';
import { VAULT_CONNECT_TIMEOUT_MS } from '../limits';

/**
 * Agents and proxies of Vault and OpenBao with `require_request_header` answer 412 to requests without it, as a guard
 * against forged ones. Vault's own clients send it with each request.
 */
const REQUEST_HEADER = { 'X-Vault-Request': 'true' };

/** What node-vault hands to its transport: one request. */
export interface TransportRequest {
  uri: string;
  method: string;
  headers?: Record<string, string>;
  /** Body, sent as JSON. */
  json?: unknown;
  signal?: AbortSignal;
  onSend?: () => void;
  /** Time for this request, in milliseconds, where it has another one than the others: a listing. */
  timeoutMs?: number;
  /** Namespace of this request, where it is another one than the client's; empty for none. */
  namespace?: string;
}

/** What node-vault expects back from its transport. */
export interface TransportResponse {
  statusCode: number;
  /** The parsed JSON body; a string if it is not JSON; undefined if there is none. */
  body: unknown;
  request: { path: string };
  /** Value of the Retry-After header in milliseconds, if the server sent one. */
  retryAfterMs?: number;
}

export interface TransportOptions {
  /** Sockets to this Vault at the most. */
  connections: number;
  /** Time for one request, in milliseconds. */
  timeoutMs: number;
  tls?: TlsFiles;
}

/**
 * An undici pool in the shape that node-vault takes under its `request-promise` option.
 *
 * node-vault's own axios transport has no timeout, ignores an AbortSignal, follows redirects with the token,
 * obeys HTTP_PROXY silently, and throws errors that hold the token and the secret; it also needs three to
 * four times the CPU. See docs/decisions/0002-node-vault-over-undici.md.
 */
export class UndiciTransport {
  private readonly pool: Pool;
  /** Of scheme, host and port in the address. */
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

  /** The `request-promise` look-alike for node-vault. */
  get requestPromise(): { defaults: () => (request: TransportRequest) => Promise<TransportResponse> } {
    return { defaults: () => (request) => this.send(request) };
  }

  /**
   * GET of an API path without a token and without a namespace.
   *
   * @param timeoutMs from when it may be sent
   * @throws VaultError `unavailable` if there is no answer, `cancelled` by the signal only
   */
  async ask(apiPath: string, timeoutMs: number, signal: AbortSignal): Promise<TransportResponse> {
    const [path = ''] = apiPath.split('?');
    await this.turn(path, signal);
    const tooLate = new AbortController();
    const timer = setTimeout(() => {
      tooLate.abort();
    }, timeoutMs);
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

  async close(): Promise<void> {
    await this.pool.close();
  }

  private send(request: TransportRequest): Promise<TransportResponse> {
    // Not a promise for what need not be waited for: it would be one more for each request.
    return isLimited(this.address) ? this.sendInTurn(request) : this.exchange(request);
  }

  private async sendInTurn(request: TransportRequest): Promise<TransportResponse> {
    await this.turn(shownPath(this.pathOf(request.uri)), request.signal);
    return this.exchange(request);
  }

  /** Waits for the limit of requests per second. */
  private async turn(path: string, signal: AbortSignal | undefined): Promise<void> {
    await awaitTurn(this.address, signal).catch(() => {
      throw cancelledRequest(this.address, path);
    });
  }

  /** One promise for each request, and no more: a scan has thousands in a second. */
  private exchange(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      // After all queues, also of each repetition.
      request.onSend?.();
      const path = this.pathOf(request.uri);
      const headers = { ...headersOf(request), ...REQUEST_HEADER };
      const sent = {
        path,
        method: request.method,
        headers: request.json === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        body: request.json === undefined ? null : jsonText(request.json),
        ...(request.timeoutMs !== undefined && {
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
        }),
      };
      exchange(this.pool, sent, request.signal, {
        answered: ({ statusCode, text, retryAfter }) => {
          resolve({
            statusCode,
            body: parseJson(text),
            request: { path },
            ...(retryAfter !== undefined && retryAfterMs(retryAfter)),
          });
        },
        failed: (error) => {
          reject(this.failure(error, path, request));
        },
      });
    });
  }

  private failure(error: unknown, path: string, { signal, timeoutMs }: TransportRequest): VaultError {
    const shown = shownPath(path);
    if (signal?.aborted === true) return cancelledRequest(this.address, shown);
    if (codeOf(error) === 'UND_ERR_INVALID_ARG') {
      const detail = 'cannot be sent: the token or the namespace holds a character that no header may hold';
      return new VaultError('rejected', this.address, shown, detail);
    }
    const detail = describeFailure(error, timeoutMs ?? this.options.timeoutMs, this.address);
    if (!isTimeout(error)) return new VaultError('unavailable', this.address, shown, detail);
    const hint =
      timeoutMs === undefined ? '' : '; a folder of very many names needs a longer vault.requestTimeout';
    const failure = new VaultError('unavailable', this.address, shown, detail + hint);
    failure.isTimeout = true;
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

/** What a URL parser leaves as it is: parsing is a good part of what a request costs. No segment begins with a dot. */
const PLAIN_PATH = /^(?:\/[\w%~!'()*-][\w.%~!'()*-]*)*(?:\?[\w=&]*)?$/;

const NAMESPACE_HEADER = 'X-Vault-Namespace';

/** node-vault puts the client's namespace into each request. */
function headersOf({ headers = {}, namespace }: TransportRequest): Record<string, string> {
  if (namespace === undefined) return headers;
  const { [NAMESPACE_HEADER]: _, ...others } = headers;
  return namespace === '' ? others : { ...others, [NAMESPACE_HEADER]: namespace };
}

/** API path as messages name it. */
function shownPath(path: string): string {
  return path.replace(/^\/v1\//, '').replace(/\?.*/, '');
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not quoted in any message: nobody knows what a proxy put into it.
    return text;
  }
}

function retryAfterMs(header: string | string[]): { retryAfterMs?: number } {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {};
}

function codeOf(error: unknown): unknown {
  const { code, name } = error as { code?: unknown; name?: unknown };
  // undici leaves the code out where llhttp has a newer reason than undici knows.
  return code ?? (name === 'HTTPParserError' ? 'HPE_UNKNOWN' : undefined);
}

function isTimeout(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
}

/** Our own words for undici's and Node's error codes; the error itself is left behind. */
function describeFailure(error: unknown, timeoutMs: number, address: string): string {
  const code = codeOf(error);
  if (isTimeout(error)) {
    return `no answer within ${timeoutMs / 1000} s`;
  }
  const reached = { what: 'Vault', section: 'vault', tls: address.startsWith('https:') };
  return (
    describeNetworkError(code, reached) ??
    `no usable answer (${typeof code === 'string' ? code : 'connection failed'}); is this the address of a Vault?`
  );
}

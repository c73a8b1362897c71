import { Pool } from 'undici';
import { describeTlsError, readTls, type TlsFiles } from '../tls';
import { VaultError } from './errors';
import { awaitTurn } from './request-rate';

/** What node-vault hands to its transport: one request. */
export interface TransportRequest {
  uri: string;
  method: string;
  headers?: Record<string, string>;
  /** Body, sent as JSON. */
  json?: unknown;
  signal?: AbortSignal;
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

  constructor(
    private readonly address: string,
    private readonly options: TransportOptions,
  ) {
    const tls = readTls(options.tls ?? {}, `Vault ${address}: vault`);
    this.pool = new Pool(new URL(address).origin, {
      connections: options.connections,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      connect: { timeout: Math.min(options.timeoutMs, 5_000), ...tls },
    });
  }

  /** The `request-promise` look-alike for node-vault. */
  get requestPromise(): { defaults: () => (request: TransportRequest) => Promise<TransportResponse> } {
    return { defaults: () => (request) => this.send(request) };
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  private async send(request: TransportRequest): Promise<TransportResponse> {
    const url = new URL(request.uri);
    const path = url.pathname + url.search;
    try {
      await awaitTurn(this.address, request.signal);
      const response = await this.pool.request({
        path,
        method: request.method,
        headers: {
          ...request.headers,
          ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: request.json === undefined ? null : JSON.stringify(request.json),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const text = await response.body.text();
      return {
        statusCode: response.statusCode,
        body: parseJson(text),
        request: { path: url.pathname },
        ...retryAfter(response.headers['retry-after']),
      };
    } catch (error) {
      const shownPath = url.pathname.replace(/^\/v1\//, '');
      if (request.signal?.aborted === true) {
        throw new VaultError('cancelled', this.address, shownPath, 'the request was cancelled');
      }
      if (codeOf(error) === 'UND_ERR_INVALID_ARG') {
        const detail = 'cannot be sent: the token or the namespace holds a character that no header may hold';
        throw new VaultError('rejected', this.address, shownPath, detail);
      }
      throw new VaultError(
        'unavailable',
        this.address,
        shownPath,
        describeNetworkError(error, this.options.timeoutMs),
      );
    }
  }
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

function retryAfter(header: string | string[] | undefined): { retryAfterMs?: number } {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {};
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/** Our own words for undici's and Node's error codes; the error itself is left behind. */
function describeNetworkError(error: unknown, timeoutMs: number): string {
  const code = codeOf(error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return `no answer within ${timeoutMs / 1000} s`;
  }
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused: is it running, and is the address right?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved: check the address';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'no connection: check the address and the firewall';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'the connection was closed in the middle of the answer';
    default:
      return (
        describeTlsError(code, 'vault') ??
        `no usable answer (${typeof code === 'string' ? code : 'connection failed'}); is this the address of a Vault?`
      );
  }
}

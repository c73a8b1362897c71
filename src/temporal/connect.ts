import {
  Client,
  Connection,
  isGrpcServiceError,
  ServiceError,
  type ConnectionOptions,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { UserError } from '../errors';
import { TEMPORAL_DIAGNOSIS_STEP_MS } from '../limits';
import { describeNetworkError } from '../network/explain';
import type { TemporalTarget } from './target';

/** Connects as a client. @throws UserError that names the address */
export async function connectClient(target: TemporalTarget): Promise<Client> {
  try {
    const connection = await Connection.connect(target.connection);
    return new Client({ connection, namespace: target.namespace });
  } catch (error) {
    throw await unreachable(target, error);
  }
}

const NO_NAMESPACE = /^Namespace .* is not found/;

/** Explains a refusal by Temporal. @returns a UserError, or the same error if it is about something else */
export function explainTemporal({ address, namespace }: TemporalTarget, error: unknown): unknown {
  const refusal = error instanceof ServiceError ? error.cause : error;
  const isGrpc = isGrpcServiceError(refusal);
  // The three clients of the SDK have three errors for it; the server's text is the same.
  const text = isGrpc ? refusal.details : error instanceof Error ? error.message : '';
  if (error instanceof NamespaceNotFoundError || NO_NAMESPACE.test(text)) {
    return new UserError(
      `Temporal ${address}: there is no namespace ${namespace}: correct temporal.namespace, or create it with ` +
        `"temporal operator namespace create ${namespace}"`,
      { cause: error },
    );
  }
  if (!isGrpc) return error;
  return new UserError(`Temporal ${address}: ${explainRefusal(refusal.code, refusal.details)}`, {
    cause: error,
  });
}

/** @throws what {@link explainTemporal} makes of an error */
export async function explained<T>(target: TemporalTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainTemporal(target, error);
  }
}

const status = {
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** @param details the server's own text */
function explainRefusal(code: number, details: string): string {
  const quoted = details === '' ? '' : `: ${details}`;
  switch (code) {
    case status.UNAUTHENTICATED:
      return `it did not accept the identity of vsync (unauthenticated${quoted}); give a valid API key (temporal.apiKeyFile) or client certificate (temporal.tls)`;
    case status.PERMISSION_DENIED:
      return `permission denied${quoted}; check what the API key or the certificate may do in the namespace (temporal.apiKeyFile, temporal.tls, temporal.namespace)`;
    case status.UNIMPLEMENTED:
      return `it does not support the request${quoted}; is this the address of Temporal's frontend, or of a proxy, another server, or an old Temporal?`;
    case status.RESOURCE_EXHAUSTED:
      return `it accepts no more requests now${quoted}; try again, or raise its limits for the namespace`;
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return `it cannot answer now${quoted}; check the server, and any proxy in between`;
    default:
      return `the request failed${quoted === '' ? ` (${code})` : ` (${details})`}; check that it is running, and what temporal.apiKeyFile or temporal.tls may do there`;
  }
}

/** The native client has one error for every failure of the first request: only tonic's text shows the cause. */
const NATIVE_REFUSALS: readonly [words: string, code: number][] = [
  ['does not have valid authentication credentials', status.UNAUTHENTICATED],
  ['does not have permission', status.PERMISSION_DENIED],
  ['Operation is not implemented', status.UNIMPLEMENTED],
];

/** Explains why a connection failed. The text of the clients is left out: it may quote an API key. */
export async function unreachable(target: TemporalTarget, error: unknown): Promise<UserError> {
  const explained = explainTemporal(target, error);
  if (explained instanceof UserError) return explained;
  const { address } = target;
  const text = error instanceof Error ? error.message : '';
  const [, code] = NATIVE_REFUSALS.find(([words]) => text.includes(words)) ?? [];
  if (code !== undefined) {
    return new UserError(`Temporal ${address}: ${explainRefusal(code, '')}`, { cause: error });
  }
  const detail = (await diagnose(target)) ?? 'no answer to a first request';
  return new UserError(
    `Temporal ${address}: cannot connect (${detail}). Is it running, and is the address right? It ` +
      'comes from --temporal.address, VSYNC_TEMPORAL_ADDRESS, temporal.address in the file, or TEMPORAL_ADDRESS. ' +
      'To try vsync, start one with: vsync dev-server',
    { cause: error },
  );
}

/**
 * Finds out why a connection fails, because Temporal's clients report little more than the failure. Connects again, step
 * by step: DNS and TCP, then TLS, then HTTP/2, which gRPC uses. Returns undefined if every step succeeds.
 */
async function diagnose({ address, connection, tlsByApiKey }: TemporalTarget): Promise<string | undefined> {
  const options = tlsOptionsOf(connection);
  const reached = { what: 'Temporal', section: 'temporal.tls', tls: options !== undefined };
  const socket = await open(address, options);
  if (typeof socket === 'string') {
    if (socket === 'ECONNREFUSED') return 'connection refused';
    if (!reached.tls || !NO_TLS.has(socket))
      return describeNetworkError(socket, reached) ?? `no usable answer (${socket})`;
    const why = tlsByApiKey
      ? 'an API key (temporal.apiKeyFile, TEMPORAL_API_KEY) switches TLS on, unless temporal.tls is false'
      : 'if that is intended, set temporal.tls: false';
    return `the server does not use TLS (${socket}): ${why}`;
  }
  const failure = await greet(socket);
  socket.destroy();
  if (failure === undefined) return undefined;
  const refused = failure.startsWith('ERR_SSL_') ? describeNetworkError(failure, reached) : undefined;
  if (reached.tls && refused !== undefined) return refused;
  if (!reached.tls && (await speaksTls(address)))
    return 'the server uses TLS: set temporal.tls: true, or give the authority that signed its certificate as temporal.tls.caFile';
  return "the server does not use gRPC: is this the address of Temporal's frontend (port 7233 by default), and not of its web UI, a proxy or another server?";
}

/** Errors of TLS with a server that does not use it. It may also close the connection in the middle of the handshake. */
const NO_TLS: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'EPROTO',
  'ECONNRESET',
]);

function tlsOptionsOf({ tls: given, apiKey }: ConnectionOptions): tls.ConnectionOptions | undefined {
  const wanted = given ?? apiKey !== undefined;
  if (typeof wanted === 'boolean') return wanted ? {} : undefined;
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = wanted;
  return {
    ...(serverNameOverride && { servername: serverNameOverride }),
    ...(serverRootCACertificate && { ca: Buffer.from(serverRootCACertificate) }),
    ...(clientCertPair && { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }),
  };
}

/** Connects, with TLS if there are options for it. @returns a socket, or a code of Node or OpenSSL */
async function open(
  address: string,
  options: tls.ConnectionOptions | undefined,
): Promise<net.Socket | string> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(at + 1));
  const name = net.isIP(host) === 0 ? { servername: host } : {};
  const socket =
    options === undefined
      ? net.connect({ host, port })
      : tls.connect({ host, port, ALPNProtocols: ['h2'], ...name, ...options });
  // Without a listener, a later error would end the process.
  socket.on('error', () => undefined);
  const signal = AbortSignal.timeout(TEMPORAL_DIAGNOSIS_STEP_MS);
  try {
    await once(socket, options === undefined ? 'connect' : 'secureConnect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    return codeOf(error);
  }
}

/** HTTP/2 begins with settings from both sides. @returns undefined if they came */
async function greet(socket: net.Socket): Promise<string | undefined> {
  const session = http2.connect('http://temporal', { createConnection: () => socket });
  session.on('error', () => undefined);
  const signal = AbortSignal.timeout(TEMPORAL_DIAGNOSIS_STEP_MS);
  try {
    // The session does not report errors of its socket: with TLS 1.3 a refused certificate comes only now.
    const closed = once(socket, 'close', { signal }).then(() => 'ECONNRESET');
    return await Promise.race([once(session, 'remoteSettings', { signal }).then(() => undefined), closed]);
  } catch (error) {
    return codeOf(error);
  } finally {
    session.destroy();
  }
}

async function speaksTls(address: string): Promise<boolean> {
  const socket = await open(address, { rejectUnauthorized: false });
  if (typeof socket === 'string') return false;
  socket.destroy();
  return true;
}

function codeOf(error: unknown): string {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (name === 'AbortError') return 'ETIMEDOUT';
  return typeof code === 'string' ? code : 'connection failed';
}

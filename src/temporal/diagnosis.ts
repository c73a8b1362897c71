import type { ConnectionOptions } from '@temporalio/client';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { describeNetworkError } from '../network/explain';
import { TEMPORAL_DIAGNOSIS_STEP_MS } from '../limits';

/** Parameters of a connection to Temporal. */
export interface ConnectionTarget {
  /** host:port */
  address: string;
  connection: Pick<ConnectionOptions, 'tls' | 'apiKey'>;
  /** TLS is on only because there is an API key. */
  tlsByApiKey: boolean;
}

/**
 * Finds out why a connection to Temporal fails, because its clients report little more than the failure. Connects again,
 * step by step: DNS and TCP, then TLS, then HTTP/2, which gRPC uses.
 *
 * @returns undefined if every step succeeded
 */
export async function diagnose(target: ConnectionTarget): Promise<string | undefined> {
  const options = tlsOptionsOf(target.connection);
  const opened = await open(target.address, options);
  if ('failure' in opened) return describeFailure(target, opened.failure, options !== undefined);
  const { socket } = opened;
  try {
    const failure = await greet(socket);
    if (failure === undefined) return undefined;
    const words = describeNetworkError(failure, { ...TEMPORAL, tls: true });
    if (options !== undefined && isTls(failure) && words !== undefined) return words;
    if (options === undefined && (await speaksTls(target.address))) {
      return 'the server uses TLS: set temporal.tls: true, or give the authority that signed its certificate as temporal.tls.caFile';
    }
    return "the server does not use gRPC: is this the address of Temporal's frontend (port 7233 by default), and not of its web UI, a proxy or another server?";
  } finally {
    socket.destroy();
  }
}

const TEMPORAL = { what: 'Temporal', section: 'temporal.tls' };

/** A socket, or a code of Node or OpenSSL. */
type Opened = { socket: net.Socket } | { failure: string };

function describeFailure({ tlsByApiKey }: ConnectionTarget, code: string, withTls: boolean): string {
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (withTls && (NO_TLS.has(code) || code === 'ECONNRESET')) {
    const why = tlsByApiKey
      ? 'an API key (temporal.apiKeyFile, TEMPORAL_API_KEY) switches TLS on, unless temporal.tls is false'
      : 'if that is intended, set temporal.tls: false';
    return `the server does not use TLS (${code}): ${why}`;
  }
  return describeNetworkError(code, { ...TEMPORAL, tls: withTls }) ?? `no usable answer (${code})`;
}

/** Errors of TLS with a server that does not use it. */
const NO_TLS: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'EPROTO',
]);

function isTls(code: string): boolean {
  return code.startsWith('ERR_SSL_');
}

function tlsOptionsOf({
  tls: given,
  apiKey,
}: ConnectionTarget['connection']): tls.ConnectionOptions | undefined {
  const wanted = given ?? (apiKey !== undefined ? true : undefined);
  if (wanted === undefined || wanted === false) return undefined;
  if (wanted === true) return {};
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = wanted;
  return {
    ...(serverNameOverride && { servername: serverNameOverride }),
    ...(serverRootCACertificate && { ca: Buffer.from(serverRootCACertificate) }),
    ...(clientCertPair
      ? { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }
      : {}),
  };
}

/** Connects, with TLS if there are options for it. */
function open(address: string, options: tls.ConnectionOptions | undefined): Promise<Opened> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(at + 1));
  return new Promise((resolve) => {
    const name = net.isIP(host) === 0 ? { servername: host } : {};
    const socket =
      options === undefined
        ? net.connect({ host, port })
        : tls.connect({ host, port, ALPNProtocols: ['h2'], ...name, ...options });
    const end = (failure: string): void => {
      socket.destroy();
      resolve({ failure });
    };
    socket.setTimeout(TEMPORAL_DIAGNOSIS_STEP_MS, () => {
      end('ETIMEDOUT');
    });
    socket.once('error', (error) => {
      end(codeOf(error));
    });
    // A server without TLS may close the connection in the middle of the handshake.
    socket.once('end', () => {
      end('ECONNRESET');
    });
    socket.once(options === undefined ? 'connect' : 'secureConnect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('end');
      resolve({ socket });
    });
  });
}

/** HTTP/2 begins with settings from both sides. @returns undefined if they came */
function greet(socket: net.Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = http2.connect('http://temporal', { createConnection: () => socket });
    const timer = setTimeout(() => {
      end('ETIMEDOUT');
    }, TEMPORAL_DIAGNOSIS_STEP_MS);
    const end = (failure: string | undefined): void => {
      clearTimeout(timer);
      resolve(failure);
      session.destroy();
    };
    session.once('remoteSettings', () => {
      end(undefined);
    });
    session.on('error', (error) => {
      end(codeOf(error));
    });
    session.once('close', () => {
      end('ECONNRESET');
    });
  });
}

async function speaksTls(address: string): Promise<boolean> {
  const opened = await open(address, { rejectUnauthorized: false });
  if ('failure' in opened) return false;
  opened.socket.destroy();
  return true;
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'connection failed';
}

import type { ConnectionOptions } from '@temporalio/client';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { describeNetworkError } from '../network/errors';
import { TEMPORAL_DIAGNOSIS_STEP_MS } from '../limits';

/** What a connection to Temporal is made of. */
export interface Way {
  /** host:port */
  address: string;
  connection: Pick<ConnectionOptions, 'tls' | 'apiKey'>;
  /** TLS is on only because there is an API key. */
  tlsByApiKey: boolean;
}

/**
 * Finds out why a connection to Temporal fails: its clients say little more than that it did. Takes the way again, step
 * by step: DNS and TCP, then TLS, then HTTP/2, which gRPC speaks.
 *
 * @returns undefined if every step went well
 */
export async function describeWay(way: Way): Promise<string | undefined> {
  const options = tlsOptionsOf(way.connection);
  const opened = await open(way.address, options);
  if ('failure' in opened) return describeFailure(way, opened.failure, options !== undefined);
  const { socket } = opened;
  try {
    const failure = await greet(socket);
    if (failure === undefined) return undefined;
    const words = describeNetworkError(failure, { ...TEMPORAL, tls: true });
    if (options !== undefined && isTls(failure) && words !== undefined) return words;
    if (options === undefined && (await speaksTls(way.address))) {
      return 'it speaks TLS there: set temporal.tls: true, or give the authority that signed its certificate as temporal.tls.caFile';
    }
    return "it does not speak gRPC there: is this the address of Temporal's frontend (port 7233 unless configured), and not of its web UI, of a proxy, or of another server?";
  } finally {
    socket.destroy();
  }
}

const TEMPORAL = { what: 'Temporal', section: 'temporal.tls' };

/** What a step ended with: a code of Node or OpenSSL. */
type Opened = { socket: net.Socket } | { failure: string };

function describeFailure({ tlsByApiKey }: Way, code: string, withTls: boolean): string {
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (withTls && (NO_TLS.has(code) || code === 'ECONNRESET')) {
    const why = tlsByApiKey
      ? 'an API key (temporal.apiKeyFile, TEMPORAL_API_KEY) switches TLS on, unless temporal.tls is false'
      : 'if it is right that there is none, set temporal.tls: false';
    return `it does not speak TLS there (${code}): ${why}`;
  }
  return describeNetworkError(code, { ...TEMPORAL, tls: withTls }) ?? `no usable answer (${code})`;
}

/** What comes of TLS with a server that has none. */
const NO_TLS: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'EPROTO',
]);

function isTls(code: string): boolean {
  return code.startsWith('ERR_SSL_');
}

function tlsOptionsOf({ tls: given, apiKey }: Way['connection']): tls.ConnectionOptions | undefined {
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

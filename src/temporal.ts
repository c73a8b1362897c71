import {
  Client,
  Connection,
  isGrpcServiceError,
  ServiceError,
  type ConnectionOptions,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { readFileSync } from 'node:fs';
import { ConfigError } from './config/errors';
import type { Config } from './config/schema';
import { UserError } from './user-error';

export const DEFAULT_ADDRESS = 'localhost:7233';
export const DEFAULT_NAMESPACE = 'default';

/** Where Temporal is, and how to get in. */
export interface TemporalTarget {
  address: string;
  namespace: string;
  connection: ConnectionOptions;
}

/**
 * Finds Temporal: the configuration (file, `VSYNC_TEMPORAL_ADDRESS`, `--temporal.address`), else Temporal's own
 * standard (`TEMPORAL_ADDRESS` and the other variables, or the profile of its TOML file), else localhost:7233.
 */
export function temporalTarget(temporal: Config['temporal']): TemporalTarget {
  const standard = standardTarget();
  const tls = temporal.tls === undefined ? {} : { tls: readTls(temporal.tls) };
  const apiKey =
    temporal.apiKeyFile === undefined
      ? {}
      : { apiKey: readFile(temporal.apiKeyFile, 'temporal.apiKeyFile').trim() };
  const address = temporal.address ?? standard.connectionOptions.address ?? DEFAULT_ADDRESS;
  return {
    address,
    namespace: temporal.namespace ?? standard.namespace ?? DEFAULT_NAMESPACE,
    connection: { ...(standard.connectionOptions as ConnectionOptions), ...tls, ...apiKey, address },
  };
}

/** What Temporal's own standard says, without any secret. @throws ConfigError if it cannot be read */
export function temporalStandard(): { address?: string; namespace?: string; apiKey: boolean; tls: boolean } {
  const { connectionOptions, namespace } = standardTarget();
  const { address, apiKey, tls } = connectionOptions;
  return {
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    apiKey: apiKey !== undefined,
    tls: tls !== undefined && tls !== false,
  };
}

/** Temporal's own standard configuration. Its parser's words are left out: they quote the file, which may hold a key. */
function standardTarget(): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig();
  } catch {
    const set = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
    throw new ConfigError([
      {
        message:
          "Temporal's standard configuration cannot be read: check the variables " +
          `${set.length === 0 ? 'TEMPORAL_*' : set.sort().join(', ')}, and the TOML file and profile that they name`,
      },
    ]);
  }
}

/** Connects as a client. @throws UserError that names the address */
export async function connectClient(target: TemporalTarget): Promise<Client> {
  try {
    const connection = await Connection.connect(target.connection);
    return new Client({ connection, namespace: target.namespace });
  } catch (error) {
    throw unreachable(target, error);
  }
}

const NO_NAMESPACE = /^Namespace .* is not found/;

/**
 * Puts Temporal's own refusals into words that name the address.
 *
 * @returns the error to throw: a UserError, or the same error if it is about something else
 */
export function explainTemporal({ address, namespace }: TemporalTarget, error: unknown): unknown {
  const refusal = error instanceof ServiceError ? error.cause : error;
  const isGrpc = isGrpcServiceError(refusal);
  // The three clients of the SDK have three errors for it; the text is the server's own.
  const text = isGrpc ? refusal.details : error instanceof Error ? error.message : '';
  if (error instanceof NamespaceNotFoundError || NO_NAMESPACE.test(text)) {
    return new UserError(
      `Temporal ${address}: there is no namespace ${namespace}: correct temporal.namespace, or create it with ` +
        `"temporal operator namespace create ${namespace}"`,
      { cause: error },
    );
  }
  if (!isGrpc) return error;
  return new UserError(
    `Temporal ${address}: the request failed (${refusal.details || refusal.message}); check that it is running, and ` +
      'what temporal.apiKeyFile or temporal.tls may do there',
    { cause: error },
  );
}

export function unreachable({ address }: TemporalTarget, error: unknown): UserError {
  const text = error instanceof Error ? error.message : '';
  // The native client's message is a structure of Rust, in which somewhere stands the operating system's message.
  const detail = /message: "([^"]*)"/.exec(text)?.[1] ?? text.split('\n')[0] ?? '';
  return new UserError(
    `Temporal ${address}: cannot connect (${detail === '' ? 'no answer' : detail}). Is it running, and is the address right? It ` +
      'comes from --temporal.address, VSYNC_TEMPORAL_ADDRESS, temporal.address in the file, or TEMPORAL_ADDRESS. ' +
      'For a try: temporal server start-dev',
    { cause: error },
  );
}

function readTls(tls: NonNullable<Config['temporal']['tls']>): NonNullable<ConnectionOptions['tls']> {
  if (tls === true) return true;
  if (tls === false) return false;
  const pem = (file: string, key: string): Buffer => Buffer.from(readFile(file, key));
  const pair =
    tls.certFile === undefined || tls.keyFile === undefined
      ? {}
      : {
          clientCertPair: {
            crt: pem(tls.certFile, 'temporal.tls.certFile'),
            key: pem(tls.keyFile, 'temporal.tls.keyFile'),
          },
        };
  return {
    ...(tls.serverName === undefined ? {} : { serverNameOverride: tls.serverName }),
    ...(tls.caFile === undefined ? {} : { serverRootCACertificate: pem(tls.caFile, 'temporal.tls.caFile') }),
    ...pair,
  };
}

function readFile(file: string, key: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new ConfigError([
      { key, message: `cannot read ${file} (${code}); check the path and its permissions` },
    ]);
  }
}

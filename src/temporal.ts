import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { readFileSync } from 'node:fs';
import type { Config } from './config/schema';
import { UserError } from './user-error';

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

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
  const standard = loadClientConnectConfig();
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

/** Connects as a client. @throws UserError that names the address */
export async function connectClient(target: TemporalTarget): Promise<Client> {
  try {
    const connection = await Connection.connect(target.connection);
    return new Client({ connection, namespace: target.namespace });
  } catch (error) {
    throw unreachable(target, error);
  }
}

/** Connects as a worker. @throws UserError that names the address */
export async function connectWorker(target: TemporalTarget): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(
      target.connection as Parameters<typeof NativeConnection.connect>[0],
    );
  } catch (error) {
    throw unreachable(target, error);
  }
}

function unreachable({ address }: TemporalTarget, error: unknown): UserError {
  const detail = error instanceof Error ? error.message.split('\n')[0] : 'no answer';
  return new UserError(
    `Temporal ${address}: cannot connect (${detail ?? 'no answer'}). Is it running, and is the address right? It ` +
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
    throw new UserError(`${key}: cannot read ${file} (${code}); check the path and its permissions`);
  }
}

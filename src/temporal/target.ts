import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/errors';
import type { Config } from '../config/schema';

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

/** One namespace of one Temporal, as a configuration names it. */
export interface TemporalPlace {
  /** host:port */
  address: string;
  namespace: string;
}

/** Where Temporal is, and how to connect. */
export interface TemporalTarget extends TemporalPlace {
  connection: ConnectionOptions;
  /** TLS is on only because there is an API key. */
  tlsByApiKey: boolean;
}

/**
 * Finds Temporal: the configuration (file, `VSYNC_TEMPORAL_ADDRESS`, `--temporal.address`), else Temporal's own
 * standard (`TEMPORAL_ADDRESS` and the other variables, or the profile of its TOML file), else localhost:7233.
 */
export function temporalTarget(temporal: Config['temporal']): TemporalTarget {
  const standard = standardTarget();
  const { tls, apiKeyFile } = temporal;
  const connection: ConnectionOptions = {
    ...(standard.connectionOptions as ConnectionOptions),
    ...(tls !== undefined && { tls: readTls(tls) }),
    ...(apiKeyFile !== undefined && { apiKey: readFile(apiKeyFile, 'temporal.apiKeyFile').trim() }),
  };
  if (typeof connection.apiKey === 'string') assertApiKey(connection.apiKey, apiKeyFile);
  const { address, namespace } = placeOf(temporal, standard);
  return {
    address,
    namespace,
    connection: { ...connection, address },
    tlsByApiKey: connection.apiKey !== undefined && temporal.tls === undefined,
  };
}

/** As {@link temporalTarget}, without the connection. */
export function temporalPlace(temporal: Config['temporal']): TemporalPlace {
  return placeOf(temporal, standardTarget());
}

function placeOf(temporal: Config['temporal'], standard: ReturnType<typeof standardTarget>): TemporalPlace {
  return {
    address: temporal.address ?? standard.connectionOptions.address ?? DEFAULT_ADDRESS,
    namespace: temporal.namespace ?? standard.namespace ?? DEFAULT_NAMESPACE,
  };
}

/** Temporal's client would quote a key that no header may contain. */
function assertApiKey(apiKey: string, file: string | undefined): void {
  if (/^[\x21-\x7e]+$/.test(apiKey)) return;
  const place = file === undefined ? {} : { key: 'temporal.apiKeyFile' };
  const what = file === undefined ? "the API key of Temporal's own configuration (TEMPORAL_API_KEY)" : file;
  const message = `${what} contains a space, a line end or another character that cannot be part of an API key; copy it again`;
  throw new ConfigError([{ ...place, message }]);
}

/**
 * What Temporal's own standard gives for keys that are not configured, by path: the variable, the value and its default.
 * Without any secret: the value of an API key is whether there is one. @throws ConfigError if it cannot be read
 */
export function temporalStandard() {
  const { connectionOptions, namespace = DEFAULT_NAMESPACE } = standardTarget();
  const { address = DEFAULT_ADDRESS, apiKey, tls = false } = connectionOptions;
  return new Map([
    ['temporal.address', { variable: 'TEMPORAL_ADDRESS', value: address, normal: DEFAULT_ADDRESS }],
    ['temporal.namespace', { variable: 'TEMPORAL_NAMESPACE', value: namespace, normal: DEFAULT_NAMESPACE }],
    ['temporal.apiKeyFile', { variable: 'TEMPORAL_API_KEY', value: apiKey !== undefined, normal: false }],
    ['temporal.tls', { variable: 'TEMPORAL_TLS', value: tls !== false, normal: false }],
  ]);
}

/** Temporal's own standard configuration. Its parser's message is left out: it quotes the file, which may hold a key. */
function standardTarget(): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig();
  } catch {
    const set = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
    const message =
      "Temporal's standard configuration cannot be read: check the variables " +
      `${set.length === 0 ? 'TEMPORAL_*' : set.sort().join(', ')}, and the TOML file and profile that they name`;
    throw new ConfigError([{ message }]);
  }
}

function readTls(tls: NonNullable<Config['temporal']['tls']>): NonNullable<ConnectionOptions['tls']> {
  if (typeof tls === 'boolean') return tls;
  const { serverName, caFile, certFile, keyFile } = tls;
  const pem = (file: string, key: string): Buffer => Buffer.from(readFile(file, `temporal.tls.${key}`));
  return {
    ...(serverName !== undefined && { serverNameOverride: serverName }),
    ...(caFile !== undefined && { serverRootCACertificate: pem(caFile, 'caFile') }),
    ...(certFile !== undefined &&
      keyFile !== undefined && {
        clientCertPair: { crt: pem(certFile, 'certFile'), key: pem(keyFile, 'keyFile') },
      }),
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

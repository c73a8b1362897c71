import type { ProbeConfig } from '../../src/syncer/probe';

/** Settings of probes of a server on loopback without TLS. */
export function probeConfig(
  { port, ...config }: Partial<Omit<ProbeConfig, 'probe'>>,
  probe: Partial<ProbeConfig['probe']> = {},
): ProbeConfig {
  return {
    host: 'api.example.com',
    domain: 'example.com',
    path: '/check',
    port: port ?? 1,
    connectionTimeoutMs: 5_000,
    maxKeepalives: 512,
    hostKeepalives: 64,
    ...config,
    probe: {
      mode: 'cookie',
      scheme: 'http',
      method: 'GET',
      cookie: 'auth_token',
      headers: {},
      zone: undefined,
      apiPath: '/api',
      apiPort: undefined,
      apiVersion: 9,
      zoneSyncEveryMs: 10_000,
      tls: { verify: false },
      ...probe,
    },
  };
}

/** The port of an address such as http://127.0.0.1:1234. */
export function portOf(address: string): number {
  return Number(new URL(address).port);
}

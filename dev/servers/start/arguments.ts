/**
 * The arguments with which each server is started. In one place, so that a test can check that
 * docker-compose.yml starts the same servers in the same way.
 */

export interface TemporalArguments {
  ip: string;
  port: number;
  /** Without it there is no web UI. */
  uiPort?: number;
  /** Without it everything is kept in memory. */
  dbFilename?: string;
  /** Registered at start, like `{ VsyncName: 'Keyword' }`. */
  searchAttributes?: Readonly<Record<string, string>>;
}

export function temporalArguments(options: TemporalArguments): string[] {
  const { ip, port, uiPort, dbFilename, searchAttributes = {} } = options;
  return [
    'server',
    'start-dev',
    ...['--ip', ip],
    ...['--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(dbFilename === undefined ? [] : ['--db-filename', dbFilename]),
    ...Object.entries(searchAttributes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ...['--log-level', 'warn'],
  ];
}

export interface ConsulArguments {
  /** Where its HTTP API listens. */
  clientIp: string;
  nodeName: string;
  httpPort: number;
  serfPort: number;
  serverPort: number;
  datacenter?: string;
  /** Without it the datacenter is the only one. */
  wan?: { serfPort: number; join: readonly string[] };
  /** With it, ACLs are enabled and refuse by default; this token may do everything. */
  managementToken?: string;
  /** Other limits than Consul's own: `http_max_conns_per_client`, `kv_max_value_size`, … */
  limits?: Readonly<Record<string, number>>;
  /** Where it keeps its data; without it a dev agent keeps them in memory. */
  dataDir?: string;
}

export function consulArguments(options: ConsulArguments): string[] {
  const { clientIp, nodeName, httpPort, serfPort, serverPort, datacenter, wan } = options;
  const { managementToken, limits, dataDir } = options;
  const acl = { enabled: true, default_policy: 'deny', tokens: { initial_management: managementToken } };
  return [
    'agent',
    // The multiplier makes its election take one second instead of five.
    ...(dataDir === undefined
      ? ['-dev']
      : ['-server', '-bootstrap', `-data-dir=${dataDir}`, '-hcl', 'performance { raft_multiplier = 1 }']),
    `-node=${nodeName}`,
    ...(datacenter === undefined ? [] : [`-datacenter=${datacenter}`]),
    // A single server: no other one needs its cluster ports.
    '-bind=127.0.0.1',
    `-client=${clientIp}`,
    `-http-port=${httpPort}`,
    `-serf-lan-port=${serfPort}`,
    `-server-port=${serverPort}`,
    // Off: what vsync does not use.
    `-serf-wan-port=${wan?.serfPort ?? -1}`,
    '-dns-port=-1',
    '-grpc-port=-1',
    '-grpc-tls-port=-1',
    ...(wan?.join ?? []).map((address) => `-retry-join-wan=${address}`),
    ...(managementToken === undefined ? [] : ['-hcl', JSON.stringify({ acl })]),
    ...(limits === undefined ? [] : ['-hcl', JSON.stringify({ limits })]),
    '-log-level=warn',
  ];
}

export interface VaultDevArguments {
  /** `ip:port` */
  listen: string;
  rootToken: string;
}

export function vaultDevArguments({ listen, rootToken }: VaultDevArguments): string[] {
  return [
    'server',
    '-dev',
    `-dev-root-token-id=${rootToken}`,
    `-dev-listen-address=${listen}`,
    // Else it would overwrite the token that the vault command keeps in the user's home folder.
    '-dev-no-store-token',
    '-log-level=warn',
  ];
}

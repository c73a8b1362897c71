import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { consulArguments } from './arguments';
import { askHttp } from './http';
import { launchInFolder, type RestartableServer, type StartOptions } from './launch';
import { serverPaths } from './server-paths';

export interface ConsulOptions extends StartOptions {
  /** `dc1` by default, as in Consul. */
  datacenter?: string;
  /** Other datacenters can join it, and it joins these: `host:port` of their WAN gossip. */
  joinWan?: readonly string[];
  /** With it, ACLs are enabled and refuse by default; this token (a UUID) may do everything. */
  managementToken?: string;
  /** Other limits than Consul's own: `http_max_conns_per_client`, `kv_max_value_size`, … */
  limits?: Readonly<Record<string, number>>;
  /** Keep everything on disk instead of in memory: a server that restart() finds as it was. */
  keepsData?: boolean;
}

export interface ConsulServer extends RestartableServer {
  /** `host:port` of its WAN gossip; nothing listens there unless `joinWan` was given, if only as []. */
  readonly wanAddress: string;
}

/** Starts one Consul server: everything in memory, and no ACLs, unless they are asked for. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulServer> {
  const { consul: command } = await serverPaths();
  const nodeName = `vsync-${randomBytes(6).toString('hex')}`;
  const launched = await launchInFolder(options, {
    name: 'consul',
    command,
    portCount: 4,
    args: ([httpPort = 0, serfPort = 0, serverPort = 0, wanPort = 0], dir) =>
      consulArguments({
        clientIp: '127.0.0.1',
        nodeName,
        httpPort,
        serfPort,
        serverPort,
        datacenter: options.datacenter,
        ...(options.joinWan === undefined ? {} : { wan: { serfPort: wanPort, join: options.joinWan } }),
        ...(options.managementToken === undefined ? {} : { managementToken: options.managementToken }),
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.keepsData === true ? { dataDir: path.join(dir, 'data') } : {}),
      }),
    healthy: ([port]) => notReady(`http://127.0.0.1:${String(port)}`, nodeName, options.managementToken),
  });
  const [port = 0, , , wanPort = 0] = launched.ports;
  return Object.assign(launched, {
    address: `http://127.0.0.1:${port}`,
    wanAddress: `127.0.0.1:${wanPort}`,
  });
}

async function notReady(
  address: string,
  nodeName: string,
  consulToken: string | undefined,
): Promise<string | undefined> {
  const self = await askHttp(`${address}/v1/agent/self`, { consulToken });
  const config = (self.body as { Config?: { NodeName?: string } } | undefined)?.Config;
  if (config?.NodeName !== nodeName) return `it does not answer as node ${nodeName}`;
  // A consistent read needs a leader.
  const read = await askHttp(`${address}/v1/kv/?keys&consistent`, { consulToken });
  return read.status === 200 || read.status === 404
    ? undefined
    : `a consistent read is answered ${read.status}`;
}

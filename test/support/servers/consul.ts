import { randomBytes } from 'node:crypto';
import { consulArguments } from './arguments';
import { askHttp } from './http';
import { launchInFolder, type RunningServer, type StartOptions } from './launch';
import { serverPaths } from './server-paths';

export interface ConsulOptions extends StartOptions {
  /** `dc1` by default, as in Consul. */
  datacenter?: string;
  /** Other datacenters can join it, and it joins these: `host:port` of their WAN gossip. */
  joinWan?: readonly string[];
  /** With it, ACLs are enabled and refuse by default; this token (a UUID) may do everything. */
  managementToken?: string;
}

export interface ConsulServer extends RunningServer {
  /** `host:port` of its WAN gossip; nothing listens there unless `joinWan` was given, if only as []. */
  readonly wanAddress: string;
}

/** Starts a Consul dev agent: one server, everything in memory, no ACLs unless they are asked for. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulServer> {
  const { consul: command } = await serverPaths();
  const nodeName = `vsync-${randomBytes(6).toString('hex')}`;
  const launched = await launchInFolder(options, {
    name: 'consul',
    command,
    portCount: 4,
    args: ([httpPort = 0, serfPort = 0, serverPort = 0, wanPort = 0]) =>
      consulArguments({
        clientIp: '127.0.0.1',
        nodeName,
        httpPort,
        serfPort,
        serverPort,
        datacenter: options.datacenter,
        ...(options.joinWan === undefined ? {} : { wan: { serfPort: wanPort, join: options.joinWan } }),
        ...(options.managementToken === undefined ? {} : { managementToken: options.managementToken }),
      }),
    healthy: ([port]) => notReady(`http://127.0.0.1:${String(port)}`, nodeName, options.managementToken),
  });
  const [port = 0, , , wanPort = 0] = launched.ports;
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    wanAddress: `127.0.0.1:${wanPort}`,
    pid: launched.process.pid,
    logFile: launched.process.logFile,
    stop: launched.stop,
  };
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

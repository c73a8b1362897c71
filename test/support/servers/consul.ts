import { randomBytes } from 'node:crypto';
import { consulArguments } from './arguments';
import { askHttp } from './http';
import { launchInFolder, type RunningServer, type StartOptions } from './launch';
import { serverPaths } from './server-paths';

export interface ConsulOptions extends StartOptions {
  /** `dc1` by default, as in Consul. */
  datacenter?: string;
}

export type ConsulServer = RunningServer;

/** Starts a Consul dev agent: one server, everything in memory, no ACLs. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulServer> {
  const { consul: command } = await serverPaths();
  const nodeName = `vsync-${randomBytes(6).toString('hex')}`;
  const launched = await launchInFolder(options, {
    name: 'consul',
    command,
    portCount: 3,
    args: ([httpPort = 0, serfPort = 0, serverPort = 0]) =>
      consulArguments({
        clientIp: '127.0.0.1',
        nodeName,
        httpPort,
        serfPort,
        serverPort,
        datacenter: options.datacenter,
      }),
    healthy: ([port]) => notReady(`http://127.0.0.1:${String(port)}`, nodeName),
  });
  const [port = 0] = launched.ports;
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    pid: launched.process.pid,
    logFile: launched.process.logFile,
    stop: launched.stop,
  };
}

async function notReady(address: string, nodeName: string): Promise<string | undefined> {
  const self = await askHttp(`${address}/v1/agent/self`);
  const config = (self.body as { Config?: { NodeName?: string } } | undefined)?.Config;
  if (config?.NodeName !== nodeName) return `it does not answer as node ${nodeName}`;
  // A consistent read needs a leader.
  const read = await askHttp(`${address}/v1/kv/?keys&consistent`);
  return read.status === 200 || read.status === 404
    ? undefined
    : `a consistent read is answered ${read.status}`;
}

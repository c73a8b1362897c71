import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { askHttp } from './http';
import { launchInFolder, type LaunchedServer, type RestartableServer, type StartOptions } from './launch';
import { nginxConfig } from './nginx-config';
import { freePorts } from './ports';
import { findNginx } from './server-paths';

export interface NginxOptions extends StartOptions {
  /** Where it listens: 127.0.0.2 for the first instance, 127.0.0.3 for the second. Linux has them all. */
  ip: string;
  /** Ports to listen on, so that all instances can have the same; free ones by default. */
  ports?: NginxPorts;
  /** Path of the protected location; `/auth` by default. */
  path?: string;
  /** Name of the key-value zone; `tokens` by default. */
  zone?: string;
}

export interface NginxPorts {
  /** TLS: the protected location. */
  port: number;
  /** HTTP: the API of NGINX Plus. */
  apiPort: number;
  /** HTTP: for the test itself. */
  controlPort: number;
}

/** Something that a healthy instance does not do with requests to the protected location. */
export type NginxFault = 'hang' | 'reset' | 'redirect' | 'huge-headers' | '403' | '500' | '503';

/** One NGINX instance that imitates NGINX Plus. */
export interface NginxInstance extends RestartableServer, Readonly<NginxPorts> {
  readonly port: number;
  readonly ip: string;
  /** Its own certificate, for `localhost` and its IP address. */
  readonly certFile: string;
  /** Puts a token into its zone, as replication does. */
  addToken(token: string, options?: { afterMs?: number }): Promise<void>;
  removeToken(token: string): Promise<void>;
  /** Answers every request to the protected location in this way, until it is called with nothing. */
  setFault(fault?: NginxFault): Promise<void>;
  /** What `GET /api/9/stream/zone_sync/` returns; without it the path does not exist, as without zone_sync. */
  setZoneSync(sync: { nodesOnline: number; recordsPending: number }): Promise<void>;
  /** Number of requests for a token until now, and the Host of the last one. */
  seen(): Promise<{ requests: number; host: string }>;
}

/** @throws if nginx cannot be had; ask `findNginx` before */
export async function startNginxInstance(options: NginxOptions): Promise<NginxInstance> {
  const { ip, path: location = '/auth', zone = 'tokens', ports } = options;
  const program = await findNginx();
  if (program === undefined)
    throw new Error('nginx with its Lua module is missing: npm run servers -- --syncer');
  const tls = await certificateOf(ip);
  const launched = await launchInFolder(options, {
    name: 'nginx',
    command: program.path,
    portCount: 3,
    ...(ports === undefined ? {} : { ports: [ports.port, ports.apiPort, ports.controlPort] }),
    env: program.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: program.libraryPath },
    args: (chosen, dir) => {
      const [port = 0, apiPort = 0, controlPort = 0] = chosen;
      const file = path.join(dir, 'nginx.conf');
      const where = { ip, port, apiPort, controlPort };
      fs.writeFileSync(file, nginxConfig({ program, path: location, zone, ...tls, ...where, dir }));
      return ['-p', dir, '-c', file, '-e', path.join(dir, 'nginx.log')];
    },
    healthy: async ([, , controlPort]) => {
      const { status } = await askHttp(`http://${ip}:${String(controlPort)}/state`);
      return status === 200 ? undefined : `its control location answers ${status}`;
    },
  });
  return Object.assign(launched, describe(launched, ip, tls.certFile), {
    stop: stopAndRemove(launched, tls.dir),
  });
}

/** Starts instances on 127.0.0.2, 127.0.0.3, …, all on the same ports, as pods of one Deployment are. */
export async function startNginxInstances(
  count: number,
  options: Omit<NginxOptions, 'ip' | 'ports' | 'dir'> = {},
): Promise<NginxInstance[]> {
  const [port = 0, apiPort = 0, controlPort = 0] = await freePorts(3);
  const ports = { port, apiPort, controlPort };
  const starting = Array.from({ length: count }, (_, index) =>
    startNginxInstance({ ...options, ip: `127.0.0.${index + 2}`, ports }),
  );
  const started = await Promise.allSettled(starting);
  const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (running.length === count) return running;
  await Promise.all(running.map((instance) => instance.stop()));
  return Promise.all(starting);
}

function describe(
  launched: LaunchedServer,
  ip: string,
  certFile: string,
): Omit<NginxInstance, keyof LaunchedServer> & { port: number } {
  const [port = 0, apiPort = 0, controlPort = 0] = launched.ports;
  const control = async (method: string, what: string, body?: string): Promise<unknown> => {
    const response = await fetch(`http://${ip}:${controlPort}${what}`, { method, body });
    if (!response.ok) throw new Error(`nginx on ${ip} answered ${response.status} to ${method} ${what}`);
    return response.status === 204 ? undefined : response.json();
  };
  return {
    ip,
    address: `https://${ip}:${port}`,
    ...{ port, apiPort, controlPort, certFile },
    addToken: async (token, { afterMs = 0 } = {}) => {
      await control('PUT', `/token?after_ms=${afterMs}`, token);
    },
    removeToken: async (token) => {
      await control('DELETE', '/token', token);
    },
    setFault: async (fault) => {
      await control('PUT', `/state?fault=${fault ?? ''}`);
    },
    setZoneSync: async ({ nodesOnline, recordsPending }) => {
      await control('PUT', `/state?nodes_online=${nodesOnline}&records_pending=${recordsPending}`);
    },
    seen: async () => (await control('GET', '/state')) as { requests: number; host: string },
  };
}

function stopAndRemove(launched: LaunchedServer, dir: string): () => Promise<void> {
  const { stop } = launched;
  return async () => {
    await stop();
    fs.rmSync(dir, { recursive: true, force: true });
  };
}

/** A certificate that no authority signed, as most gateways inside a cluster have. */
async function certificateOf(ip: string): Promise<{ dir: string; certFile: string; keyFile: string }> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-nginx-tls-'));
  const [certFile, keyFile] = [path.join(dir, 'server.pem'), path.join(dir, 'server.key')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-addext', `subjectAltName=DNS:localhost,IP:${ip}`],
    ...['-keyout', keyFile, '-out', certFile],
  ]);
  return { dir, certFile, keyFile };
}

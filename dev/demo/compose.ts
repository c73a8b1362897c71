import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { parse } from 'yaml';
import { askHttp } from '../servers/start';
import type { Environment } from './environment';
import { DemoVault } from './vault';

const COMPOSE_FILE = path.join(__dirname, '..', '..', 'docker-compose.yml');

interface ComposeFile {
  services: Record<string, { command: string[]; ports: string[] }>;
}

/** The servers of docker-compose.yml, by the addresses and tokens written there. */
export function readComposeFile(file = COMPOSE_FILE): Environment {
  const { services } = parse(fs.readFileSync(file, 'utf8')) as ComposeFile;
  const service = (name: string) => {
    const found = services[name];
    if (found === undefined) throw new Error(`${file} has no service "${name}"`);
    return found;
  };
  const published = (name: string, containerPort: number): string => {
    const port = service(name).ports.find((entry) => entry.endsWith(`:${containerPort}`));
    if (port === undefined)
      throw new Error(`${file}: service "${name}" does not publish port ${containerPort}`);
    return port.slice(0, port.lastIndexOf(':'));
  };
  const vault = (name: string): DemoVault => {
    const flag = '-dev-root-token-id=';
    const token = service(name).command.find((argument) => argument.startsWith(flag));
    if (token === undefined) throw new Error(`${file}: the command of service "${name}" has no ${flag}`);
    return new DemoVault(`http://${published(name, 8200)}`, token.slice(flag.length));
  };
  return {
    temporal: {
      address: published('temporal', 7233),
      uiAddress: `http://${published('temporal', 8233)}`,
      commandLine: (command) => `docker compose exec temporal temporal ${command}`,
    },
    consul: { address: `http://${published('consul', 8500)}` },
    product: 'Vault',
    origin: vault('origin-vault'),
    destinations: [vault('destination-1-vault'), vault('destination-2-vault')],
    outlivesDemo: true,
    stop: () => Promise.resolve(),
  };
}

/** @throws if one of the servers of docker-compose.yml does not answer as it should */
export async function connectToCompose(): Promise<Environment> {
  const environment = readComposeFile();
  try {
    await canConnect(environment.temporal.address);
    const leader = await askHttp(`${environment.consul.address}/v1/status/leader`);
    if (leader.status !== 200) throw new Error(`${environment.consul.address} answered ${leader.status}`);
    for (const vault of [environment.origin, ...environment.destinations]) await vault.checkToken();
  } catch (error) {
    throw new Error(
      `the servers of docker-compose.yml are not all up: ${(error as Error).message}.\n` +
        'Start them with "docker compose up -d --wait" and run the demo again.',
    );
  }
  return environment;
}

function canConnect(address: string): Promise<void> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), host);
    socket.setTimeout(5_000, () => socket.destroy(new Error('timeout')));
    socket.once('error', (error) => {
      reject(new Error(`${address} got no answer: ${error.message}`));
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

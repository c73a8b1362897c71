import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { readComposeFile } from '../../dev/demo/compose';
import { consulArguments, temporalArguments, vaultDevArguments } from '../../dev/servers/start/arguments';

interface Service {
  image: string;
  command: string[];
  ports: string[];
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
}

const ROOT = path.join(__dirname, '..', '..');
const compose = parse(fs.readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8')) as {
  name: string;
  services: Record<string, Service>;
};
const versions = JSON.parse(
  fs.readFileSync(path.join(ROOT, 'dev', 'servers', 'versions.json'), 'utf8'),
) as Record<string, { version: string; image: string }>;
const services = Object.entries(compose.services);
const VAULTS = ['origin-vault', 'destination-1-vault', 'destination-2-vault'];

function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

function pinnedImage(name: string): string {
  const pinned = versions[name];
  return `${String(pinned?.image)}:${String(pinned?.version)}`;
}

describe('docker-compose.yml', () => {
  test('names its project and has the five servers of the demo', () => {
    expect(compose.name).toBe('vsync-demo');
    expect(Object.keys(compose.services).sort()).toEqual([...VAULTS, 'consul', 'temporal'].sort());
  });

  test('runs the pinned versions', () => {
    expect(service('temporal').image).toBe(pinnedImage('temporal'));
    expect(service('consul').image).toBe(pinnedImage('consul'));
    for (const name of VAULTS) expect(service(name).image).toBe(pinnedImage('vault'));
  });

  test('starts Temporal as the tests do, with its web UI and a database file', () => {
    expect(service('temporal').command).toEqual(
      temporalArguments({
        ip: '0.0.0.0',
        port: 7233,
        uiPort: 8233,
        dbFilename: '/home/temporal/temporal.db',
      }),
    );
  });

  test('starts Consul as the tests do', () => {
    expect(service('consul').command).toEqual(
      consulArguments({
        clientIp: '0.0.0.0',
        nodeName: 'vsync-demo',
        httpPort: 8500,
        serfPort: 8301,
        serverPort: 8300,
      }),
    );
  });

  test.each(VAULTS)('starts %s as the tests do, with a token of its own', (name) => {
    const rootToken = `demo-${name.replace('-vault', '')}-token`;
    expect(service(name).command).toEqual(vaultDevArguments({ listen: '0.0.0.0:8200', rootToken }));
  });

  test.each(services)(
    '%s has a healthcheck that runs its own command against itself',
    (name, { healthcheck }) => {
      const command = name.endsWith('-vault') ? 'vault' : name;
      expect(healthcheck?.test.slice(0, 2)).toEqual(['CMD', command]);
      expect(healthcheck).toMatchObject({ interval: '2s', timeout: '5s', retries: 30 });
    },
  );

  test('publishes ports on 127.0.0.1 only, each once', () => {
    const ports = services.flatMap(([, service]) => service.ports);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const published = ports.map((port) => port.split(':')[1]);
    expect(new Set(published).size).toBe(published.length);
  });

  test('is what the demo reads its addresses and tokens from', () => {
    const environment = readComposeFile();
    expect(environment.temporal).toMatchObject({
      address: '127.0.0.1:7233',
      uiAddress: 'http://127.0.0.1:8233',
    });
    expect(environment.consul.address).toBe('http://127.0.0.1:8500');
    const vaults = [environment.origin, ...environment.destinations];
    expect(vaults.map(({ address, token }) => [address, token])).toEqual([
      ['http://127.0.0.1:8200', 'demo-origin-token'],
      ['http://127.0.0.1:8210', 'demo-destination-1-token'],
      ['http://127.0.0.1:8220', 'demo-destination-2-token'],
    ]);
  });
});

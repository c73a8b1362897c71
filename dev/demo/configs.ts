import fs from 'node:fs';
import path from 'node:path';
import type { Environment } from './environment';
import type { DemoVault } from './vault';

/** Not the default, so that a demo on lasting servers touches no other sync info there. */
export const SYNC_PATH = 'vsync/demo/';

export const ORIGIN_NAME = 'demo-origin';

/** Where secrets are at the origin. */
export const ORIGIN_MOUNT = 'secret/';

/** A destination of the demo, without its Vault. */
export interface DestinationPlan {
  name: string;
  mount: string;
  transforms: readonly { name: string; from: string; to: string }[];
  /** Where an origin's secret must arrive, computed by the demo itself to check the transforms. */
  pathOf: (originPath: string) => string;
}

/** The second one keeps the secrets by team, in another mount. */
export const DESTINATIONS: readonly [DestinationPlan, DestinationPlan] = [
  { name: 'demo-destination-1', mount: 'secret/', transforms: [], pathOf: (originPath) => originPath },
  {
    name: 'demo-destination-2',
    mount: 'platform/',
    transforms: [
      {
        name: 'by team',
        from: '^secret/data/(?P<environment>[^/]+)/(?P<team>[^/]+)/(?P<rest>.+)$',
        to: 'platform/data/team/environment/rest',
      },
    ],
    pathOf: (originPath) => {
      const [environment, team, ...rest] = originPath.split('/');
      return [team, environment, ...rest].join('/');
    },
  },
];

export interface ConfigFiles {
  origin: string;
  destinations: readonly [string, string];
}

/** Writes the three configuration files, as a user would. */
export function writeConfigs(dir: string, environment: Environment): ConfigFiles {
  const temporal = { address: environment.temporal.address };
  const consul = { address: environment.consul.address };
  const origin = {
    vault: credentials(environment.origin),
    consul,
    mounts: [ORIGIN_MOUNT],
    syncPath: SYNC_PATH,
  };
  const cycle = { timeout: '1m', numWorkers: 16 };
  const write = (name: string, config: object): string => {
    const file = path.join(dir, name);
    // It holds a token.
    fs.writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    return file;
  };
  const destination = (index: 0 | 1): string => {
    const { name, mount, transforms } = DESTINATIONS[index];
    return write(`dest-${index + 1}.json`, {
      name,
      numBuckets: 8,
      temporal,
      origin,
      destination: {
        vault: credentials(environment.destinations[index]),
        consul,
        mounts: [mount],
        // Both keep their sync info in the same Consul.
        syncPath: `${SYNC_PATH}destination-${index + 1}/`,
        tick: '10s',
        ...cycle,
        ...(transforms.length === 0 ? {} : { transforms }),
      },
    });
  };
  return {
    // The tick is short, so that a change appears soon; a usual one is a minute.
    origin: write('origin.json', {
      name: ORIGIN_NAME,
      numBuckets: 8,
      temporal,
      origin: { ...origin, tick: '2s', ...cycle },
    }),
    destinations: [destination(0), destination(1)],
  };
}

function credentials({ address, token }: DemoVault): { address: string; token: string } {
  return { address, token };
}

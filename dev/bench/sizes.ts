import { ConsulApi } from '../shared/consul-api';
import type { BenchSync } from './sync';
import type { World } from './world';

/** What one role keeps in Consul, or left there. */
export interface ConsulSize {
  what: string;
  keys: number;
  /** Of the values. */
  bytes: number;
}

/** Measures a role's sync info, and apart from it what it staged. */
export async function consulSizes(world: World, sync: BenchSync): Promise<ConsulSize[]> {
  const prefix = `${sync.syncPath}${sync.role}/`;
  const all = Object.entries(await new ConsulApi(world.consul).sizes(prefix));
  const isStaged = ([key]: [string, number]): boolean => key.startsWith(`${prefix}staging/`);
  const size = (what: string, entries: readonly [string, number][]): ConsulSize => ({
    what: `${sync.role}: ${what}`,
    keys: entries.length,
    bytes: entries.reduce((sum, [, bytes]) => sum + bytes, 0),
  });
  return [
    size(
      'sync info',
      all.filter((entry) => !isStaged(entry)),
    ),
    size('staged', all.filter(isStaged)),
  ];
}

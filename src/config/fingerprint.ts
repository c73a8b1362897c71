import { hash } from 'node:crypto';
import type { FilterRules } from '../rules/filter';
import { bytewise } from '../rules/paths';
import type { Config } from './schema';

/** Ids of the Vault clusters, from their sys/health (`cluster_id`). */
export interface ClusterIds {
  readonly origin: string;
  /** Absent for an origin. */
  readonly destination?: string | undefined;
}

interface SideParts {
  readonly cluster: string;
  readonly namespace: string;
  readonly mounts: string[];
  readonly syncPath: string;
  /** Absent without filters: fingerprints of versions without filters stay the same. */
  readonly filter?: FilterRules;
}

/** The content of a fingerprint: everything that decides which secrets go where. */
export interface FingerprintParts {
  readonly role: Config['role'];
  readonly sides: Readonly<Record<string, SideParts>>;
  readonly transforms: readonly { from: string; to: string }[];
  /** Keys that decide about deletes at a destination. Absent if they have their default. */
  readonly deletes?: { ignored?: true | undefined; excluded?: true | undefined } | undefined;
  /** An origin with a feed: what its cycles skip, a worker that hears nothing must not skip. Absent without. */
  readonly feed?: true;
}

/**
 * The parts of a configuration that its fingerprint is made of, always in the same order, so that their JSON is canonical.
 * None is secret. Addresses, logins, workers, times, names, and the order of mounts and globs are left out. Only the filters
 * of the configuration's own role count: those of the origin in a destination's file serve to find loops.
 */
export function fingerprintParts(config: Config, clusters: ClusterIds): FingerprintParts {
  const side = ({ vault, mounts, syncPath }: Config['origin'], cluster: string): SideParts => ({
    cluster,
    namespace: vault.namespace,
    mounts: [...mounts].sort(bytewise),
    syncPath,
  });
  const origin = side(config.origin, clusters.origin);
  if (config.role === 'origin') {
    const { feed } = config.origin;
    const sides = { origin: { ...origin, ...filterOf(config.origin) } };
    return { role: 'origin', sides, transforms: [], ...(feed && { feed: true }) };
  }
  const { ignoreDeletes, destination } = config;
  const { deleteExcluded, transforms } = destination;
  const ownSide = { ...side(destination, clusters.destination ?? ''), ...filterOf(destination) };
  return {
    role: 'destination',
    sides: { origin, destination: ownSide },
    transforms: transforms.map(({ from, to }) => ({ from, to })),
    ...((ignoreDeletes || deleteExcluded) && {
      deletes: { ...(ignoreDeletes && { ignored: true }), ...(deleteExcluded && { excluded: true }) },
    }),
  };
}

function filterOf({ include, exclude }: FilterRules): { filter?: FilterRules } {
  if (include.length + exclude.length === 0) return {};
  return { filter: { include: [...include].sort(bytewise), exclude: [...exclude].sort(bytewise) } };
}

/** Lower-case hex sha256. Workflows pass it to activities: a worker with another configuration refuses the work. */
export function fingerprint(config: Config, clusters: ClusterIds): string {
  return hash('sha256', JSON.stringify(fingerprintParts(config, clusters)));
}

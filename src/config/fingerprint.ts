import { hash } from 'node:crypto';
import type { FilterRules } from '../rules/filter';
import { bytewise } from '../rules/paths';
import type { Config, DestinationConfig } from './schema';

/** Ids of the Vault clusters, from their sys/health (`cluster_id`). */
export interface ClusterIds {
  readonly origin: string;
  /** Absent for an origin. */
  readonly destination?: string | undefined;
}

/** The content of a fingerprint: everything that decides which secrets go where. */
export interface FingerprintParts {
  readonly role: Config['role'];
  readonly sides: Readonly<
    Record<
      string,
      {
        cluster: string;
        namespace: string;
        mounts: string[];
        syncPath: string;
        /** Absent without filters: fingerprints of versions without filters stay the same. */
        filter?: FilterRules;
      }
    >
  >;
  readonly transforms: readonly { from: string; to: string }[];
  /** Keys that decide about deletes at a destination. Absent if they have their default. */
  readonly deletes?: { ignored?: true | undefined; excluded?: true | undefined } | undefined;
}

/**
 * The parts of a configuration that its fingerprint is made of. None is secret. Keys that do not affect which secrets go
 * where are left out: addresses, logins, workers, times, names, and the order of mounts and globs. Only the filters of the
 * configuration's own role count: those of the origin in a destination's file serve to find loops.
 */
export function fingerprintParts(config: Config, clusters: ClusterIds): FingerprintParts {
  const side = ({ vault, mounts, syncPath }: Config['origin'], cluster: string) => ({
    cluster,
    namespace: vault.namespace,
    mounts: [...mounts].sort(bytewise),
    syncPath,
  });
  const origin = side(config.origin, clusters.origin);
  if (config.role === 'origin') {
    return {
      role: 'origin',
      sides: { origin: { ...origin, ...filterOf(config.origin) } },
      transforms: [],
    };
  }
  const destination = side(config.destination, clusters.destination ?? '');
  return {
    role: 'destination',
    sides: { origin, destination: { ...destination, ...filterOf(config.destination) } },
    transforms: config.destination.transforms.map(({ from, to }) => ({ from, to })),
    ...deletesOf(config),
  };
}

function deletesOf({ ignoreDeletes, destination }: DestinationConfig): Pick<FingerprintParts, 'deletes'> {
  if (!ignoreDeletes && !destination.deleteExcluded) return {};
  return {
    deletes: {
      ...(ignoreDeletes ? { ignored: true } : {}),
      ...(destination.deleteExcluded ? { excluded: true } : {}),
    },
  };
}

function filterOf({ include, exclude }: FilterRules): { filter?: FilterRules } {
  if (include.length + exclude.length === 0) return {};
  return { filter: { include: [...include].sort(bytewise), exclude: [...exclude].sort(bytewise) } };
}

/**
 * One hash for a configuration and its Vaults: lower-case hex sha256. Workflows pass it to activities. A worker with
 * another configuration refuses the work.
 */
export function fingerprint(config: Config, clusters: ClusterIds): string {
  return hashOf(fingerprintParts(config, clusters));
}

/** The parts are always built in the same order, so that their JSON is canonical. */
function hashOf(parts: FingerprintParts): string {
  return hash('sha256', JSON.stringify(parts));
}

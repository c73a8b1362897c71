import { createHash } from 'node:crypto';
import type { FilterRules } from '../rules/filter';
import { bytewise } from '../rules/paths';
import { ROOT_SPELLING } from '../vault/namespace';
import type { Config, DestinationConfig } from './schema';

/** Identities of the Vault clusters, as their sys/health says (`cluster_id`). */
export interface ClusterIds {
  readonly origin: string;
  /** Absent for an origin. */
  readonly destination?: string | undefined;
}

/** What makes a sync the one that it is: with another fingerprint it may have to do with other secrets. */
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
        /** Absent without filters, so that fingerprints from before there were any stay what they are. */
        filter?: FilterRules;
      }
    >
  >;
  readonly transforms: readonly { from: string; to: string }[];
  /** What is deleted at a destination depends on it. Absent where it is the default. */
  readonly deletes?: { ignored?: true | undefined; excluded?: true | undefined } | undefined;
}

/**
 * The parts of a configuration that its fingerprint is made of. None is secret. Left out is what may change
 * without consequence for what is synced where: addresses, logins, workers, times, names, and the order of
 * mounts and globs. Filters are those of the configuration's own role: the origin's in a destination's file only tell loops.
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
 * Names a configuration and the Vaults that it works on by one hash: lower-case hex sha256. Workflows carry it,
 * so that an activity whose worker was given another configuration refuses to work.
 */
export function fingerprint(config: Config, clusters: ClusterIds): string {
  return hashOf(fingerprintParts(config, clusters));
}

/**
 * Fingerprints that earlier versions may have given the same configuration: they took the namespace `root` for another
 * one than the empty one. Schedules and states that carry one of them are this configuration's own.
 */
export function olderFingerprints(config: Config, clusters: ClusterIds): string[] {
  const parts = fingerprintParts(config, clusters);
  let variants = [parts];
  for (const [name, side] of Object.entries(parts.sides)) {
    if (side.namespace !== '') continue;
    const spelt = { ...side, namespace: ROOT_SPELLING };
    variants = variants.flatMap((one) => [one, { ...one, sides: { ...one.sides, [name]: spelt } }]);
  }
  return variants.slice(1).map(hashOf);
}

/** What tells whether a fingerprint is that of a configuration. */
export interface Fingerprinted {
  readonly fingerprint: string;
  readonly olderFingerprints?: readonly string[] | undefined;
}

/** Whether a fingerprint from a schedule or a state names this configuration. */
export function isFingerprintOf(own: Fingerprinted, found: string): boolean {
  return found === own.fingerprint || own.olderFingerprints?.includes(found) === true;
}

/** The parts are always built in the same order, so that their JSON is canonical. */
function hashOf(parts: FingerprintParts): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

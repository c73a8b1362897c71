import type { FingerprintParts } from '../../../config/fingerprint';
import type { DestinationState } from '../../../sync-info/state';

/** What is not as it was when the destination's claims were made. */
export interface Changes {
  /** The claims are about the secrets of another origin, or it is unknown what changed. */
  readonly origin: boolean;
  /** They are about another Vault than the one that is written to now. */
  readonly destination: boolean;
  /** Mounts of the destination that were re-created. */
  readonly mounts: readonly string[];
  /** The transforms with which the secrets were copied. */
  readonly transforms: FingerprintParts['transforms'];
}

/** Compares what the destination remembers with what is there now. */
export function changesSince(
  state: DestinationState,
  now: FingerprintParts,
  ownMounts: Readonly<Record<string, string>>,
): Changes {
  const before = state.parts;
  const differs = (
    side: 'origin' | 'destination',
    keys: readonly ('cluster' | 'namespace' | 'syncPath')[],
  ): boolean => {
    const [then, today] = [before?.sides[side], now.sides[side]];
    return keys.some((key) => then?.[key] !== today?.[key]);
  };
  const mounts = Object.keys(ownMounts).filter(
    (mount) => (state.ownMounts[mount] ?? ownMounts[mount]) !== ownMounts[mount],
  );
  return {
    origin: differs('origin', ['cluster', 'namespace', 'syncPath']),
    destination: before !== undefined && differs('destination', ['cluster', 'namespace']),
    mounts,
    transforms: before?.transforms ?? now.transforms,
  };
}

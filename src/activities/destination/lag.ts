import { refusalOf } from '../../rules/plan';
import { lagOf, type Lag, type LagSides } from '../../sync-info/lag';
import type { DestinationState } from '../../sync-info/state';
import type { DestinationDeps } from './base/deps';

/** Both ends of a destination, as far as its lag depends on them. */
export type LagDeps = Pick<DestinationDeps, 'info' | 'originInfo' | 'scope' | 'targets'>;

/**
 * The lag of a destination, from the sync info of both ends. A secret that the destination refuses is never copied, so it
 * is not late.
 *
 * @returns undefined if it is unknown: the origin has published nothing, is writing now, or the mounts may be one
 */
export async function destinationLag(
  deps: LagDeps,
  state: StateOfMounts,
  signal: AbortSignal,
): Promise<Lag | undefined> {
  const sides = await lagSides(deps, state, signal);
  return sides && lagOf(sides, signal);
}

type StateOfMounts = Partial<Pick<DestinationState, 'mounts' | 'ownMounts'>> | undefined;

/** Both ends, and which secrets belong to the destination. @returns undefined if the mounts may be one */
export async function lagSides(
  { info, originInfo, scope, targets }: LagDeps,
  state: StateOfMounts,
  signal: AbortSignal,
): Promise<LagSides | undefined> {
  // Two mounts with one uuid are one mount, or copies in two Vaults. Only the Vaults could tell.
  const uuids = new Set(Object.values(state?.mounts ?? {}));
  if (Object.values(state?.ownMounts ?? {}).some((uuid) => uuids.has(uuid))) return undefined;
  const { index = [] } = await originInfo.readIndex(signal);
  const neighbours = await targets.load(index, signal);
  const isToBeCopied = (path: string): boolean =>
    scope.isToBeCopied(path) && refusalOf(path, scope, neighbours) === undefined;
  return { origin: originInfo, own: info, scope: { isToBeCopied } };
}

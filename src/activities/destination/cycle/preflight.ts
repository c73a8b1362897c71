import { isDeepStrictEqual } from 'node:util';
import { assertCapabilities } from '../../../access/capabilities';
import { destinationNeeds } from '../../../access/needs';
import { isFingerprintOf } from '../../../config/fingerprint';
import { readDestinationState, type DestinationState, type MountUuids } from '../../../sync-info/state';
import type { DestinationPreflightResult } from '../../../contract/messages';
import { changedMounts, readMounts } from '../../../access/mounts';
import { assertOwner } from '../../../access/owner';
import { TallyBuilder } from '../../shared/cycle-report';
import type { DestinationDeps } from '../base/deps';
import { assertStillTheSame } from './still-the-same';

/** Looks whether a cycle can do its work at all, and which origin mounts are still the ones they were. Writes nothing. */
export async function preflight(
  deps: DestinationDeps,
  signal: AbortSignal,
): Promise<DestinationPreflightResult> {
  const { config, parts, originVault, vault, info } = deps;
  const current = await readMounts(originVault, config.origin.mounts, 'origin.mounts', signal);
  const ownMounts = await readMounts(vault, config.destination.mounts, 'destination.mounts', signal);
  await assertStillTheSame(deps, current, ownMounts);
  const needs = destinationNeeds(config);
  await assertCapabilities(originVault.client, needs.origin, 'origin.vault', signal);
  await assertCapabilities(vault.client, needs.destination, 'destination.vault', signal);
  const { state } = await readDestinationState(info, signal);
  assertOwner(info, state, config.name);

  const tally = new TallyBuilder();
  // Also of mounts that are not configured now: they may come back.
  const mounts = { ...state?.mounts, ...current };
  const changedNow: MountUuids = {};
  for (const mount of changedMounts(state?.mounts, current)) {
    tally.fail(mount, 'mount-changed', 'unknown');
    mounts[mount] = state?.mounts[mount] ?? '';
    changedNow[mount] = current[mount] ?? '';
  }
  // The info of an original vsync may claim two secrets on one place, and knows of no filters.
  const { transforms, include, exclude } = config.destination;
  const isTakenOver = state === undefined && transforms.length + include.length + exclude.length > 0;
  const changed =
    isTakenOver ||
    (state !== undefined &&
      (!isFingerprintOf(deps, state.config) ||
        state.moving !== undefined ||
        changedMounts(state.ownMounts, ownMounts).length > 0));
  const isWritten = (before: DestinationState): boolean =>
    isDeepStrictEqual(
      [before.mounts, before.changedMounts ?? {}, before.ownMounts, before.parts],
      [mounts, changedNow, ownMounts, parts],
    );
  // Without them the cycle has something to write: else each one would look for the mark.
  const endsKnown = state?.expiries !== undefined;
  const left =
    !changed && endsKnown && state.last !== undefined && isWritten(state)
      ? { left: { considered: state.considered, outcome: state.last.outcome } }
      : {};
  const approved = state?.orphans?.approved;
  // A state that is new, or that an earlier version wrote, does not know of the ends that are noted.
  const hasExpired = endsKnown
    ? state.expiries?.due !== undefined || (state.expiries?.nextMs ?? Infinity) <= Date.now()
    : await info.expiries.isMarked(signal);
  return {
    v: 1,
    mounts,
    changedMounts: changedNow,
    ownMounts,
    changed,
    ...left,
    ...(approved === undefined ? {} : { removeOrphans: approved }),
    ...(hasExpired ? { expired: true } : {}),
    ...tally.result(),
  };
}

import { assertCapabilities } from '../../check/capabilities';
import { destinationNeeds } from '../../check/needs';
import { readDestinationState } from '../../consul/state';
import type { DestinationPreflightResult } from '../../workflows/messages';
import { changedMounts, readMounts } from '../mounts';
import { assertOwner } from '../owner';
import { TallyBuilder } from '../tally';
import type { DestinationDeps } from './deps';

/** Looks whether a cycle can do its work at all, and which origin mounts are still the ones they were. Writes nothing. */
export async function preflight(
  { config, fingerprint, originVault, vault, info }: DestinationDeps,
  signal: AbortSignal,
): Promise<DestinationPreflightResult> {
  const current = await readMounts(originVault, config.origin.mounts, 'origin.mounts', signal);
  const ownMounts = await readMounts(vault, config.destination.mounts, 'destination.mounts', signal);
  const needs = destinationNeeds(config);
  await assertCapabilities(originVault.client, needs.origin, 'origin.vault', signal);
  await assertCapabilities(vault.client, needs.destination, 'destination.vault', signal);
  const { state } = await readDestinationState(info, signal);
  assertOwner(info, state, config.name);

  const tally = new TallyBuilder();
  const mounts = { ...current };
  for (const mount of changedMounts(state?.mounts, current)) {
    tally.fail(mount, 'mount-changed', 'unknown');
    mounts[mount] = state?.mounts[mount] ?? '';
  }
  const compareAll =
    state !== undefined &&
    (state.config !== fingerprint || changedMounts(state.ownMounts, ownMounts).length > 0);
  return { v: 1, mounts, ownMounts, compareAll, ...tally.result() };
}

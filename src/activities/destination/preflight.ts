import { readDestinationState } from '../../consul/state';
import type { DestinationPreflightResult } from '../../workflows/messages';
import { changedMounts, readMounts } from '../mounts';
import { TallyBuilder } from '../tally';
import type { DestinationDeps } from './deps';

/** Looks whether a cycle can do its work at all, and which origin mounts are still the ones they were. Writes nothing. */
export async function preflight(
  { config, originVault, vault, info }: DestinationDeps,
  signal: AbortSignal,
): Promise<DestinationPreflightResult> {
  await originVault.checkToken(signal);
  await vault.checkToken(signal);
  const current = await readMounts(originVault, config.origin.mounts, 'origin.mounts', signal);
  await readMounts(vault, config.destination.mounts, 'destination.mounts', signal);
  const { state } = await readDestinationState(info, signal);

  const tally = new TallyBuilder();
  const mounts = { ...current };
  for (const mount of changedMounts(state?.mounts, current)) {
    tally.fail(mount, 'mount-changed', 'unknown');
    mounts[mount] = state?.mounts[mount] ?? '';
  }
  return { v: 1, mounts, ...tally.result() };
}

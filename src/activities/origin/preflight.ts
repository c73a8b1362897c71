import { assertCapabilities } from '../../check/capabilities';
import { originNeeds } from '../../check/needs';
import { readOriginState } from '../../consul/state';
import type { OriginPreflightResult } from '../../workflows/messages';
import { readMounts } from '../mounts';
import { assertOwner } from '../owner';
import type { OriginDeps } from './deps';

/** Looks whether a cycle can do its work at all. Writes nothing. */
export async function preflight(
  { config, vault, info }: OriginDeps,
  signal: AbortSignal,
): Promise<OriginPreflightResult> {
  await readMounts(vault, config.origin.mounts, 'origin.mounts', signal);
  await assertCapabilities(vault.client, originNeeds(config), 'origin.vault', signal);
  const { state } = await readOriginState(info, signal);
  assertOwner(info, state, config.name);
  return { v: 1, pendingSave: state?.pending !== undefined };
}

import { assertCapabilities } from '../../access/capabilities';
import { originNeeds } from '../../access/needs';
import { readOriginState } from '../../sync-info/state';
import type { OriginPreflightResult } from '../../contract/origin';
import { readMounts } from '../../access/mounts';
import { assertSyncName } from '../../access/sync-path';
import type { OriginDeps } from './deps';

/** Checks whether a cycle can do its work at all. Writes nothing. */
export async function preflight(
  { config, vault, info }: OriginDeps,
  signal: AbortSignal,
): Promise<OriginPreflightResult> {
  await readMounts(vault, config.origin.mounts, 'origin.mounts', signal);
  await assertCapabilities(vault.client, originNeeds(config), 'origin.vault', signal);
  const { state } = await readOriginState(info, signal);
  assertSyncName(info, state, config.name);
  return { v: 1, pendingSave: state?.pending !== undefined };
}

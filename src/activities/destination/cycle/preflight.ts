import { isDeepStrictEqual } from 'node:util';
import { assertCapabilities } from '../../../access/capabilities';
import { destinationNeeds } from '../../../access/needs';
import { readDestinationState, type MountUuids } from '../../../sync-info/state';
import type { DestinationPreflightResult } from '../../../contract/destination';
import { changedMounts, readMounts, compareVaults } from '../../../access/mounts';
import { assertSyncName } from '../../../access/sync-path';
import { CycleReportBuilder } from '../../shared/cycle-report';
import type { DestinationDeps } from '../base/deps';
import { UserError } from '../../../errors';
import type { Kv2 } from '../../../vault/kv2';
import { isOneServer } from '../../../vault/one-server';
import { ActivityError } from '../../../contract/failures';

/** Checks whether a cycle can do its work at all, and which mounts of the origin were re-created. Writes nothing. */
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
  assertSyncName(info, state, config.name);

  const report = new CycleReportBuilder();
  // Also of mounts that are not configured now: they may come back.
  const mounts = { ...state?.mounts, ...current };
  const changedNow: MountUuids = {};
  for (const mount of changedMounts(state?.mounts, current)) {
    report.fail(mount, 'mount-changed', 'unknown');
    mounts[mount] = state?.mounts[mount] ?? '';
    changedNow[mount] = current[mount] ?? '';
  }
  // The info of an original vsync may claim two secrets on one place, and knows of no filters.
  const { transforms, include, exclude } = config.destination;
  const isTakenOver = transforms.length + include.length + exclude.length > 0;
  const hasChanged =
    state?.config !== deps.fingerprint ||
    state.moving !== undefined ||
    changedMounts(state.ownMounts, ownMounts).length > 0;
  const changed = state === undefined ? isTakenOver : hasChanged;
  const isWritten = isDeepStrictEqual(
    [state?.mounts, state?.changedMounts ?? {}, state?.ownMounts, state?.parts],
    [mounts, changedNow, ownMounts, parts],
  );
  // Without them the cycle has something to write. Otherwise each cycle would read the mark.
  const endsKnown = state?.expiries !== undefined;
  const last = !changed && endsKnown && isWritten ? state.last : undefined;
  const approved = state?.orphans?.approved;
  // A new state does not contain whether ends are noted.
  const hasExpired = endsKnown
    ? state.expiries?.due !== undefined || (state.expiries?.nextMs ?? Infinity) <= Date.now()
    : await info.expiries.isMarked(signal);
  return {
    v: 1,
    mounts,
    changedMounts: changedNow,
    ownMounts,
    changed,
    ...(last && state && { lastCycle: { considered: state.considered, outcome: last.outcome } }),
    ...(approved !== undefined && { removeOrphans: approved }),
    ...(hasExpired && { expired: true }),
    ...report.result(),
  };
}

/**
 * Both Vaults were compared when this worker began. If an address leads to another Vault since, or one was restored from
 * the other's snapshot, its mounts are those of the origin now; only then more is asked. A clone always has the origin's
 * mounts, so each cycle proves that it is another server: else each secret would equal itself and be claimed.
 *
 * @throws ActivityError `ConfigChanged` if the two are something else to each other than they were
 */
export async function assertStillTheSame(
  { config, originVault, vault, vaultsAre, scope }: DestinationDeps,
  origin: MountUuids,
  own: MountUuids,
): Promise<void> {
  if (vaultsAre === 'clone') {
    await assertTwoServers(originVault, vault);
    return;
  }
  const ofOrigin = new Map(Object.entries(origin).map(([mount, uuid]) => [uuid, mount]));
  const isNews = Object.entries(own).some(([mount, uuid]) => {
    const same = ofOrigin.get(uuid);
    return same !== undefined && !scope.isSharedMount(mount, same);
  });
  if (!isNews) return;
  const { are } = await compareVaults(config, originVault, vault).catch((error: unknown) => {
    throw error instanceof UserError ? new ActivityError('ConfigChanged', error.message) : error;
  });
  if (are === vaultsAre) return;
  throw new ActivityError(
    'ConfigChanged',
    `Vault ${vault.client.address}: is not the Vault that it was when this worker began: it has the mounts of the ` +
      'origin now. Run "vsync start --adopt -c FILE" if it was restored from the origin\'s snapshot, and restart the workers',
  );
}

/** @throws ActivityError `ConfigChanged` unless the two are proven to be two servers */
async function assertTwoServers({ client: origin }: Kv2, { client: destination }: Kv2): Promise<void> {
  const isOne = await isOneServer(destination, origin);
  if (isOne === false) return;
  const both = `origin.vault (${origin.address}) and destination.vault (${destination.address})`;
  throw new ActivityError(
    'ConfigChanged',
    isOne === true
      ? `${both} lead to one Vault now; they were two when this worker began. This cycle copied nothing. Check where ` +
          'the two addresses lead (DNS, virtual IP, proxy); the next cycle checks again'
      : `${both} have the same cluster id and mounts, and whether they are still two Vaults cannot be checked. This ` +
          'cycle copied nothing. Give one of the two tokens update on sys/capabilities-self, as the default policy of ' +
          'Vault does, and let sys/wrapping pass',
  );
}

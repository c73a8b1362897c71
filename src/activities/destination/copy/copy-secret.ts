import type { Ends } from '../../../rules/expiry';
import { isNamedBy, mayBeMetadataWrite, type Insight } from '../../../rules/insight';
import type { Location } from '../../../rules/paths';
import { isLater } from '../../../rules/time';
import { VaultError } from '../../../vault/errors';
import { sameValue } from '../../../vault/json';
import type { SecretVersion } from '../../../vault/kv2';
import { PathError } from '../../shared/failures';
import { WRITE_ATTEMPTS } from '../../../limits';
import { type DestinationDeps, placeAtDestination, placeAtOrigin } from '../base/deps';
import { Freshness, tooSlow } from '../base/freshness';

/** How a secret is to be copied. */
export interface CopyOptions {
  /** False if the destination is not known to have it: it is then written at once, if it never had a version. */
  compareFirst: boolean;
  /** The destination's info names it: what stands there was put there by a cycle. */
  isOurs: boolean;
  /**
   * Its settings are to be carried over and could not be: a value that expires is not written then where nothing
   * stands yet, because it would live for ever.
   */
  withoutSettings?: boolean;
}

/** What became of one secret. */
export interface Copied {
  /**
   * `skipped`: the destination already had this value, or the origin has none any more. `kept`: another value stands
   * there that is not ours, and `onConflict` says to keep it.
   */
  did: 'added' | 'updated' | 'skipped' | 'kept';
  /** Another value stood there that was not ours. */
  conflict?: boolean;
  /** Whether the destination's info may say that it has this insight. */
  claim: boolean;
  /** The destination has the origin's current value: written now, or found there. */
  isThere: boolean;
  /** When both end; undefined if the copy does not, or if the value is not there. */
  ends?: Ends;
}

/**
 * Copies the origin's current value of one secret. The value lives in this function only.
 *
 * The destination's version is read before the origin's value, and the write is bound to it: whoever reads later
 * wins, so a worker that was thought dead and comes back cannot undo what was written after it. A value that is
 * already there is not written again.
 *
 * @throws VaultError, or PathError if the path leads nowhere, or has to wait for its settings
 */
export async function copySecret(
  deps: DestinationDeps,
  path: string,
  insight: Insight,
  { compareFirst, isOurs, withoutSettings = false }: CopyOptions,
  signal: AbortSignal,
): Promise<Copied> {
  const from = placeAtOrigin(deps, path);
  const to = placeAtDestination(deps, path);
  const readDestination = (): Promise<SecretVersion | undefined> =>
    deps.vault.data(to.mount, to.rel, { signal });

  let there = compareFirst || withoutSettings ? await readDestination() : undefined;
  for (let attempt = 1; ; attempt++) {
    const freshness = new Freshness();
    const value = await deps.originVault.data(from.mount, from.rel, { signal, onSend: freshness.begin });
    if (value?.live !== true) return { did: 'skipped', claim: false, isThere: false };
    // The origin may have moved on since its info was written. The newer value is copied, but not claimed: the
    // info that names it is on its way, and then costs one comparison.
    const claim = await isNamed(deps, from, value, insight, signal);
    if (there?.live === true && sameValue(there.data, value.data))
      return { did: 'skipped', claim, isThere: true, ...endsOf(there.endsAt, value.endsAt) };
    // A Vault that lags behind. What stands at the destination may be newer.
    if (!claim && isOlder(value, insight)) throw new PathError('stale', path);
    if (withoutSettings && value.endsAt !== '' && there?.live !== true)
      throw new PathError('waits-for-settings', path);
    const conflict = !isOurs && there?.live === true;
    if (conflict && deps.config.destination.onConflict === 'keep')
      return { did: 'kept', claim: false, isThere: false, conflict };
    const did = there === undefined ? 'added' : 'updated';
    try {
      const writing = freshness.writing(deps.vault, to.mount + to.rel, signal);
      const { endsAt } = await deps.vault.write(to.mount, to.rel, value.data, there?.version ?? 0, writing);
      return { did, claim, isThere: true, conflict, ...endsOf(endsAt, value.endsAt) };
    } catch (error) {
      if (freshness.isTooOld(error, signal)) {
        if (attempt === WRITE_ATTEMPTS) throw tooSlow(deps.vault, to);
        there = await readDestination();
        continue;
      }
      if (!(error instanceof VaultError) || signal.aborted || attempt === WRITE_ATTEMPTS) throw error;
      // Either somebody else wrote, or the answer to our own write was lost: look what stands there now.
      if (error.kind !== 'conflict' && error.kind !== 'unavailable') throw error;
      const before = there;
      there = await readDestination();
      const ownWriteArrived = error.kind === 'unavailable' && there?.version === (before?.version ?? 0) + 1;
      if (ownWriteArrived && there?.live === true && sameValue(there.data, value.data))
        return { did, claim, isThere: true, conflict, ...endsOf(there.endsAt, value.endsAt) };
    }
  }
}

function endsOf(copy: string, original: string): { ends?: Ends } {
  return copy === '' ? {} : { ends: { copy, original } };
}

/**
 * Whether the origin's info is about this version of its secret. The original publishes a time that moves with each
 * metadata write on OpenBao; then the metadata have to be asked, once, to tell such a write from a Vault that lags behind.
 */
async function isNamed(
  { originVault }: DestinationDeps,
  { mount, rel }: Location,
  value: SecretVersion,
  insight: Insight,
  signal: AbortSignal,
): Promise<boolean> {
  if (!mayBeMetadataWrite(insight, value)) return isNamedBy(insight, value);
  try {
    return isNamedBy(insight, value, await originVault.metadata(mount, rel, signal));
  } catch (error) {
    // A policy may let values be read alone. Then nothing proves that the value is not an older one.
    if (error instanceof VaultError && error.kind === 'forbidden') return false;
    throw error;
  }
}

/** Whether the origin answered with a version from before the one that its info names. */
function isOlder({ version, createdTime }: SecretVersion, insight: Insight): boolean {
  return version <= insight.version && isLater(insight.updateTime, createdTime);
}

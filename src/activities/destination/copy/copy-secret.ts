import type { Ends } from '../../../rules/expiry';
import { isNamedBy, mayBeMetadataWrite, type Insight } from '../../../rules/insight';
import type { Location } from '../../../rules/paths';
import { isLater } from '../../../rules/time';
import { VaultError } from '../../../vault/errors';
import { sameValue } from '../../../vault/json';
import type { SecretVersion } from '../../../vault/kv2';
import { PathError } from '../../shared/failures';
import { type DestinationDeps, placeAtDestination, placeAtOrigin } from '../base/deps';
import { Freshness, writeFresh, type Decision } from '../base/freshness';

/** How a secret is to be copied. */
export interface CopyOptions {
  /** False if the destination is not known to have it: it is then written at once, if it never had a version. */
  compareFirst: boolean;
  /** The destination's info names it: a cycle wrote what is there. */
  isOurs: boolean;
  /**
   * Its settings are to be carried over and could not be: a value that expires is not written then where there is
   * nothing yet, because it would never expire.
   */
  withoutSettings?: boolean;
}

/** What became of one secret. */
export interface Copied {
  /**
   * `skipped`: the destination already had this value, or the origin has none any more. `kept`: another value,
   * which is not ours, is there, and `onConflict` is `keep`.
   */
  did: 'added' | 'updated' | 'skipped' | 'kept';
  /** Another value was there that was not ours. */
  conflict?: boolean;
  /** Whether the destination's info may say that it has this insight. */
  claim: boolean;
  /** The destination has the origin's current value: written now, or found there. */
  isThere: boolean;
  /** When both end; undefined if the copy does not, or if the value is not there. */
  ends?: Ends;
}

/**
 * Copies the origin's current value of one secret, unless it is already there, in the order of {@link writeFresh}. The
 * value is in the memory of this function only.
 *
 * @throws VaultError, or PathError if a place is missing or the secret has to wait for its settings
 */
export async function copySecret(
  deps: DestinationDeps,
  path: string,
  insight: Insight,
  { compareFirst, isOurs, withoutSettings = false }: CopyOptions,
  signal: AbortSignal,
): Promise<Copied> {
  const { vault, originVault } = deps;
  const from = placeAtOrigin(deps, path);
  const to = placeAtDestination(deps, path);

  const decide = async (there: SecretVersion | undefined): Promise<CopyDecision> => {
    const freshness = new Freshness();
    const value = await originVault.data(from.mount, from.rel, { signal, onSend: freshness.begin });
    if (value?.live !== true) return { done: { did: 'skipped', claim: false, isThere: false } };
    // The origin may have moved on since its info was written. The newer value is copied, but not claimed: the next
    // info names it, and then it costs one comparison.
    const claim = await isNamed(deps, from, value, insight, signal);
    if (there?.live === true && sameValue(there.data, value.data))
      return { done: { did: 'skipped', claim, isThere: true, ...endsOf(there.endsAt, value.endsAt) } };
    // This Vault lags behind: the value at the destination may be newer.
    if (!claim && isOlder(value, insight)) throw new PathError('stale', path);
    if (withoutSettings && value.endsAt !== '' && there?.live !== true)
      throw new PathError('waits-for-settings', path);
    const conflict = !isOurs && there?.live === true;
    if (conflict && deps.config.destination.onConflict === 'keep')
      return { done: { did: 'kept', claim: false, isThere: false, conflict } };
    const version = there?.version ?? 0;
    const copied = (endsAt: string): Copied => {
      const did = there === undefined ? 'added' : 'updated';
      deps.changes?.note({ did, to, from, version: version + 1 });
      return { did, claim, isThere: true, conflict, ...endsOf(endsAt, value.endsAt) };
    };
    return {
      freshness,
      write: async (writing) =>
        copied((await vault.write(to.mount, to.rel, value.data, version, writing)).endsAt),
      arrived: (now) =>
        now?.version === version + 1 && now.live && sameValue(now.data, value.data)
          ? copied(now.endsAt)
          : undefined,
    };
  };
  return writeFresh(
    { vault, place: to, signal },
    {
      read: () => vault.data(to.mount, to.rel, { signal }),
      ...(!compareFirst && !withoutSettings && { known: { there: undefined } }),
      decide,
      // Another client wrote, or the answer to this write was lost.
      retried: ['conflict', 'unavailable'],
    },
  );
}

type CopyDecision = Decision<SecretVersion | undefined, Copied>;

function endsOf(copy: string, original: string): { ends?: Ends } {
  return copy === '' ? {} : { ends: { copy, original } };
}

/** Whether the origin's info is about this version of its secret. Reads the metadata once if they have to decide. */
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

import {
  type Insight,
  mayBeMetadataWrite,
  type SecretMetadata,
  type Verdict,
  verdictOf,
} from '../../../rules/insight';
import type { SecretVersion } from '../../../vault/kv2';
import type { Finding } from './findings';
import { pathFailureClass } from '../../shared/failures';
import { sameValue } from '../../../vault/json';
import { placeAtDestination, placeAtOrigin, type DestinationDeps } from '../base/deps';

/** What a comparison came to: a verdict, or which end could not be read. */
export type Compared = Verdict | (Pick<Finding, 'class' | 'at'> & { readonly kind: 'failed' });

/**
 * Compares the values of one secret at both ends. They live in this function only.
 *
 * @param claim what the destination's info says; read before this call
 * @param onError called with each failure to read; may throw to end the activity
 */
export async function compareSecret(
  deps: Pick<DestinationDeps, 'scope' | 'originVault' | 'vault'>,
  path: string,
  { insight, claim }: { insight: Insight; claim: Insight | undefined },
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<Compared> {
  const attempt = async <T>(
    at: 'origin' | 'destination',
    ask: () => Promise<T>,
  ): Promise<T | Extract<Compared, { kind: 'failed' }>> => {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted) throw error;
      onError(error);
      return { kind: 'failed', at, class: pathFailureClass(error) };
    }
  };
  const read = (at: 'origin' | 'destination') =>
    attempt(at, async (): Promise<SecretVersion | undefined> => {
      const { mount, rel } = at === 'origin' ? placeAtOrigin(deps, path) : placeAtDestination(deps, path);
      return (at === 'origin' ? deps.originVault : deps.vault).data(mount, rel, { signal });
    });
  const there = await read('destination');
  if (there !== undefined && 'kind' in there) return there;
  const here = await read('origin');
  if (here !== undefined && 'kind' in here) return here;
  const same = here?.live === true && there?.live === true && sameValue(here.data, there.data);
  const evidence = { insight, claim, atOrigin: here, atDestination: there, sameValue: same };
  if (same || here?.live !== true || !mayBeMetadataWrite(insight, here)) return verdictOf(evidence);
  // The original publishes a time that changes with each metadata write on OpenBao: that is not a newer version.
  const metadata = await attempt('origin', async (): Promise<SecretMetadata | undefined> => {
    const { mount, rel } = placeAtOrigin(deps, path);
    return deps.originVault.metadata(mount, rel, signal);
  });
  if (metadata !== undefined && 'kind' in metadata) return metadata;
  return verdictOf({ ...evidence, metadata });
}

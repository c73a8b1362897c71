import type { Insight } from '../../sync/insight';
import { verdictOf, type Verdict } from '../../sync/verdict';
import type { SecretVersion } from '../../vault/kv2';
import type { Finding } from '../../verify/findings';
import { pathFailureClass } from '../failures';
import { placeAtDestination, placeAtOrigin, sameValue } from './copy-secret';
import type { DestinationDeps } from './deps';

/** What a comparison came to: a verdict, or which end could not be read. */
export type Compared = Verdict | (Pick<Finding, 'class' | 'at'> & { readonly kind: 'failed' });

/**
 * Compares the values of one secret at both ends. They live in this function only.
 *
 * @param claim what the destination's info says; read before this call
 * @param onError told of what could not be read; may throw to end the activity
 */
export async function compareSecret(
  deps: DestinationDeps,
  path: string,
  { insight, claim }: { insight: Insight; claim: Insight | undefined },
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<Compared> {
  const read = async (
    at: 'origin' | 'destination',
  ): Promise<SecretVersion | undefined | Extract<Compared, { kind: 'failed' }>> => {
    try {
      const { mount, rel } = at === 'origin' ? placeAtOrigin(deps, path) : placeAtDestination(deps, path);
      return await (at === 'origin' ? deps.originVault : deps.vault).data(mount, rel, { signal });
    } catch (error) {
      if (signal.aborted) throw error;
      onError(error);
      return { kind: 'failed', at, class: pathFailureClass(error) };
    }
  };
  const there = await read('destination');
  if (there !== undefined && 'kind' in there) return there;
  const here = await read('origin');
  if (here !== undefined && 'kind' in here) return here;
  const same = here?.live === true && there?.live === true && sameValue(here.data, there.data);
  return verdictOf({ insight, claim, atOrigin: here, atDestination: there, sameValue: same });
}

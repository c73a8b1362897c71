import { readBuckets } from '../read-buckets';
import type { DestinationDeps } from './deps';

/**
 * All paths that the destination's buckets name, whether they fit their index or not.
 *
 * @param originIndex tells how many buckets to look for where the destination's own index is missing or damaged
 */
export async function knownPaths(
  { info }: DestinationDeps,
  originIndex: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const { index = originIndex } = await info.readIndex(signal);
  const own = await readBuckets(info, [...index.keys()], signal);
  return [...own.values()].flatMap(({ bucket }) => [...(bucket?.keys() ?? [])]);
}

import { inParallel } from '../../../concurrency/work-pool';
import { CONSUL_READS } from '../../../limits';
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
  // Of each bucket only the paths: all insights together would be several times as much.
  const pathsOf = async (id: number, stop: AbortSignal): Promise<string[]> => [
    ...((await info.readBucket(id, stop)).bucket?.keys() ?? []),
  ];
  return (await inParallel([...index.keys()], signal, pathsOf, CONSUL_READS)).flat();
}

import { OriginTargets } from '../../activities/destination/base/origin-targets';
import { REFUSALS } from '../../activities/destination/plan/plan';
import { bucketId } from '../../rules/bucket';
import { compileFilter } from '../../rules/filter';
import type { Insight } from '../../rules/insight';
import { dataPath, type Location } from '../../rules/paths';
import { refusalOf } from '../../rules/plan';
import type { Scope } from '../../rules/scope';
import { readFitting } from '../../sync-info/indexed-buckets';
import { readOriginState } from '../../sync-info/state';
import type { SyncInfo } from '../../sync-info/sync-info';
import type { Judged } from './judge';

/** The origin's sync info about one secret. */
interface Published {
  readonly index: readonly string[] | undefined;
  readonly insight: Insight | undefined;
  /** The bucket is being written: it is unknown what it says. */
  readonly isTorn: boolean;
}

/** Reads what the origin has published, to explain what a destination waits for. */
export class OriginsInfo {
  private readonly targets: OriginTargets;

  constructor(
    private readonly info: SyncInfo,
    private readonly scope: Scope,
    hasTransforms: boolean,
  ) {
    this.targets = new OriginTargets(info, scope, hasTransforms || scope.sharesMounts);
  }

  /** Whether the origin's sync info names the path; undefined if it is being written. */
  async isPublished(path: string, signal: AbortSignal): Promise<boolean | undefined> {
    const { insight, isTorn } = await this.read(path, signal);
    return isTorn ? undefined : insight !== undefined;
  }

  /**
   * Why a destination does not have the origin's current version.
   *
   * @param isCurrent whether an insight is of the current version
   * @returns `refused` or `excluded`; or `behind`, with the step that comes next
   */
  async why(place: Location, isCurrent: (insight: Insight) => boolean, signal: AbortSignal): Promise<Judged> {
    const path = dataPath(place.mount, place.rel);
    const { index, insight, isTorn } = await this.read(path, signal);
    if (index === undefined)
      return behind('the origin has no sync info, because its first cycle has not ended');
    const refused = await this.refusal(path, index, signal);
    if (refused !== undefined) return refused;
    if (isTorn) return behind("the origin's sync info is being written");
    if (insight !== undefined && isCurrent(insight))
      return behind('the next cycle of the destination copies it');
    return this.whyUnpublished(place, signal);
  }

  private async read(path: string, signal: AbortSignal): Promise<Published> {
    const { index } = await this.info.readIndex(signal);
    if (index === undefined) return { index, insight: undefined, isTorn: false };
    const fitting = await readFitting(this.info, index, bucketId(path, index.length), signal);
    return { index, insight: fitting?.bucket.get(path), isTorn: fitting === undefined };
  }

  /** Also for a secret that is not published yet: it would be refused then. */
  private async refusal(
    path: string,
    index: readonly string[],
    signal: AbortSignal,
  ): Promise<Judged | undefined> {
    const { sourcesOf } = await this.targets.load(index, signal);
    const others = (of: string): string[] => sourcesOf(this.scope.target(of)).filter((other) => other !== of);
    const refusal = refusalOf(path, this.scope, { others, sourcesOf });
    return refusal && { state: 'refused', detail: REFUSALS[refusal.why](refusal.with) };
  }

  private async whyUnpublished({ mount, rel }: Location, signal: AbortSignal): Promise<Judged> {
    const { state } = await readOriginState(this.info, signal);
    if (state?.filter !== undefined && !compileFilter(state.filter).allows(mount + rel))
      return { state: 'excluded', detail: 'the origin does not publish it (origin.include, origin.exclude)' };
    if (state?.changedMounts?.[mount] !== undefined)
      return behind(`${mount} was re-created at the origin, and waits for "vsync approve --mount ${mount}"`);
    return behind("the origin's next cycle publishes it");
  }
}

function behind(detail: string): Judged {
  return { state: 'behind', detail };
}

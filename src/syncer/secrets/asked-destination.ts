import { setTimeout as sleep } from 'node:timers/promises';
import { compareSecret } from '../../activities/destination/verify/verify-secrets';
import type { DestinationConfig } from '../../config/schema';
import { ExplainedError } from '../../errors';
import { WATCH_PAUSE_MS, WATCH_POLL_MS } from '../../limits';
import { MetadataError, type Insight } from '../../rules/insight';
import { dataPath, type Location } from '../../rules/paths';
import type { Scope } from '../../rules/scope';
import { TimeError } from '../../rules/time';
import type { DestinationAnswer } from './answer';
import { SYNCED_POLL_MS } from '../limits';
import {
  isAhead,
  isCurrent,
  judgeClaim,
  judgeGone,
  judgeOlder,
  type AtOrigin,
  type Judged,
  type LiveAtOrigin,
  type OwnRecord,
} from './judge';
import type { KeptTokens } from './kept-tokens';
import type { OriginRound, OriginVaults } from './origin-vaults';
import { readOwnRecord } from './own-record';
import { DestinationServers } from './servers';

export interface AskOptions {
  /** Also compare the value at the destination with the origin's. */
  readonly verify: boolean;
  /** The version that a write has returned: an older answer of the origin is that of a standby that lags. */
  readonly atLeast?: number | undefined;
  /** Ends the question: a destination that has not answered by then is a `timeout`. */
  readonly signal: AbortSignal;
}

/** Everything about one question to one destination. */
interface Question extends AskOptions {
  readonly place: Location;
  readonly path: string;
  readonly scope: Scope;
  readonly record: OwnRecord;
}

/** One destination that is asked about secrets. */
export class AskedDestination {
  private readonly servers: DestinationServers;

  constructor(
    readonly config: DestinationConfig,
    private readonly origins: OriginVaults,
    tokens: KeptTokens,
  ) {
    this.servers = new DestinationServers(config, origins, tokens);
  }

  /** Why the configuration leaves the secret out, if it does. Asks no server. */
  whyExcluded(place: Location): string | undefined {
    const { plainScope } = this.servers;
    const path = dataPath(place.mount, place.rel);
    if (!this.config.origin.mounts.includes(place.mount))
      return `${place.mount} is not one of its origin.mounts`;
    if (!plainScope.isPublished(path)) return 'origin.include and origin.exclude leave it out';
    return plainScope.wants(path) ? undefined : 'destination.include and destination.exclude leave it out';
  }

  /** Rejects only for errors that are not expected: what a server answers, or that it does not, is an answer here. */
  async ask(place: Location, round: OriginRound, options: AskOptions): Promise<DestinationAnswer> {
    const { name } = this.config;
    const excluded = this.whyExcluded(place);
    if (excluded !== undefined) return { name, state: 'excluded', detail: excluded };
    try {
      return await this.judge(place, round, options);
    } catch (error) {
      if (options.signal.aborted) return { name, state: 'timeout', detail: 'it did not answer in time' };
      if (error instanceof ExplainedError) return { name, state: 'failed', detail: error.message };
      if (error instanceof TimeError || error instanceof MetadataError)
        return { name, state: 'failed', detail: `metadata of the secret at the origin: ${error.message}` };
      throw error;
    }
  }

  /**
   * Waits for changes of the destination's index with blocking queries, until the signal ends it. The first call comes with
   * the first answer: the index may have changed before it.
   */
  async watch(onChange: () => void, signal: AbortSignal): Promise<void> {
    let seen: string | undefined;
    let position = 0;
    while (!signal.aborted) {
      try {
        const { store, indexKey } = await this.servers.info(signal);
        const answer = await store.waitForChange(indexKey, position, WATCH_POLL_MS, signal);
        const content = answer.stored?.value.toString('utf8') ?? '';
        // Consul's position also rises for other keys, and may fall after a restore: the content decides.
        if (content !== seen) onChange();
        seen = content;
        position = answer.index < position ? 0 : Math.max(1, answer.index);
        await sleep(WATCH_PAUSE_MS, undefined, { signal });
      } catch {
        // The question itself reports what is wrong with this Consul.
        await sleep(SYNCED_POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  close(): Promise<void> {
    return this.servers.close();
  }

  private async judge(place: Location, round: OriginRound, options: AskOptions): Promise<DestinationAnswer> {
    const { config, servers } = this;
    const { signal } = options;
    const path = dataPath(place.mount, place.rel);
    const first = await round(config, place, signal);
    if (servers.plainScope.placeAtDestination(path) === undefined)
      return {
        ...this.about(path, first),
        state: 'refused',
        detail: 'the transforms make no data path of it',
      };
    const { record, state } = await readOwnRecord(await servers.info(signal), config, path, signal);
    // The secret may have been written, and copied, since the first answer. The second one is newer than the claim.
    const atOrigin = isAhead(record.claim, first) ? await this.origins.read(config, place, signal) : first;
    const about = this.about(path, atOrigin);
    const older = judgeOlder(atOrigin, options.atLeast);
    if (older !== undefined) return { ...about, ...older };
    const scope = await servers.scope(state, signal);
    if (scope.isItself(path)) return { ...about, state: 'synced', detail: ITSELF };
    const question = { ...options, place, path, scope, record };
    if (atOrigin.is === 'live') return { ...about, ...(await this.judgeLive(atOrigin, question)) };
    const isPublished = record.isNamed ? await this.isPublished(question) : undefined;
    return { ...about, ...judgeGone(atOrigin, record, { ignoreDeletes: config.ignoreDeletes, isPublished }) };
  }

  private about(path: string, atOrigin: AtOrigin): Pick<DestinationAnswer, 'name' | 'version' | 'to'> {
    const target = this.servers.plainScope.target(path);
    return {
      name: this.config.name,
      ...(atOrigin.is === 'live' && { version: atOrigin.insight.version }),
      ...(target !== path && { to: target }),
    };
  }

  private async judgeLive(atOrigin: LiveAtOrigin, question: Question): Promise<Judged> {
    const { record, verify } = question;
    const judged = judgeClaim(atOrigin, record, Date.now());
    if (judged.state === 'synced') return verify ? this.compare(atOrigin, question) : judged;
    if (record.distrust === undefined && isAhead(record.claim, atOrigin)) {
      const compared = verify ? await this.compare(atOrigin, question) : judged;
      // Only equal values are evidence: the claim is of a version that the origin does not show.
      return compared.state === 'synced' || compared.state === 'failed' ? compared : judged;
    }
    const isPublished = (insight: Insight): boolean =>
      isCurrent(insight, atOrigin) || isAhead(insight, atOrigin);
    const next = await this.whyBehind(question, isPublished);
    return next.state === 'behind' ? { ...next, detail: `${judged.detail}; ${next.detail}` } : next;
  }

  /** The values are in the memory of compareSecret only. */
  private async compare(
    { insight }: LiveAtOrigin,
    { path, scope, record, signal }: Question,
  ): Promise<Judged> {
    const { originVault, vault } = this.servers;
    const messages: string[] = [];
    const onError = (error: unknown): void => {
      messages.push(error instanceof ExplainedError ? error.message : '');
    };
    const known = { insight, claim: record.claim };
    const compared = await compareSecret({ scope, originVault, vault }, path, known, signal, onError);
    switch (compared.kind) {
      case 'equal':
        return {
          state: 'synced',
          detail: `has version ${record.claim?.version ?? insight.version}, and the same value`,
        };
      case 'drift':
        return { state: 'differs', detail: `the value at the destination is another one; ${REPAIR}` };
      case 'missing':
        return { state: 'differs', detail: `${MISSING[compared.class]} at the destination; ${REPAIR}` };
      case 'changed':
        return { state: 'behind', detail: 'the origin changed during the comparison' };
      case 'failed':
        return {
          state: 'failed',
          detail: messages.at(-1) || `the ${compared.at ?? 'value'} could not be read`,
        };
    }
  }

  /** What the destination waits for. If the origin's Consul does not answer, that is the reason which is shown. */
  private async whyBehind(
    { place, scope, signal }: Question,
    isOfNow: (insight: Insight) => boolean,
  ): Promise<Judged> {
    try {
      const published = await this.servers.originsInfo(scope, signal);
      return await published.why(place, isOfNow, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof ExplainedError)) throw error;
      return { state: 'behind', detail: `what it waits for is unknown: ${error.message}` };
    }
  }

  private async isPublished({ path, scope, signal }: Question): Promise<boolean | undefined> {
    try {
      return await (await this.servers.originsInfo(scope, signal)).isPublished(path, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof ExplainedError)) throw error;
      return undefined;
    }
  }
}

const ITSELF = 'origin and destination are one Vault, and this secret is its own copy';

const REPAIR = 'a cycle repairs it: vsync verify --repair -c FILE';

const MISSING = { absent: 'nothing is there', deleted: 'the current version is deleted' } as const;

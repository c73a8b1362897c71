import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { OriginTargets } from '../../../src/activities/destination/base/origin-targets';
import type { PushDeps } from '../../../src/activities/destination/push/may-push';
import { PushMemory } from '../../../src/activities/destination/push/push-memory';
import { WorkPool } from '../../../src/concurrency/work-pool';
import { bucketId, hashBucket, serializeBucket, serializeIndex } from '../../../src/rules/bucket';
import type { Insight } from '../../../src/rules/insight';
import type { Scope } from '../../../src/rules/scope';
import { SyncInfo } from '../../../src/sync-info/sync-info';
import { MemoryStore } from '../../support/memory-store';
import { wholeScope } from '../../support/whole-scope';

export const INSIGHT: Insight = { version: 1, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' };
export const UNVERIFIED: Insight = { ...INSIGHT, version: 0 };

/** The schedule of the destination as Temporal describes it, as far as a push reads it. */
export interface FakeSchedule {
  state: { paused: boolean };
  action: { args?: unknown[] };
}

/** A destination that has everything that its origin publishes, in a store in memory. */
export class PushWorld {
  readonly store = new MemoryStore();
  readonly info = new SyncInfo(this.store, 'vsync/destination/');
  readonly originInfo = new SyncInfo(this.store, 'vsync/origin/');
  /** So many first questions for the schedule get no answer. */
  unansweredQuestions = 0;
  schedule: FakeSchedule | Error | Promise<never> = {
    state: { paused: false },
    action: { args: [{ fingerprint: 'now' }] },
  };
  /** uuids of the mounts, or what a question about them leads to. */
  readonly uuids: Record<'origin' | 'own', string | Error> = { origin: 'of origin', own: 'own' };
  /** Vaults that have an outage. */
  readonly down = new Set<'origin' | 'own'>();
  /** Questions to servers, in their order. */
  readonly asked: string[] = [];
  vaultsAre: PushDeps['vaultsAre'] = 'two';
  scope: Scope = wholeScope();
  /** Further parts of the deps. */
  more: Record<string, unknown> = {};
  syncMetadata = false;
  onConflict: 'overwrite' | 'keep' = 'overwrite';

  constructor(paths: readonly string[]) {
    const insights = new Map(paths.map((path) => [path, INSIGHT]));
    this.publish(insights);
    this.claim(insights);
    this.setState({});
  }

  publish(insights: ReadonlyMap<string, Insight>, numBuckets = 4): void {
    this.write(this.originInfo, insights, numBuckets);
  }

  claim(claims: ReadonlyMap<string, Insight>): void {
    this.write(this.info, claims, 4);
  }

  private write(info: SyncInfo, insights: ReadonlyMap<string, Insight>, numBuckets: number): void {
    const buckets = Array.from({ length: numBuckets }, () => new Map<string, Insight>());
    for (const [path, insight] of insights) buckets[bucketId(path, numBuckets)]?.set(path, insight);
    for (const [id, bucket] of buckets.entries()) this.store.put(info.bucketKey(id), serializeBucket(bucket));
    this.store.put(info.indexKey, serializeIndex(buckets.map(hashBucket)));
  }

  /** Of the destination; a field that is undefined is absent. */
  setState(change: Record<string, unknown>): void {
    const state = { v: 1, name: 'd', config: 'now', considered: '', mounts: { 's/': 'of origin' } };
    this.store.put(this.info.stateKey, JSON.stringify({ ...state, ownMounts: { 's/': 'own' }, ...change }));
  }

  get deps(): PushDeps {
    const { info, originInfo, scope, vaultsAre, syncMetadata, onConflict } = this;
    return {
      config: {
        name: 'd',
        syncMetadata,
        origin: { mounts: ['s/'] },
        destination: { mounts: ['s/'], onConflict },
      },
      fingerprint: 'now',
      vaultsAre,
      info,
      originInfo,
      scope,
      targets: new OriginTargets(originInfo, scope, true),
      originVault: this.vault('origin'),
      vault: this.vault('own'),
      copyPool: new WorkPool(() => 4),
      pushMemory: new PushMemory(),
      ...this.more,
    } as unknown as PushDeps;
  }

  private vault(which: 'origin' | 'own'): object {
    const mount = (name: string): Promise<unknown> => {
      this.asked.push(`${which} ${name}`);
      const uuid = this.uuids[which];
      if (uuid instanceof Error) return Promise.reject(uuid);
      return Promise.resolve({ uuid, isKv2: true, kind: 'kv version 2' });
    };
    const outagesSince = (): object[] => (this.down.has(which) ? [{}] : []);
    const client = { address: which, requestsAtOnce: 4, outagesSince };
    return { mount, checkToken: () => Promise.resolve(), client };
  }

  get client(): Client {
    const describe = async (): Promise<FakeSchedule> => {
      this.asked.push('schedule');
      if (this.unansweredQuestions-- > 0) return new Promise<never>(() => undefined);
      const schedule = await this.schedule;
      if (schedule instanceof Error) throw schedule;
      return schedule;
    };
    const withDeadline = (_at: number, work: () => Promise<unknown>): Promise<unknown> => work();
    return { withDeadline, schedule: { getHandle: () => ({ describe }) } } as unknown as Client;
  }

  loseSchedule(): void {
    this.schedule = new ScheduleNotFoundError('there is none', 'vsync-destination-d');
  }
}

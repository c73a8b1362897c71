import { pushSecrets } from '../../../src/activities/destination/push/push-secrets';
import type { PushResult } from '../../../src/contract/push';
import { FRESH_MS } from '../../../src/limits';
import { inParallel, WorkPool } from '../../../src/concurrency/work-pool';
import { VaultError } from '../../../src/vault/errors';
import type { SecretMetadata, SecretVersion } from '../../../src/vault/kv2';
import { INSIGHT, PushWorld } from './push-world';

const A = 's/data/a';
const B = 's/data/b';
const { signal } = new AbortController();
const NEWER = '2026-02-02T00:00:00Z';

afterEach(() => jest.restoreAllMocks());

const version = (number: number, data: unknown, createdTime = NEWER, endsAt = ''): SecretVersion => ({
  live: true,
  version: number,
  createdTime,
  endsAt,
  data,
});

const metadata = (change: Partial<SecretMetadata> = {}, deletion_time = ''): SecretMetadata => ({
  current_version: 2,
  updated_time: NEWER,
  versions: { '2': { created_time: NEWER, deletion_time, destroyed: false } },
  custom_metadata: null,
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
  current_metadata_version: undefined,
  ...change,
});

/** Version 2 of every secret is at the origin, version 1 of an earlier value at the destination. */
class Both extends PushWorld {
  readonly written: string[] = [];
  atOrigin: (rel: string) => Promise<SecretVersion | undefined> = () =>
    Promise.resolve(version(2, { now: 1 }));
  readonly settings = { origin: metadata(), own: metadata() as SecretMetadata | undefined };

  push(paths: readonly string[], stop = signal): Promise<PushResult> {
    const { deps } = this;
    const originVault = Object.assign(deps.originVault, {
      data: (_mount: string, rel: string) => this.atOrigin(rel),
      metadata: () => Promise.resolve(this.settings.origin),
    });
    const vault = Object.assign(deps.vault, {
      data: () => Promise.resolve(version(1, { now: 0 }, INSIGHT.updateTime)),
      metadata: () => Promise.resolve(this.settings.own),
      write: (_mount: string, rel: string, _data: unknown, cas: number) => {
        this.written.push(`${rel} ${cas}`);
        return Promise.resolve({ version: cas + 1, endsAt: '' });
      },
    });
    const both = { ...deps, originVault, vault } as unknown as typeof deps;
    return pushSecrets(both, this.client, { v: 1, secrets: paths.map((path) => [path, 2, NEWER]) }, stop);
  }
}

describe('pushSecrets', () => {
  let both: Both;

  beforeEach(() => {
    both = new Both([A, B]);
  });

  it('writes what is allowed, against the version that is there', async () => {
    expect(await both.push([A, 's/data/new', B])).toEqual({ v: 1, there: 2, left: 1 });
    expect(both.written.sort()).toEqual(['a 1', 'b 1']);
    expect(both.store.written).toEqual([]);
  });

  it('writes nothing if everything is refused, and reports why', async () => {
    both.loseSchedule();
    expect(await both.push([A, B])).toEqual({ v: 1, there: 0, left: 2, why: 'no-schedule' });
    expect(both.written).toEqual([]);
  });

  it('leaves a secret that fails, and goes on with the others', async () => {
    both.atOrigin = (rel) =>
      rel === 'a'
        ? Promise.reject(new VaultError('forbidden', 'o', 's/a', 'no'))
        : Promise.resolve(version(2, { now: 1 }));
    expect(await both.push([A, B])).toEqual({ v: 1, there: 1, left: 1 });
    expect(both.written).toEqual(['b 1']);
  });

  it('leaves a secret of which the origin answers with an older version', async () => {
    both.atOrigin = () => Promise.resolve(version(1, { now: -1 }, INSIGHT.updateTime));
    expect(await both.push([A])).toEqual({ v: 1, there: 0, left: 1 });
    expect(both.written).toEqual([]);
  });

  it('leaves a secret that the origin has no more', async () => {
    both.atOrigin = () => Promise.resolve(undefined);
    expect(await both.push([A])).toEqual({ v: 1, there: 0, left: 1 });
    expect(both.written).toEqual([]);
  });

  it('leaves a secret whose permission has grown too old in the queue', async () => {
    both.more = {
      copyPool: new WorkPool(
        () => 1,
        () => {
          const later = performance.now() + FRESH_MS;
          jest.spyOn(performance, 'now').mockReturnValue(later);
        },
      ),
    };
    expect(await both.push([A, B])).toEqual({ v: 1, there: 1, left: 1 });
    expect(both.written).toEqual(['a 1']);
  });

  it('does not wait for the secrets of a cycle that have no place yet', async () => {
    const copyPool = new WorkPool(() => 1);
    both.more = { copyPool };
    let endOne = (): void => undefined;
    const ofCycle = (): Promise<void> => new Promise((end) => (endOne = end));
    const stop = new AbortController();
    let begun = 0;
    const cycle = inParallel([1, 2, 3], stop.signal, () => ((begun += 1), ofCycle()), copyPool);
    const pushed = both.push([A, B]);
    await new Promise(setImmediate);
    expect(both.written).toEqual([]);
    endOne();
    expect(await pushed).toEqual({ v: 1, there: 2, left: 0 });
    expect(begun).toBe(2);
    stop.abort();
    endOne();
    await expect(cycle).rejects.toThrow();
  });

  it('leaves what has not arrived when it is stopped, and reports that', async () => {
    const stop = new AbortController();
    both.atOrigin = (rel) => {
      if (rel === 'a') return Promise.resolve(version(2, { now: 1 }));
      stop.abort();
      return Promise.reject(new VaultError('cancelled', 'o', 's/b', 'stopped'));
    };
    expect(await both.push([A, B], stop.signal)).toEqual({ v: 1, there: 1, left: 1, why: 'unavailable' });
  });

  it('throws a failure that is not about a secret', async () => {
    both.atOrigin = () => Promise.reject(new TypeError('a mistake in the code'));
    await expect(both.push([A])).rejects.toThrow('a mistake in the code');
  });

  describe('with syncMetadata', () => {
    beforeEach(() => {
      both.syncMetadata = true;
    });

    it('writes a value whose settings are equal at both ends', async () => {
      expect(await both.push([A])).toEqual({ v: 1, there: 1, left: 0 });
    });

    it.each<[string, (both: Both) => unknown]>([
      ['whose settings differ', (b) => (b.settings.own = metadata({ delete_version_after: '1h0m0s' }))],
      ['without settings at the destination', (b) => (b.settings.own = undefined)],
      ['that expires', (b) => (b.settings.origin = metadata({}, '2027-01-01T00:00:00Z'))],
    ])('leaves a value %s', async (_which, change) => {
      change(both);
      expect(await both.push([A])).toEqual({ v: 1, there: 0, left: 1 });
      expect(both.written).toEqual([]);
    });
  });
});

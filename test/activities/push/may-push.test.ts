import { mayPush } from '../../../src/activities/destination/push/may-push';
import { ConsulError } from '../../../src/consul/errors';
import type { PushRefusal } from '../../../src/contract/push';
import { FRESH_MS } from '../../../src/limits';
import { compileFilter } from '../../../src/rules/filter';
import { Scope, type ScopeRules } from '../../../src/rules/scope';
import { compileTransforms } from '../../../src/rules/transform';
import { VaultError } from '../../../src/vault/errors';
import { INSIGHT, PushWorld, UNVERIFIED } from './push-world';

const A = 's/data/a';
const { signal } = new AbortController();

afterEach(() => jest.restoreAllMocks());

const claims = (...paths: string[]): Map<string, typeof INSIGHT> =>
  new Map(paths.map((path) => [path, INSIGHT]));

const scopeWith = (rules: Partial<ScopeRules>): Scope =>
  new Scope({
    originMounts: ['s/'],
    destinationMounts: ['s/'],
    transformer: compileTransforms([]),
    originFilter: compileFilter({ include: [], exclude: [] }),
    filter: compileFilter({ include: [], exclude: [] }),
    sharedMounts: new Map(),
    ...rules,
  });

/** Both `s/data/old/x` and `s/data/new/x` belong to `s/data/x`. */
const ONE_TARGET = scopeWith({
  transformer: compileTransforms([{ name: 't', from: '^s/data/(old|new)/(?P<name>.+)$', to: 's/data/name' }]),
});

describe('mayPush', () => {
  let world: PushWorld;

  beforeEach(() => {
    world = new PushWorld([A]);
  });

  const refusal = async (stop = signal): Promise<PushRefusal | undefined> => {
    const permission = await mayPush(world.deps, world.client, [A], stop);
    return 'refused' in permission ? permission.refused : undefined;
  };
  const allows = async (path: string): Promise<boolean> => {
    const permission = await mayPush(world.deps, world.client, [path], signal);
    if ('refused' in permission) throw new Error(`all are refused: ${permission.refused}`);
    return permission.mayPush(path);
  };

  it('allows a secret that the destination names with a verified claim', async () => {
    expect(await allows(A)).toBe(true);
  });

  it.each<[string, PushRefusal, (world: PushWorld) => unknown]>([
    ['the schedule is paused', 'paused', (w) => (w.schedule = { state: { paused: true }, action: {} })],
    [
      'there is no schedule',
      'no-schedule',
      (w) => {
        w.loseSchedule();
      },
    ],
    [
      'the schedule has another configuration',
      'other-configuration',
      (w) => (w.schedule = { state: { paused: false }, action: { args: [{ fingerprint: 'new' }] } }),
    ],
    ['Temporal fails', 'unavailable', (w) => (w.schedule = new Error('it is down'))],
    ['Temporal does not answer', 'unavailable', (w) => (w.schedule = new Promise(() => undefined))],
    [
      'the last cycle had another configuration',
      'other-configuration',
      (w) => {
        w.setState({ config: 'old' });
      },
    ],
    [
      'the sync info belongs to another sync',
      'other-configuration',
      (w) => {
        w.setState({ name: 'other' });
      },
    ],
    ['there was no cycle', 'other-configuration', (w) => w.store.values.delete(w.info.stateKey)],
    [
      'claims are on their way',
      'claims-move',
      (w) => {
        w.setState({ moving: 'staged' });
      },
    ],
    ["the origin's mount was re-created", 'mount-changed', (w) => (w.uuids.origin = 'new')],
    ["the destination's mount was re-created", 'mount-changed', (w) => (w.uuids.own = 'new')],
    [
      'a re-created mount waits for an approval',
      'mount-changed',
      (w) => {
        w.setState({ changedMounts: { 's/': 'new' } });
      },
    ],
    [
      'a mount is missing',
      'mount-changed',
      (w) => (w.uuids.own = new VaultError('forbidden', 'own', 's/', 'no')),
    ],
    ['a Vault is down', 'unavailable', (w) => (w.uuids.origin = new VaultError('sealed', 'o', 's/', 'no'))],
    ['the destination is a clone', 'clone', (w) => (w.vaultsAre = 'clone')],
    [
      'the origin has another number of buckets',
      'torn',
      (w) => {
        w.publish(claims(A), 8);
      },
    ],
    ['the origin has no index', 'torn', (w) => w.store.values.delete(w.originInfo.indexKey)],
    ['the destination has no index', 'torn', (w) => w.store.values.delete(w.info.indexKey)],
    [
      'the state is damaged',
      'torn',
      (w) => {
        w.store.put(w.info.stateKey, '{}');
      },
    ],
    [
      'Consul does not answer',
      'unavailable',
      (w) => (w.store.get = () => Promise.reject(new ConsulError('unavailable', 'c', 'k', 'no'))),
    ],
  ])('refuses everything if %s', async (_when, why, change) => {
    change(world);
    expect(await refusal()).toBe(why);
  });

  it('refuses everything after an abort', async () => {
    world.store.get = () => Promise.reject(new ConsulError('cancelled', 'c', 'k', 'stopped'));
    expect(await refusal(AbortSignal.abort())).toBe('unavailable');
  });

  it('throws what is not about a server', async () => {
    world.store.get = () => Promise.reject(new TypeError('a mistake in the code'));
    await expect(refusal()).rejects.toThrow('a mistake in the code');
  });

  it('asks nothing about a clone', async () => {
    world.vaultsAre = 'clone';
    await refusal();
    expect(world.asked).toEqual([]);
  });

  it.each<[string, (world: PushWorld) => unknown]>([
    [
      'that the destination does not name',
      (w) => {
        w.claim(new Map());
      },
    ],
    [
      'whose claim is unverified',
      (w) => {
        w.claim(new Map([[A, UNVERIFIED]]));
      },
    ],
    [
      'of a damaged bucket',
      (w) =>
        [0, 1, 2, 3].map((id) => {
          w.store.put(w.info.bucketKey(id), '[');
        }),
    ],
    ['of a missing bucket', (w) => [0, 1, 2, 3].map((id) => w.store.values.delete(w.info.bucketKey(id)))],
    [
      'that the destination excludes',
      (w) => (w.scope = scopeWith({ filter: compileFilter({ include: [], exclude: ['s/a'] }) })),
    ],
    [
      'that the origin excludes',
      (w) => (w.scope = scopeWith({ originFilter: compileFilter({ include: [], exclude: ['s/a'] }) })),
    ],
    ['of a mount that is not configured', (w) => (w.scope = scopeWith({ originMounts: ['other/'] }))],
    ['that is its own copy', (w) => (w.scope = scopeWith({ sharedMounts: new Map([['s/', 's/']]) }))],
    ['while the targets of others are unknown', (w) => w.store.values.delete(w.originInfo.bucketKey(0))],
  ])('leaves a secret %s', async (_which, change) => {
    change(world);
    expect(await allows(A)).toBe(false);
  });

  it('leaves a secret that is copied in a loop', async () => {
    world.scope = scopeWith({
      originMounts: ['s/'],
      transformer: compileTransforms([{ name: 't', from: '^s/data/a$', to: 's/data/b' }]),
      sharedMounts: new Map([['s/', 's/']]),
    });
    expect(await allows(A)).toBe(false);
  });

  it('leaves both secrets of a collision', async () => {
    const [old, news] = ['s/data/old/x', 's/data/new/x'];
    world = new PushWorld([old, news]);
    world.scope = ONE_TARGET;
    expect([await allows(old), await allows(news)]).toEqual([false, false]);
  });

  it('leaves a secret that was created again after another one got its place', async () => {
    const [old, news] = ['s/data/old/x', 's/data/new/x'];
    world = new PushWorld([old]);
    world.scope = ONE_TARGET;
    world.publish(claims(news));
    expect(await allows(old)).toBe(false);
    world.publish(claims(old));
    expect(await allows(old)).toBe(true);
  });

  it.each([
    ['overwrite', true],
    ['keep', false],
  ] as const)(
    'with onConflict %s: allows a secret of a bucket that does not fit its index, as during a cycle: %s',
    async (onConflict, isAllowed) => {
      world.onConflict = onConflict;
      const index = world.store.values.get(world.info.indexKey)?.value;
      expect(await allows(A)).toBe(true);
      world.claim(new Map([[A, { ...INSIGHT, version: 2 }]]));
      expect(await allows(A)).toBe(true);
      world.store.put(world.info.indexKey, index ?? '');
      expect(await allows(A)).toBe(isAllowed);
    },
  );

  it('asks for the schedule each time, and for the mounts once in FRESH_MS', async () => {
    const { deps, client } = world;
    const ask = async (): Promise<string[]> => {
      world.asked.length = 0;
      await mayPush(deps, client, [A], signal);
      return [...world.asked].sort();
    };
    expect(await ask()).toEqual(['origin s/', 'own s/', 'schedule']);
    expect(await ask()).toEqual(['schedule']);
    const later = performance.now() + FRESH_MS;
    jest.spyOn(performance, 'now').mockReturnValue(later);
    expect(await ask()).toEqual(['origin s/', 'own s/', 'schedule']);
  });

  it('asks for the schedule once more if it has no answer', async () => {
    world.unansweredQuestions = 1;
    expect(await allows(A)).toBe(true);
    expect(world.asked.filter((what) => what === 'schedule')).toHaveLength(2);
  });

  it('obeys a pause that only the second answer shows', async () => {
    world.unansweredQuestions = 1;
    world.schedule = { state: { paused: true }, action: {} };
    expect(await refusal()).toBe('paused');
  });

  it('parses a bucket again only when its content has changed', async () => {
    const { deps, client } = world;
    const parse = jest.spyOn(world.info.format, 'parse');
    const ask = async (): Promise<boolean> => {
      const permission = await mayPush(deps, client, [A], signal);
      return 'mayPush' in permission && permission.mayPush(A);
    };
    expect([await ask(), await ask()]).toEqual([true, true]);
    expect(parse).toHaveBeenCalledTimes(1);
    world.claim(new Map([[A, UNVERIFIED]]));
    expect(await ask()).toBe(false);
    expect(parse).toHaveBeenCalledTimes(2);
  });
});

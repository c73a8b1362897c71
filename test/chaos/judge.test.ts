import type { Insight } from '../../src/rules/insight';
import { Judge } from './judge';
import { Model } from './model';
import { FIRST_SETTINGS, type Settings } from './settings';
import { Violation, type Rule } from './violation';
import type { InfoView, Standing, StandingVersion, Witness } from './witness';

const SECOND_MS = 1_000;
const at = (second: number): { beganMs: number; endedMs: number } => ({
  beganMs: second * SECOND_MS,
  endedMs: second * SECOND_MS,
});
const insight = (version: number): Insight => ({ version, updateTime: 'then', type: 'kvV2' });
const live = (value: string, settings?: string): Standing => ({
  versions: [version()],
  value,
  settings,
});
const version = (deletedAt?: number): StandingVersion => ({
  createdMs: 0,
  deletedMs: deletedAt === undefined ? undefined : deletedAt * SECOND_MS,
});
const deleted = (second: number): Standing => ({
  versions: [version(second)],
  value: undefined,
  settings: undefined,
});

/** What the judge sees, as a test defines it. By default, secrets that were copied. */
class Case implements Witness {
  settings: Settings = FIRST_SETTINGS;
  readonly hands: Witness['hands'] = { versions: new Set(), values: new Map(), touched: new Set() };
  readonly model = new Model();
  readonly judge = new Judge(this, this.model);
  standing: Record<string, Standing> = {};
  claims: Record<string, Insight> = {};
  isPublished: Record<string, Insight> = {};
  listedOrphans: string[] = [];
  values: Record<string, string[]> = {};
  misfit = false;

  constructor(...names: string[]) {
    for (const name of names) {
      this.model.apply(name, 'put', at(1), 'red');
      this.standing[name] = live('red');
      this.claims[name] = this.isPublished[name] = insight(1);
    }
  }

  view = (): Promise<Map<string, Standing>> => Promise.resolve(new Map(Object.entries(this.standing)));
  valuesOf = (place: string): Promise<string[]> => Promise.resolve(this.values[place] ?? []);
  info = (role: 'origin' | 'destination'): Promise<InfoView> =>
    this.misfit
      ? Promise.reject(new Error('bucket 1 does not fit its index'))
      : Promise.resolve(new Map(Object.entries(role === 'origin' ? this.isPublished : this.claims)));
  published = (): Promise<InfoView | undefined> =>
    Promise.resolve(this.misfit ? undefined : new Map(Object.entries(this.isPublished)));
  believedClaims = (): Promise<InfoView> => Promise.resolve(new Map(Object.entries(this.claims)));
  /** One cycle, from second 10 to second 20. */
  cycles = (): ReturnType<Witness['cycles']> =>
    Promise.resolve([{ startMs: 10 * SECOND_MS, closeMs: 20 * SECOND_MS }]);
  orphans = (): Promise<Set<string>> => Promise.resolve(new Set(this.listedOrphans));
  count = (): void => undefined;

  /** The secret at the destination is deleted, and its claim is gone. */
  isDeletedAt(place: string, second: number): void {
    this.standing[place] = deleted(second);
    Reflect.deleteProperty(this.claims, place);
  }
}

async function ruleBroken(work: Promise<unknown>): Promise<Rule | undefined> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Violation) return error.rule;
    throw error;
  }
  return undefined;
}

const A = 'one/team/x';
const B = 'one/ops/x';

test.each<[string, (world: Case) => void, Rule | undefined]>([
  ['nothing has changed', () => undefined, undefined],
  ['versions are gone', (world) => (world.standing = {}), 'kept'],
  [
    'a secret is deleted although the origin has it',
    (world) => {
      world.isDeletedAt(A, 15);
    },
    'evidence',
  ],
  [
    'a secret is deleted after the origin deleted it in that cycle',
    (world) => {
      world.model.apply(A, 'delete', at(12));
      world.isDeletedAt(A, 15);
    },
    undefined,
  ],
  [
    'a secret is deleted before the origin deletes it',
    (world) => {
      world.model.apply(A, 'delete', at(16));
      world.isDeletedAt(A, 15);
    },
    'evidence',
  ],
  [
    'a secret is deleted that was restored before the cycle began',
    (world) => {
      world.model.apply(A, 'delete', at(5));
      world.model.apply(A, 'undelete', at(8));
      world.isDeletedAt(A, 15);
    },
    'evidence',
  ],
  [
    'a secret of a re-created mount is deleted',
    (world) => {
      world.model.recreate('one', at(12));
      world.isDeletedAt(A, 15);
    },
    'evidence',
  ],
  [
    'a secret of a re-created mount is deleted after an approval',
    (world) => {
      world.model.recreate('one', at(12));
      world.model.approve('one', at(14));
      world.isDeletedAt(A, 15);
    },
    undefined,
  ],
  [
    'ignoreDeletes is on, and a secret is deleted',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, ignoreDeletes: true };
      world.model.apply(A, 'delete', at(12));
      world.isDeletedAt(A, 15);
    },
    'evidence',
  ],
  [
    'an excluded secret is deleted',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, filter: 'no-team' };
      world.isDeletedAt(A, 15);
    },
    'evidence',
  ],
  [
    'an excluded secret is deleted, and deleteExcluded is on',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, filter: 'no-team', deleteExcluded: true };
      world.isDeletedAt(A, 15);
    },
    undefined,
  ],
  [
    'a place is deleted where another secret belongs too',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, layout: 'merged' };
      world.model.apply(A, 'delete', at(12));
      world.claims = {};
      world.standing['one/both/x'] = deleted(15);
    },
    'evidence',
  ],
  [
    'an orphan is deleted without a request',
    (world) => (world.standing['one/moved/x'] = deleted(15)),
    'evidence',
  ],
  [
    'an orphan is deleted on request',
    (world) => {
      world.judge.approvedOrphans.add('one/moved/x');
      world.standing['one/moved/x'] = deleted(15);
    },
    undefined,
  ],
  [
    'all secrets of a mount are deleted after the origin deleted them',
    (world) => {
      for (const name of [A, B]) {
        world.model.apply(name, 'delete', at(12));
        world.isDeletedAt(name, 15);
      }
    },
    'guard',
  ],
  [
    'all secrets of a mount are deleted after an approval',
    (world) => {
      for (const name of [A, B]) {
        world.model.apply(name, 'delete', at(12));
        world.isDeletedAt(name, 15);
      }
      world.judge.approve();
    },
    undefined,
  ],
  [
    'one secret is deleted, and maxDeletes is 0',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, maxDeletes: 0 };
      world.model.apply(A, 'delete', at(12));
      world.isDeletedAt(A, 15);
    },
    'guard',
  ],
  ['a claim names a version that did not arrive', (world) => (world.claims[A] = insight(2)), 'claims'],
  ['a claim is unverified', (world) => (world.claims[A] = insight(0)), undefined],
  [
    'the origin’s info lacks a secret that the origin has',
    (world) => Reflect.deleteProperty(world.isPublished, A),
    'published',
  ],
  [
    'the origin’s info lacks a secret that the origin deleted',
    (world) => {
      world.model.apply(A, 'delete', { beganMs: 0, endedMs: 0 });
      Reflect.deleteProperty(world.isPublished, A);
    },
    undefined,
  ],
  [
    'a foreign value is overwritten',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, onConflict: 'keep' };
      world.hands.versions.add('one/k#1');
      world.hands.values.set('one/k', new Set(['black']));
      world.standing['one/k'] = { versions: [version(), version()], value: 'red', settings: undefined };
    },
    'foreign',
  ],
])('Judge.look reports exactly the broken rule, if there is one, when %s', async (_what, change, rule) => {
  const world = new Case(A, B);
  expect(await ruleBroken(world.judge.look())).toBeUndefined();
  change(world);
  expect(await ruleBroken(world.judge.look())).toBe(rule);
});

test.each<[string, (world: Case) => void, Rule | undefined]>([
  ['all is equal', () => undefined, undefined],
  [
    'a secret did not arrive',
    (world) => (world.model.apply(A, 'put', at(30), 'blue'), (world.claims = {})),
    'equal',
  ],
  [
    'a secret that the origin deleted still exists',
    (world) => {
      world.model.apply(A, 'delete', at(30));
      Reflect.deleteProperty(world.isPublished, A);
    },
    'equal',
  ],
  [
    'a secret that the origin deleted still exists, and ignoreDeletes is on',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, ignoreDeletes: true };
      world.model.apply(A, 'delete', at(30));
      Reflect.deleteProperty(world.isPublished, A);
    },
    undefined,
  ],
  [
    'the origin’s info lacks a new secret',
    (world) => {
      world.model.apply('one/k', 'put', at(30), 'red');
      world.standing['one/k'] = live('red');
    },
    'info',
  ],
  [
    'the origin’s info has an old version',
    (world) => {
      world.model.apply(A, 'put-same', at(30));
    },
    'info',
  ],
  ['the destination does not claim a secret', (world) => Reflect.deleteProperty(world.claims, A), 'info'],
  ['a bucket does not fit its index', (world) => (world.misfit = true), 'info'],
  [
    'settings did not arrive',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, syncMetadata: true };
      world.model.apply(A, 'set', at(30), 'owned');
    },
    'settings',
  ],
  [
    'settings arrived',
    (world) => {
      world.settings = { ...FIRST_SETTINGS, syncMetadata: true };
      world.model.apply(A, 'set', at(30), 'owned');
      world.standing[A] = live('red', 'owned');
    },
    undefined,
  ],
  [
    'changed transforms left an orphan, and the plan lists it',
    (world) => {
      moved(world);
      world.listedOrphans = [A];
    },
    undefined,
  ],
  ['changed transforms left an orphan that the plan does not list', moved, 'orphans'],
])(
  'Judge.converged reports exactly the broken rule, if there is one, when %s',
  async (_what, change, rule) => {
    const world = new Case(A, B);
    await world.judge.converged();
    change(world);
    expect(await ruleBroken(world.judge.converged())).toBe(rule);
  },
);

function moved(world: Case): void {
  world.settings = { ...FIRST_SETTINGS, layout: 'moved' };
  world.judge.since.moved = true;
  world.standing['one/moved/x'] = live('red');
}

test('Judge.collisionsStood reports a write at a place where two secrets belong', async () => {
  const world = new Case(A, B);
  world.settings = { ...FIRST_SETTINGS, layout: 'merged' };
  expect(world.judge.collisions()).toEqual(['one/both/x']);
  const before = await world.view();
  world.standing['one/both/x'] = live('red');
  const after = await world.view();
  const between = async (one: typeof before, other: typeof before): Promise<void> => {
    world.judge.collisionsStood(one, other);
    return Promise.resolve();
  };
  expect(await ruleBroken(between(before, before))).toBeUndefined();
  expect(await ruleBroken(between(before, after))).toBe('collision');
});

test.each<[string, string[], Rule | undefined]>([
  ['two values of the origin', ['red', 'blue'], undefined],
  ['the same value twice', ['red', 'red'], 'reasons'],
  ['a value that the origin never had', ['red', 'black'], 'reasons'],
])(
  'Judge.versionsHadReasons reports exactly the broken rule, if there is one, for %s',
  async (_what, values, rule) => {
    const world = new Case(A);
    world.model.apply(A, 'put', at(2), 'blue');
    world.standing[A] = { versions: [version(), version()], value: 'red', settings: undefined };
    world.values[A] = values;
    expect(await ruleBroken(world.judge.versionsHadReasons())).toBe(rule);
  },
);

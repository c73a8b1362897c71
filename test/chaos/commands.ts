import fc from 'fast-check';
import type { Blow, ServerName } from './chaos-servers';
import { FAULT_KINDS, type PlannedFault } from './fault-kinds';
import { feedFault, type FeedFault } from './feed-fault';
import { ORIGIN_STEPS, type OriginStep } from './model';
import { MOUNTS, NAMES, type MountName } from './names';
import { SETTINGS_WORDS } from './secret-settings';
import { FILTERS, FIRST_SETTINGS, LAYOUTS, LONG_TIMEOUT, type Settings } from './settings';
import { PROXIES, ROLES, type ProxyName, type Role, type WorldKind } from './world';

/** One step with one secret of the origin. */
export interface Edit {
  readonly name: string;
  readonly step: OriginStep;
  readonly value: string;
}

/** A fault, and the proxy that causes it. */
export interface Misfortune extends PlannedFault {
  readonly at: ProxyName;
}

/** What happens during a cycle. `kill` and `terminate` end one worker, `kill-all` all of them. */
export type Interruption =
  | 'none'
  | 'kill'
  | 'kill-all'
  | 'terminate'
  | 'cancel'
  | { readonly server: ServerName; readonly blow: Blow };

export type Command =
  | { readonly what: 'edit'; readonly edits: readonly Edit[] }
  | { readonly what: 'bulk'; readonly step: 'put' | 'delete'; readonly value: string }
  | {
      readonly what: 'cycle';
      /** Give the cycle something to do. */
      readonly before: readonly Edit[];
      /** Whether a cycle of the origin runs first. Else the destination works with the sync info of the last one. */
      readonly publish: boolean;
      readonly role: Role;
      readonly faults: readonly Misfortune[];
    }
  | {
      readonly what: 'busy-cycle';
      readonly before: readonly Edit[];
      readonly role: Role;
      readonly faults: readonly Misfortune[];
      readonly at: ProxyName;
      /** Requests that pass at this proxy before the edits and the interruption. */
      readonly after: number;
      readonly edits: readonly Edit[];
      readonly interruption: Interruption;
    }
  | {
      /**
       * A worker is killed at its next write: `before` the server gets it, so that it arrives after other workers have
       * continued; or `after`, so that no worker knows of it.
       */
      readonly what: 'zombie';
      readonly when: 'before' | 'after';
      readonly at: 'destinationVault' | 'consul';
      readonly first: Edit;
      readonly next: Edit;
    }
  | { readonly what: 'hand'; readonly place: string; readonly value: string | null }
  /** The destination's buckets get the claims of the origin's buckets. Its index stays the same. */
  | { readonly what: 'damage'; readonly before: readonly Edit[] }
  | { readonly what: 'configure'; readonly change: Partial<Settings> }
  | {
      /** A mount of the origin is replaced by another engine, without some of its secrets. */
      readonly what: 'recreate';
      readonly mount: MountName;
      readonly without: readonly string[];
      /** New value of all its secrets; "" keeps the old values. */
      readonly value: string;
      /** Whether cycles run before anything else happens. */
      readonly cycles: boolean;
    }
  | { readonly what: 'pause' | 'resume'; readonly by: 'command' | 'schedule' }
  | { readonly what: 'approve' | 'approve-mounts' | 'apply-orphans' | 'settle' };

const value = fc.constantFrom('red', 'green', 'blue');
const role = fc.constantFrom<Role>(...ROLES);
const proxy = fc.constantFrom<ProxyName>(...PROXIES);
const name = fc.constantFrom<string>(...NAMES);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      name,
      step: fc.constantFrom<OriginStep>('put', ...ORIGIN_STEPS.filter((step) => step !== 'set')),
      value,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ name, step: fc.constant('set'), value: fc.constantFrom(...SETTINGS_WORDS) }),
  },
);
const edits = fc.array(edit, { minLength: 1, maxLength: 5 });
const faults: fc.Arbitrary<Misfortune[]> = fc.array(
  fc.record({ at: proxy, kind: fc.constantFrom(...FAULT_KINDS), skip: fc.nat(9) }),
  { maxLength: 5, size: 'max' },
);
const interruption: fc.Arbitrary<Interruption> = fc.oneof(
  { weight: 5, arbitrary: fc.constant('none' as const) },
  { weight: 3, arbitrary: fc.constantFrom('kill', 'kill-all', 'terminate', 'cancel') },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Interruption>(
      { server: 'temporal', blow: 'kill' },
      { server: 'consul', blow: 'kill' },
      { server: 'originVault', blow: 'kill' },
      { server: 'originVault', blow: 'seal' },
      { server: 'destinationVault', blow: 'kill' },
      { server: 'destinationVault', blow: 'seal' },
    ),
  },
);

/** Every configuration key that changes, with its possible values. */
const choices = {
  numBuckets: fc.constantFrom<Settings['numBuckets']>(1, 4, 9, 'auto'),
  layout: fc.constantFrom(...LAYOUTS),
  filter: fc.constantFrom('all' as const, ...FILTERS),
  originFilter: fc.constantFrom('all' as const, 'all' as const, ...FILTERS),
  deleteExcluded: fc.boolean(),
  ignoreDeletes: fc.boolean(),
  syncMetadata: fc.boolean(),
  onConflict: fc.constantFrom<Settings['onConflict']>('overwrite', 'keep'),
  maxDeletes: fc.constantFrom<Settings['maxDeletes']>(undefined, undefined, '100%', 2),
  timeout: fc.constantFrom('1ms', '150ms', '400ms'),
};
const change: fc.Arbitrary<Partial<Settings>> = fc.oneof(
  ...Object.entries(choices).map(([key, choice]) => fc.record({ [key]: choice as fc.Arbitrary<unknown> })),
);

/** The first configuration of a world: mostly defaults. */
const first: fc.Arbitrary<Settings> = fc
  .array(change, { maxLength: 4, size: 'max' })
  .map((changes) =>
    [...changes, { timeout: LONG_TIMEOUT }].reduce<Settings>(
      (settings, one) => ({ ...settings, ...one }),
      FIRST_SETTINGS,
    ),
  );

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('edit'), edits }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('bulk'),
      step: fc.constantFrom('put' as const, 'delete' as const),
      value,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constant('cycle'), before: edits, publish: fc.boolean(), role, faults }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('busy-cycle'),
      before: edits,
      role,
      faults,
      at: proxy,
      after: fc.integer({ min: 1, max: 15 }),
      edits,
      interruption,
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        what: fc.constant('zombie' as const),
        when: fc.constantFrom('before' as const, 'after' as const),
        at: fc.constantFrom('destinationVault' as const, 'destinationVault' as const, 'consul' as const),
        name,
        step: fc.constantFrom<OriginStep>('put', 'put', 'delete'),
        value: fc.constantFrom('late', 'later'),
        next: fc.constantFrom('newer', 'newest'),
      })
      .map(({ what, when, at, name, step, value, next }) => ({
        what,
        when,
        at,
        first: { name, step, value },
        next: { name, step: step === 'delete' ? ('undelete' as const) : ('put' as const), value: next },
      })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('hand'),
      place: fc.constantFrom<string>(...NAMES, 'one/moved/x', 'one/both/x', 'one/both/y'),
      value: fc.option(fc.constantFrom('red', 'black', 'black')),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('damage'), before: edits }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('configure'), change }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('recreate'),
      mount: fc.constantFrom(...MOUNTS),
      without: fc.subarray([...NAMES], { minLength: 1, maxLength: 6 }),
      value: fc.constantFrom('', 'red'),
      cycles: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constantFrom('pause' as const, 'resume' as const),
      by: fc.constantFrom('command' as const, 'schedule' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom('approve', 'approve-mounts', 'apply-orphans', 'settle', 'settle'),
    }),
  },
);

/** All commands of one run, on a sync of its own. */
export interface Scenario extends WorldKind {
  readonly commands: readonly Command[];
  /** What happens before each command, in a world with a feed. */
  readonly feedFaults: readonly FeedFault[];
}

const MOST_COMMANDS = 22;

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  watched: fc.boolean(),
  workers: fc.constantFrom(1, 1, 2),
  settings: first,
  commands: fc.array(command, { minLength: 12, maxLength: MOST_COMMANDS, size: 'max' }),
  // The last ones, so that a seed has the same commands with and without a feed.
  feed: fc.boolean(),
  feedFaults: fc.array(feedFault, { minLength: MOST_COMMANDS, maxLength: MOST_COMMANDS }),
});

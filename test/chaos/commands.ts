import fc from 'fast-check';
import { FAULT_KINDS, type PlannedFault } from './fault-kinds';
import { ORIGIN_STEPS, type OriginStep } from './model';
import type { Settings } from './settings';
import { PROXIES, type ProxyName, type Role } from './world';

/** Folders, a name that is a secret and a folder, characters that need encoding. */
export const NAMES = ['a', 'a/b', 'team/x', 'team/y', 'team/deep/z', 'ops/q', 'ops/ü 1', 'c%41'] as const;

/** So many more secrets come and go at once, above what the delete guard lets pass. */
export const BULK = Array.from({ length: 24 }, (_, number) => `bulk/${number}`);

/** One step at one secret of the origin. */
export interface Edit {
  readonly name: string;
  readonly step: OriginStep;
  readonly value: string;
}

/** A fault, and the proxy that it happens at. */
export interface Misfortune extends PlannedFault {
  readonly at: ProxyName;
}

/** What happens while a cycle runs. */
export type Interruption = 'none' | 'kill' | 'terminate' | 'cancel';

export type Command =
  | { readonly what: 'edit'; readonly edits: readonly Edit[] }
  | { readonly what: 'bulk'; readonly step: 'put' | 'delete'; readonly value: string }
  | { readonly what: 'cycle'; readonly role: Role; readonly faults: readonly Misfortune[] }
  | {
      readonly what: 'busy-cycle';
      readonly role: Role;
      readonly faults: readonly Misfortune[];
      readonly at: ProxyName;
      /** Requests that pass at this proxy before the edits and the interruption. */
      readonly after: number;
      readonly edits: readonly Edit[];
      readonly interruption: Interruption;
    }
  | { readonly what: 'hand'; readonly place: string; readonly value: string | null }
  | { readonly what: 'configure'; readonly change: Partial<Settings> }
  | { readonly what: 'pause' | 'resume' | 'approve' | 'settle' };

const value = fc.constantFrom('red', 'green', 'blue');
const role = fc.constantFrom<Role>('origin', 'destination');
const proxy = fc.constantFrom<ProxyName>(...PROXIES);
const edit: fc.Arbitrary<Edit> = fc.record({
  name: fc.constantFrom<string>(...NAMES),
  step: fc.constantFrom<OriginStep>('put', ...ORIGIN_STEPS),
  value,
});
const edits = fc.array(edit, { minLength: 1, maxLength: 5 });
const faults: fc.Arbitrary<Misfortune[]> = fc.array(
  fc.record({ at: proxy, kind: fc.constantFrom(...FAULT_KINDS), skip: fc.nat(9) }),
  { maxLength: 5, size: 'max' },
);
const interruption = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Interruption>('none') },
  { weight: 3, arbitrary: fc.constantFrom<Interruption>('kill', 'terminate', 'cancel') },
);
const change: fc.Arbitrary<Partial<Settings>> = fc.oneof(
  fc.record({ numBuckets: fc.constantFrom(1, 4, 9) }),
  fc.record({ moveTeamTo: fc.constantFrom('moved', 'elsewhere', undefined) }),
  fc.record({ excluded: fc.constantFrom('ops', 'team', undefined) }),
  fc.record({ ignoreDeletes: fc.boolean() }),
  fc.record({ timeout: fc.constantFrom('1ms', '150ms', '400ms') }),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('edit'), edits }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('bulk'),
      step: fc.constantFrom('put' as const, 'delete' as const),
      value,
    }),
  },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('cycle'), role, faults }) },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('busy-cycle'),
      role,
      faults,
      at: proxy,
      after: fc.integer({ min: 1, max: 25 }),
      edits,
      interruption,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('hand'),
      place: fc.constantFrom<string>(...NAMES, 'moved/x'),
      value: fc.option(fc.constantFrom('red', 'black')),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('configure'), change }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constantFrom('pause', 'resume', 'approve', 'settle') }),
  },
);

/** What is done in one go, on a sync of its own. */
export interface Scenario {
  /** The watch starts cycles too. Without it, those that the test asks for have all the work. */
  readonly watched: boolean;
  readonly commands: readonly Command[];
}

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  watched: fc.boolean(),
  commands: fc.array(command, { minLength: 12, maxLength: 22, size: 'max' }),
});

import { z } from 'zod';
import { verdictOf, VERDICTS, type InstanceState, type Verdict } from '../verdict';

/** What one destination came to. */
export const SECRET_STATES = [
  'synced',
  'behind',
  'excluded',
  'refused',
  'deleted',
  'held',
  'differs',
  'failed',
  'timeout',
] as const;

/**
 * - `synced`: it has the origin's current version
 * - `behind`: not yet
 * - `excluded`: the configuration leaves the secret out; the destination does not count
 * - `refused`: not copied (a collision, a loop, a target that is not a data path)
 * - `deleted`: the origin has no current version of the secret
 * - `held`: the same, and the delete at the destination waits for an approval
 * - `differs`: by its sync info it has the version, and the value at the destination is missing or another one
 * - `failed`: it could not be asked
 * - `timeout`: it did not answer in time
 */
export type SecretState = (typeof SECRET_STATES)[number];

export const DestinationAnswer = z.object({
  name: z.string().describe('name of the destination, as its configuration file has it'),
  state: z.enum(SECRET_STATES).describe('what is known of the secret at this destination'),
  detail: z.string().describe('the reason in words'),
  version: z.int().describe("the origin's current version of the secret, if it has one").optional(),
  to: z.string().describe('data path at the destination, if the transforms change it').optional(),
});
export type DestinationAnswer = z.infer<typeof DestinationAnswer>;

export const SecretAnswer = z.object({
  path: z.string().describe('data path of the secret at the origin'),
  verdict: z.enum(VERDICTS).describe('Synced: every destination that is to have the secret has it'),
  destinations: z.array(DestinationAnswer),
});
export type SecretAnswer = z.infer<typeof SecretAnswer>;

/** How the rule for tokens counts a state. */
const AS_INSTANCE: Readonly<Record<Exclude<SecretState, 'excluded'>, InstanceState>> = {
  synced: 'present',
  behind: 'absent',
  refused: 'refused',
  deleted: 'refused',
  held: 'refused',
  differs: 'refused',
  failed: 'failed',
  timeout: 'pending',
};

/**
 * The verdict, by the rule for tokens: the origin counts as one that has the secret. Destinations that exclude the secret
 * do not count. If no destination counts, nothing is proved: `NotSynced`.
 */
export function verdictOfSecret(states: readonly SecretState[]): Verdict {
  const counted = states.flatMap((state) => (state === 'excluded' ? [] : [AS_INSTANCE[state]]));
  return counted.length === 0 ? 'NotSynced' : verdictOf(['origin', ...counted]);
}

/** States that end by themselves, with a later cycle. */
const NOT_YET: ReadonlySet<SecretState> = new Set(['synced', 'behind', 'excluded']);

/** Whether nothing is wrong, and the question only came too early. */
export function isNotYet({ verdict, destinations }: SecretAnswer): boolean {
  return (
    verdict !== 'Synced' &&
    destinations.some(({ state }) => state === 'behind') &&
    destinations.every(({ state }) => NOT_YET.has(state))
  );
}

/** Whether waiting cannot change the answer: it is `Synced`, or an operator has to act first. */
export function isFinal({ verdict, destinations }: SecretAnswer): boolean {
  return (
    verdict === 'Synced' ||
    destinations.every(({ state }) => state === 'excluded') ||
    destinations.some(({ state }) => state === 'refused' || state === 'differs')
  );
}

import { assertSyncName } from '../access/sync-path';
import type { PendingDeletes } from '../contract/destination';
import type { Role } from '../contract/ids';
import { UsageError, UserError } from '../errors';
import { STATE_ATTEMPTS } from '../limits';
import {
  readDestinationState,
  readStateOf,
  writeOfState,
  type DestinationState,
  type OriginState,
  type Stored,
} from '../sync-info/state';
import type { SyncInfo } from '../sync-info/sync-info';
import { assertOwnName } from '../temporal/ownership';
import { withInfo, withTemporal } from './connections';
import { ask, consentOf, isNamed, shortSet, type Consent } from './consent';
import { fileOf, load, type Options } from './options';
import { requestCycle } from './trigger';

/** `vsync approve`: approves the pending deletes of a destination, or a re-created mount; then a cycle runs. */
export async function approve(options: Options): Promise<void> {
  const config = load(options);
  const mounts = options['mount'] as string[] | undefined;
  if (config.role === 'origin' && (options['set'] !== undefined || options['yes'] === true))
    throw new UsageError(
      "deletes wait at a destination: give the destination's file. For an origin, only re-created mounts can be " +
        'accepted: vsync approve --mount NAME -c FILE',
    );
  const consent =
    mounts === undefined && config.role === 'destination' ? consentOf(options, 'vsync approve') : undefined;
  // The schedule of this name does what is approved: it must not be another sync's.
  await withTemporal(config, (client) => assertOwnName(client, config));
  await withInfo(config, async (info) => {
    const at = { info, name: config.name };
    if (consent === undefined) {
      await approveMounts(at, config.role, mounts ?? []);
      console.log(`approved: ${mounts?.join(', ') ?? ''} as it is now`);
      return;
    }
    const set = consent.kind === 'set' ? consent.set : await chooseDeletes(at, consent, options);
    const { count, reason } = await approveDeletes(at, set);
    console.log(`approved: ${count} deletes (${reason})`);
  });
  await requestCycle(config, options);
}

/** The set of deletes that is pending now. Asks for consent unless `--yes` was given. */
async function chooseDeletes(at: Approvable, { kind }: Consent, options: Options): Promise<string> {
  const { count, hash, reason } = await pendingDeletes(at);
  if (kind === 'yes') return hash;
  console.log(
    `${count} deletes wait at ${at.name}, set ${shortSet(hash)}: ${reason}\n` +
      `"vsync plan -c ${fileOf(options)}" lists them`,
  );
  await ask(`Soft-delete these ${count} secrets of ${at.name}?`);
  return hash;
}

/** `name` is the sync that the operator means: nothing of another sync is approved. */
export interface Approvable {
  info: SyncInfo;
  name: string;
}

/** The pending deletes of a destination. @throws UserError if there are none */
export async function pendingDeletes({ info, name }: Approvable): Promise<PendingDeletes> {
  const { state } = await readDestinationState(info);
  if (state === undefined) throw new UserError(NO_CYCLE_YET);
  assertSyncName(info, state, name);
  return pendingOf(state);
}

function pendingOf(state: DestinationState): PendingDeletes {
  if (state.held === undefined) throw new UserError(nothingWaits(state));
  return state.held;
}

/** Approves the pending deletes if their set is the one that was shown. @throws UserError if not */
export async function approveDeletes(at: Approvable, set: string): Promise<PendingDeletes> {
  return changeState(at, readDestinationState, (state) => {
    const held = pendingOf(state);
    if (!isNamed(held.hash, set)) {
      throw new UserError(
        `another set of deletes waits now: ${held.count}, ${held.reason}. See it with "vsync plan -c FILE", ` +
          `and approve it with: vsync approve --set ${shortSet(held.hash)} -c FILE`,
      );
    }
    return [{ ...state, approved: held.hash }, held];
  });
}

function nothingWaits({ changedMounts = {} }: DestinationState | OriginState): string {
  const names = Object.keys(changedMounts);
  return names.length === 0
    ? 'no deletes wait for an approval; "vsync status -c FILE" shows them when they do'
    : `no deletes wait for an approval; re-created mounts do: vsync approve --mount ${names.join(' ')} -c FILE`;
}

/**
 * Accepts re-created mounts of the origin: secrets that they lack count as deleted from then on. Accepts exactly the
 * mount that the last cycle found; if it is re-created once more, its paths are unknown again.
 *
 * @throws UserError if one of them is not known to have been re-created, or if none is named
 */
export async function approveMounts(at: Approvable, role: Role, names: readonly string[]): Promise<void> {
  await changeState(
    at,
    (of) => readStateOf(role, of),
    (state) => {
      if (names.length === 0) throw new UserError(nothingWaits(state));
      const { changedMounts = {}, ...rest } = state;
      const unknown = names.filter((name) => changedMounts[name] === undefined);
      if (unknown.length > 0)
        throw new UserError(
          `${unknown.join(', ')}: the last cycle found no such re-created mount of the origin; waiting for an approval: ` +
            (Object.keys(changedMounts).join(', ') || 'none'),
        );
      const isApproved = ([name]: [string, string]): boolean => names.includes(name);
      const found = Object.entries(changedMounts);
      const left = found.filter((mount) => !isApproved(mount));
      const next = {
        ...rest,
        mounts: { ...state.mounts, ...Object.fromEntries(found.filter(isApproved)) },
        ...(left.length > 0 && { changedMounts: Object.fromEntries(left) }),
      };
      return [next, undefined];
    },
  );
}

const NO_CYCLE_YET = 'nothing waits for an approval: there was no cycle yet';

/** @param change returns the next state, and the result for the caller */
export async function changeState<T extends OriginState | DestinationState, R>(
  { info, name }: Approvable,
  read: (info: SyncInfo) => Promise<Stored<T>>,
  change: (state: T) => [next: T, result: R],
): Promise<R> {
  for (let attempt = 0; attempt < STATE_ATTEMPTS; attempt++) {
    const { state, revision } = await read(info);
    if (state === undefined) throw new UserError(NO_CYCLE_YET);
    assertSyncName(info, state, name);
    const [next, result] = change(state);
    if ((await info.store.commit([writeOfState(info, next, revision)])) !== undefined) return result;
  }
  throw new UserError(
    `Consul ${info.store.address}: ${info.stateKey}: a running cycle keeps changing this key; run the command again`,
  );
}

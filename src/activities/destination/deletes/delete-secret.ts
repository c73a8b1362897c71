import { insightOfMetadata } from '../../../rules/insight';
import type { Location } from '../../../rules/paths';
import type { RequestOptions } from '../../../vault/client';
import { VaultError } from '../../../vault/errors';
import type { Kv2, SecretVersion } from '../../../vault/kv2';
import { PathError } from '../../shared/failures';
import { placeAtDestination, type DestinationDeps } from '../base/deps';
import type { DeleteCandidate } from '../../../rules/plan';
import type { Targets } from '../base/origin-targets';
import { Freshness, writeFresh, type Decision } from '../base/freshness';

/**
 * Asks the origin whether a secret that its info lacks is really gone.
 *
 * @returns `gone`: its metadata says deleted, or there is none; `withdrawn`: its mount is not configured any more, so the
 *   origin cannot be asked
 * @throws PathError `mount-changed`: a re-created mount answers exactly like one whose secrets were all deleted
 * @throws VaultError if the origin cannot be asked
 */
async function absenceAtOrigin(
  { deps: { originVault, scope }, mounts }: Omit<Judging, 'targets'>,
  path: string,
  signal: AbortSignal,
  freshness?: Freshness,
): Promise<'gone' | 'served' | 'withdrawn'> {
  const place = scope.placeAtOrigin(path);
  if (place === undefined) return 'withdrawn';
  const metadata = await originVault.metadata(place.mount, place.rel, signal, freshness?.begin);
  if (metadata !== undefined && insightOfMetadata(metadata, Date.now()) !== undefined) return 'served';
  // Asked after the answer: the same engine now means that it was the same engine then.
  const { uuid } = await originVault.mount(place.mount, signal);
  if (uuid !== mounts[place.mount]) throw new PathError('mount-changed', place.mount + place.rel);
  return 'gone';
}

/** What a candidate for a delete turns out to be. `taken`: other secrets of the origin belong at its place. */
export type CandidateIs = { is: 'gone' | 'served' | 'withdrawn' } | { is: 'taken'; by: readonly string[] };

export interface Judging {
  readonly deps: DestinationDeps;
  readonly targets: Targets;
  /** Remembered uuids of the origin's mounts. */
  readonly mounts: Record<string, string>;
}

/** Asks about one candidate, for the guard, a cycle and `vsync plan`. @throws like {@link absenceAtOrigin} */
export async function judgeCandidate(
  judging: Judging,
  { path, unwanted }: DeleteCandidate,
  signal: AbortSignal,
): Promise<CandidateIs> {
  const by = judging.targets.sourcesOf(judging.deps.scope.target(path));
  if (by.length > 0) return { is: 'taken', by };
  return { is: unwanted ? 'gone' : await absenceAtOrigin(judging, path, signal) };
}

/** `gone` if there was none, `held` if it stays. */
export type Deleted = 'deleted' | 'gone' | 'held';

/** Soft-deletes one secret at the destination, unless the origin has it again. An unwanted one needs no question. */
export async function deleteSecret(
  judging: Omit<Judging, 'targets'>,
  { path, unwanted }: DeleteCandidate,
  signal: AbortSignal,
): Promise<Deleted> {
  const confirm = async (_there: SecretVersion, freshness: Freshness): Promise<boolean> =>
    unwanted || (await absenceAtOrigin(judging, path, signal, freshness)) === 'gone';
  return deleteAt(judging.deps, placeAtDestination(judging.deps, path), signal, confirm);
}

/**
 * Soft-deletes the secret at one place of the destination: the version that was there before the last question
 * (`confirm`) was asked, and no later one. Throws like {@link writeFresh}.
 *
 * @returns `held` if the answer was no, or another version came in between
 */
export async function deleteAt(
  { vault, changes }: Pick<DestinationDeps, 'vault' | 'changes'>,
  { mount, rel }: Location,
  signal: AbortSignal,
  confirm: (there: SecretVersion, freshness: Freshness) => Promise<boolean>,
): Promise<Deleted> {
  const decide = async (there: SecretVersion | undefined): Promise<Decision<typeof there, Deleted>> => {
    if (there?.live !== true) return { done: 'gone' };
    // A delete that was undone at the origin leaves this version as it was: it would be the one that is deleted.
    const freshness = new Freshness();
    if (!(await confirm(there, freshness))) return { done: 'held' };
    const write = async (writing: RequestOptions): Promise<Deleted> => {
      const did = await deleteIfStill(vault, { mount, rel }, there, writing);
      if (did === 'deleted') changes?.note({ did, to: { mount, rel }, version: there.version });
      return did;
    };
    return { freshness, write };
  };
  return writeFresh(
    { vault, place: { mount, rel }, signal },
    { read: () => vault.data(mount, rel, { signal }), decide, retried: [] },
  );
}

async function deleteIfStill(
  vault: Kv2,
  { mount, rel }: Location,
  there: SecretVersion,
  writing: RequestOptions,
): Promise<Deleted> {
  try {
    await vault.deleteVersion(mount, rel, there.version, writing);
  } catch (error) {
    if (!(error instanceof VaultError) || error.kind !== 'forbidden') throw error;
    // Policies written for the original vsync allow only to delete what is the latest: make sure that it is ours.
    const latest = await vault.data(mount, rel, { signal: writing.signal });
    if (latest?.live !== true) return 'gone';
    if (latest.version !== there.version) return 'held';
    await vault.deleteLatest(mount, rel, writing);
  }
  return 'deleted';
}

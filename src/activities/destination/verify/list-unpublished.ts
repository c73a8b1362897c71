import { readOriginState } from '../../../sync-info/state';
import { compileFilter, type PathFilter } from '../../../rules/filter';
import { insightOfMetadata } from '../../../rules/insight';
import { dataPath, type Location } from '../../../rules/paths';
import { counted, stageFindings, type Finding } from './findings';
import type { PathFailure } from '../../../contract/cycle';
import type { ListUnpublishedResult } from '../../../contract/verify';
import { failureOfPath } from '../../shared/failures';
import { inVerifyPool, type DestinationDeps } from '../base/deps';
import { FolderLister, forEachBucketOf } from './list-extras';
import { readFitting } from '../../../sync-info/indexed-buckets';
import { MAX_FAILURES } from '../../../limits';

/**
 * Walks the origin itself, and names the secrets that it has and its sync info lacks: nothing else would notice that they
 * are not copied. The info is read after the listing, so that what was published in between is not reported.
 */
export async function listUnpublished(
  deps: DestinationDeps,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<ListUnpublishedResult> {
  const { config, originVault, originInfo, staging } = deps;
  const lister = new FolderLister(deps, originVault);
  const found = await listOrigin(deps, lister, signal, progress);
  const { index } = await originInfo.readIndex(signal);
  const notes = notesOf(lister.unlisted, config.origin.mounts);
  if (index === undefined) return { v: 1, counts: {}, notes };
  await forEachBucketOf(found, index.length, signal, async (id, paths, stop) => {
    const { bucket } = (await readFitting(originInfo, index, id, stop)) ?? {};
    // A bucket that does not fit is reported by itself.
    for (const path of paths) if (bucket === undefined || bucket.has(path)) found.delete(path);
  });

  const findings: Finding[] = [];
  await inVerifyPool(deps, [...found], signal, async ([path, { mount, rel }], stop) => {
    try {
      const metadata = await originVault.metadata(mount, rel, stop);
      if (metadata !== undefined && insightOfMetadata(metadata, Date.now()) !== undefined)
        findings.push({ kind: 'unpublished', path });
    } catch (error) {
      failureOfPath(error, stop);
      findings.push({ kind: 'unpublished', path, class: 'unreadable' });
    }
  });
  const list = await stageFindings(staging, findings, signal);
  return { v: 1, counts: counted(findings), notes, ...(list && { list }) };
}

/** What the origin publishes and this destination wants, by its data path. */
async function listOrigin(
  { config, originInfo }: DestinationDeps,
  lister: FolderLister,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<Map<string, Location>> {
  const { state } = await readOriginState(originInfo, signal);
  const filters = [state?.filter, config.origin, config.destination].flatMap((rules) =>
    rules === undefined ? [] : [compileFilter(rules)],
  );
  // The original vsync has no state, and publishes what the destination's file names.
  const isPublished = (mount: string): boolean => state === undefined || Object.hasOwn(state.mounts, mount);
  const found = new Map<string, Location>();
  for (const mount of config.origin.mounts.filter(isPublished)) {
    let level = startsOf(mount, filters).map((folder) => ({ mount, rel: folder.slice(mount.length) }));
    while (level.length > 0) {
      const listed = await lister.list(level, signal);
      for (const { rel } of listed.secrets) {
        if (filters.every((filter) => filter.allows(mount + rel)))
          found.set(dataPath(mount, rel), { mount, rel });
      }
      progress(found.size);
      level = listed.folders.filter(({ rel }) => filters.every((filter) => filter.mayHold(mount + rel)));
    }
  }
  return found;
}

/** The folders to begin with: a token may be allowed to list nothing above those that a filter names. */
function startsOf(mount: string, filters: readonly PathFilter[]): string[] {
  const narrower = filters.map((filter) => filter.startsOf(mount)).find(([first]) => first !== mount);
  return (narrower ?? [mount]).filter((folder) => filters.every((filter) => filter.mayHold(folder)));
}

function notesOf(unlisted: readonly PathFailure[], mounts: readonly string[]): string[] {
  const notes = unlisted.map(({ path, class: why }) => {
    const what = `${path}: ${why}: not listed at the origin, so secrets that its info lacks are not known there`;
    const remedy = `; to have it listed, give the destination's token at the origin: ${policyLine(path, mounts)}`;
    return why === 'forbidden' ? what + remedy : what;
  });
  if (unlisted.length < MAX_FAILURES) return notes;
  return [...notes, 'more folders of the origin may not have been listed'];
}

/** @param folder mount and path in it */
function policyLine(folder: string, mounts: readonly string[]): string {
  const [mount = ''] = mounts.filter((each) => folder.startsWith(each)).sort((a, b) => b.length - a.length);
  return `path "${mount}metadata/${folder.slice(mount.length)}*" { capabilities = ["list", "read"] }`;
}

import { FairQueue, forAllOf } from '../../concurrency/work-pool';
import { compileFilter } from '../../rules/filter';
import type { DetailedName } from '../../vault/detailed-listing';
import type { CycleReportBuilder } from '../shared/cycle-report';
import { failureOfPath } from '../shared/failures';
import type { OriginDeps } from './deps';
import { knownOfListing } from './known';
import type { Known } from './manifest';

/** What the folders of all mounts have. */
export interface Walk {
  /** By mount, paths in it. */
  readonly paths: ReadonlyMap<string, string[]>;
  /** By mount, what the listing showed of a path. A path without an entry has to be read singly. */
  readonly known: ReadonlyMap<string, ReadonlyMap<string, Known | null>>;
  /** Folders that could not be listed, as mount and path. */
  readonly unknown: readonly string[];
}

interface Folder {
  mount: string;
  /** Path in the mount: empty for its root, else ending in "/". */
  folder: string;
}

interface WalkOptions {
  readonly report: CycleReportBuilder;
  /** By which versions end. */
  readonly clock: () => number;
  /** Whether the cycle publishes the settings of the secrets. */
  readonly withSettings: boolean;
  readonly progress: (listed: number) => void;
}

/**
 * Lists the folders of all mounts. What the filters leave out is not listed, or listed and left out. A folder whose
 * listing fails is unknown, not empty. Where the server can, names come with metadata: no secret has to be read then.
 */
export async function walk(
  { config, vault, room }: OriginDeps,
  { report, clock, withSettings, progress }: WalkOptions,
  signal: AbortSignal,
): Promise<Walk> {
  const filter = compileFilter(config.origin);
  const { mounts } = config.origin;
  const paths = new Map<string, string[]>(mounts.map((mount) => [mount, []]));
  const known = new Map(mounts.map((mount) => [mount, new Map<string, Known | null>()]));
  const unknown: string[] = [];
  const folders = new FairQueue<Folder>();
  const namesOf = async (
    { mount, folder }: Folder,
    stop: AbortSignal,
  ): Promise<DetailedName<Known | null | 0>[]> => {
    const read = (metadata: Parameters<typeof knownOfListing>[0]) =>
      knownOfListing(metadata, clock(), withSettings);
    const detailed = await vault.listDetailed(mount, folder, read, stop);
    return detailed ?? (await vault.list(mount, folder, stop)).map((name) => ({ name }));
  };
  const listFolder = async (place: Folder, stop: AbortSignal): Promise<void> => {
    const { mount, folder } = place;
    const names = await namesOf(place, stop).catch((error: unknown) => {
      report.fail(mount + folder, failureOfPath(error, stop), 'unknown');
      unknown.push(mount + folder);
      return [];
    });
    let listed = 0;
    for (const { name, metadata = 0 } of names) {
      const path = folder + name;
      if (name.endsWith('/')) {
        if (filter.mayHold(mount + path)) folders.push(mount, { mount, folder: path });
      } else if (filter.allows(mount + path)) {
        listed += 1;
        paths.get(mount)?.push(path);
        if (metadata !== 0) known.get(mount)?.set(path, metadata);
      }
    }
    report.count('listed', listed);
    progress(report.progress);
  };
  for (const mount of mounts) {
    for (const start of filter.startsOf(mount))
      folders.push(mount, { mount, folder: start.slice(mount.length) });
  }
  await forAllOf(folders, signal, listFolder, room);
  return { paths, known, unknown };
}

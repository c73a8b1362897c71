import type { FileContent } from '../support/sync-fixture';
import type { MountTable } from './names';
import { partsOf } from './names';

/**
 * Where secrets go. `plain`: to the same path. `moved`, `elsewhere`: `team/` of either mount goes to another folder.
 * `merged`: `team/` and `ops/` of both mounts go to one folder of the first mount, where names collide.
 */
export const LAYOUTS = ['plain', 'moved', 'elsewhere', 'merged'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** The filter of one side. */
export const FILTERS = ['all', 'no-ops', 'no-team', 'only-team'] as const;
export type Filter = (typeof FILTERS)[number];

/** What the test changes in the configuration files. */
export interface Settings {
  readonly numBuckets: number | 'auto';
  readonly layout: Layout;
  /** The destination's filter. */
  readonly filter: Filter;
  readonly originFilter: Filter;
  readonly deleteExcluded: boolean;
  readonly ignoreDeletes: boolean;
  readonly syncMetadata: boolean;
  readonly onConflict: 'overwrite' | 'keep';
  /** `undefined`: the default. */
  readonly maxDeletes: number | '100%' | undefined;
  /** Go duration. */
  readonly timeout: string;
}

/** Longer than every injected fault, so that a cycle ends by itself. */
export const LONG_TIMEOUT = '1m';

export const FIRST_SETTINGS: Settings = {
  numBuckets: 4,
  layout: 'plain',
  filter: 'all',
  originFilter: 'all',
  deleteExcluded: false,
  ignoreDeletes: false,
  syncMetadata: false,
  onConflict: 'overwrite',
  maxDeletes: undefined,
  timeout: LONG_TIMEOUT,
};

/** Where a secret belongs at the destination. A second implementation of the transforms, independent of src. */
export function targetOf({ layout }: Settings, name: string): string {
  const { mount, inMount } = partsOf(name);
  const [top = '', ...rest] = inMount.split('/');
  if (rest.length === 0) return name;
  if (layout === 'merged' && (top === 'team' || top === 'ops')) return `one/both/${rest.join('/')}`;
  if ((layout === 'moved' || layout === 'elsewhere') && top === 'team')
    return `${mount}/${layout}/${rest.join('/')}`;
  return name;
}

function letsThrough(filter: Filter, name: string): boolean {
  const { inMount } = partsOf(name);
  const isIn = (folder: string): boolean => inMount.startsWith(`${folder}/`);
  if (filter === 'only-team') return isIn('team');
  return filter === 'all' || !isIn(filter.slice('no-'.length));
}

/** Whether the origin's filter includes the secret. */
export const isPublished = ({ originFilter }: Settings, name: string): boolean =>
  letsThrough(originFilter, name);

/** Whether the destination's filter includes the secret. */
export const isWantedThere = ({ filter }: Settings, name: string): boolean => letsThrough(filter, name);

/** Whether the filter of either end excludes the secret. */
export const isExcluded = (settings: Settings, name: string): boolean =>
  !isPublished(settings, name) || !isWantedThere(settings, name);

/** Writes the settings into the content of a configuration file. */
export function applySettings(
  settings: Settings,
  file: FileContent,
  role: 'origin' | 'destination',
  mounts: MountTable,
): void {
  Object.assign(file.origin, { timeout: settings.timeout, ...globsOf(settings.originFilter, mounts) });
  file['syncMetadata'] = settings.syncMetadata;
  if (role === 'origin') {
    file['numBuckets'] = settings.numBuckets;
    return;
  }
  const { layout, filter, ignoreDeletes, deleteExcluded, onConflict, maxDeletes, timeout } = settings;
  file['ignoreDeletes'] = ignoreDeletes;
  delete file['maxDeletes'];
  if (maxDeletes !== undefined) file['maxDeletes'] = maxDeletes;
  const transforms = transformsOf(layout, mounts);
  Object.assign(file.destination, {
    timeout,
    deleteExcluded,
    onConflict,
    transforms,
    ...globsOf(filter, mounts),
  });
}

function transformsOf(layout: Layout, mounts: MountTable): { name: string; from: string; to: string }[] {
  const mount = `(?P<mount>${mounts.all.map((name) => name.slice(0, -1)).join('|')})`;
  const rest = '(?P<rest>.+)$';
  if (layout === 'plain') return [];
  if (layout === 'merged') {
    const to = `${mounts.of('one')}meta/both/rest`;
    return [{ name: 'both', from: `^${mount}/(?P<meta>data)/(team|ops)/${rest}`, to }];
  }
  return [{ name: 'team', from: `^${mount}/(?P<meta>data)/team/${rest}`, to: `mount/meta/${layout}/rest` }];
}

function globsOf(filter: Filter, mounts: MountTable): { include: string[]; exclude: string[] } {
  const below = (folder: string): string[] => mounts.all.map((mount) => `${mount}${folder}/**`);
  if (filter === 'all') return { include: [], exclude: [] };
  if (filter === 'only-team') return { include: below('team'), exclude: [] };
  return { include: [], exclude: below(filter.slice('no-'.length)) };
}

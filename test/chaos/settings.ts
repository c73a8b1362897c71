import type { FileContent } from '../support/sync-fixture';

/** What the test changes in the configuration files, beside the timeout. */
export interface Settings {
  numBuckets: number;
  /** Folder that `team/` is moved to at the destination; undefined: no transform. */
  moveTeamTo: string | undefined;
  /** Top folder that the destination leaves out. */
  excluded: string | undefined;
  ignoreDeletes: boolean;
  /** Go duration. */
  timeout: string;
}

/** No fault that is injected takes as long: with it, a cycle ends by itself. */
export const LONG_TIMEOUT = '1m';

export const FIRST_SETTINGS: Settings = {
  numBuckets: 4,
  moveTeamTo: undefined,
  excluded: undefined,
  ignoreDeletes: false,
  timeout: LONG_TIMEOUT,
};

/** Where a secret belongs at the destination, without mount. Says in its own words what the transform says. */
export function targetOf(settings: Settings, path: string): string {
  const { moveTeamTo } = settings;
  if (moveTeamTo === undefined || !path.startsWith('team/')) return path;
  return `${moveTeamTo}/${path.slice('team/'.length)}`;
}

export function isExcluded({ excluded }: Settings, path: string): boolean {
  return excluded !== undefined && path.startsWith(`${excluded}/`);
}

/** Brings the settings into a configuration file. */
export function applySettings(
  settings: Settings,
  file: FileContent,
  role: 'origin' | 'destination',
  mount: string,
): void {
  file.origin['timeout'] = settings.timeout;
  if (role === 'origin') {
    file['numBuckets'] = settings.numBuckets;
    return;
  }
  const { moveTeamTo, excluded, ignoreDeletes, timeout } = settings;
  const from = `^(?P<mount>${mount.slice(0, -1)})/(?P<meta>data)/team/(?P<rest>.+)$`;
  file['ignoreDeletes'] = ignoreDeletes;
  file.destination['timeout'] = timeout;
  file.destination.transforms =
    moveTeamTo === undefined ? [] : [{ name: 'team', from, to: `mount/meta/${moveTeamTo}/rest` }];
  file.destination['exclude'] = excluded === undefined ? [] : [`${mount}${excluded}/**`];
}

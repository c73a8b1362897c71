import { hashOfIndex, type SyncIndex } from './sync-index';

/**
 * Names what a destination deals with in one cycle: the hash of the origin's index, and, where the settings of
 * secrets are carried over, "+" and that of their index.
 */
export function consideredOf(index: SyncIndex, settings?: SyncIndex): string {
  const hash = hashOfIndex(index);
  return settings === undefined ? hash : `${hash}+${hashOfIndex(settings)}`;
}

/** Whether it is this index of the origin that was considered, whatever the settings were. */
export function isConsidered(considered: string, index: SyncIndex): boolean {
  return considered.split('+')[0] === hashOfIndex(index);
}

import os from 'node:os';

/*
 * The note of a pause: Temporal stores a text, and neither the time nor who paused. `vsync pause` therefore adds both to
 * its reason; they are shown in Temporal's web UI too.
 */

export interface PauseNote {
  reason: string;
  /** `user@host`; absent if another tool paused the schedule. */
  by?: string;
  /** RFC 3339, by the clock of that host. */
  at?: string;
}

const PATTERN = /^(.*) \(by (\S+) at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\)$/s;

export function pauseNote(reason: string, at: Date): string {
  return `${reason} (by ${user()}@${os.hostname()} at ${at.toISOString()})`;
}

/** The note of a paused schedule, from whatever tool. */
export function readPauseNote(note = ''): PauseNote {
  const [, reason, by, at] = PATTERN.exec(note) ?? [];
  if (reason === undefined || by === undefined || at === undefined) return { reason: note };
  return { reason, by, at };
}

/** A process in a container may have no name. */
function user(): string {
  try {
    return os.userInfo().username.replace(/\s/g, '_');
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

import { readFileSync } from 'node:fs';

/** Linux counts CPU time in these, on every architecture that Node runs on. */
const TICK_MS = 10;

/** Memory of a process, in bytes. */
export interface Memory {
  resident: number;
  /** The most that it ever had. */
  peak: number;
}

/**
 * CPU time of all threads of a process since its start, user and system, in milliseconds.
 *
 * @throws if there is no such process
 */
export function cpuMs(pid: number): number {
  return parseCpuMs(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** @throws if there is no such process */
export function memoryOf(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** The text of /proc/PID/stat: its second field is a name in brackets, which may hold anything. */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isFinite(user + system)) throw new Error('/proc/PID/stat is not in the form that Linux writes');
  return (user + system) * TICK_MS;
}

/** The text of /proc/PID/status. */
export function parseMemory(status: string): Memory {
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (found === undefined) throw new Error(`/proc/PID/status has no ${name}`);
    return Number(found) * 1024;
  };
  return { resident: bytes('VmRSS'), peak: bytes('VmHWM') };
}

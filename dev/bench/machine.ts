import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { serverVersions } from '../servers/start';

/** What Linux reports of the machine and of its processes. */

/** Where the figures were measured. */
export async function describeMachine() {
  const { temporal, consul, vault } = await serverVersions();
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3),
    node: process.version,
    servers: { Temporal: temporal, Consul: consul, Vault: vault },
    // Processes that were ready to run in the minute before: about 0 on a quiet machine.
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 10) / 10,
  };
}

/** Linux counts CPU time in these, on every architecture that Node runs on. */
const TICK_MS = 10;

/** CPU time of all threads of a process since its start, user and system. @throws if there is no such process */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process: the maximum since its start (`VmHWM`), or now. @throws if there is no such process */
export function memoryMiB(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

/** In /proc/PID/net/tcp: a connection that is open at both ends. */
const ESTABLISHED = '01';

/** TCP connections that a process has to a port. @throws if there is no such process */
export function connectionsOf(pid: number, port: number): number {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => socketOf(`/proc/${pid}/fd/${fd}`)));
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, , remote = '', state]) =>
        state === ESTABLISHED && parseInt(remote.split(':')[1] ?? '', 16) === port,
    )
    .filter((fields) => own.has(fields[9])).length;
}

/** The inode of a socket; undefined for another kind of file, or one that was closed since the folder was read. */
function socketOf(fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(fd))?.[1];
  } catch {
    return undefined;
  }
}

import fs from 'node:fs';

/** In /proc/PID/net/tcp: a connection that is open at both ends. */
const ESTABLISHED = '01';

/**
 * How many TCP connections a process has to a port, on Linux.
 *
 * @throws if there is no such process
 */
export function connectionsOf(pid: number, port: number): number {
  const inodes = new Set<string>();
  for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed since the folder was read.
    }
  }
  const tables = ['tcp', 'tcp6'].map((table) => fs.readFileSync(`/proc/${pid}/net/${table}`, 'utf8'));
  return tables.flatMap((table) => establishedTo(table, port)).filter((inode) => inodes.has(inode)).length;
}

/** @param table text of /proc/PID/net/tcp or tcp6 @returns the inodes of the connections to this port */
export function establishedTo(table: string, port: number): string[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, , remote = '', state]) =>
        state === ESTABLISHED && parseInt(remote.split(':')[1] ?? '', 16) === port,
    )
    .map((fields) => fields[9] ?? '');
}

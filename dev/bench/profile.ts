import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What V8 writes with --cpu-prof, as far as it is used here. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  /** Node that was running at each sample. */
  samples: number[];
  /** Microseconds between a sample and the one before. */
  timeDeltas: number[];
}

/** Time in which a function itself was running, without those that it called. */
export interface SelfTime {
  where: string;
  ms: number;
  /** Of all the time in which the thread was not idle. */
  share: number;
}

const IDLE = new Set(['(idle)', '(program)']);

/** The functions in which a thread spent most time, the longest first. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, most: number): SelfTime[] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, at) => {
    const where = places.get(id) ?? 'unknown';
    // What follows a sample is spent where it was taken.
    times.set(where, (times.get(where) ?? 0) + (timeDeltas[at + 1] ?? 0) / 1000);
  });
  const busy = [...times].filter(([where]) => !IDLE.has(where));
  const total = busy.reduce((sum, [, ms]) => sum + ms, 0);
  return busy
    .map(([where, ms]) => ({ where, ms, share: total === 0 ? 0 : ms / total }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, most);
}

/** Top self times of each profile in a folder, as lines for people; threads that did little are left out. */
export function describeProfiles(folder: string, most: number): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .flatMap((name) => {
      const profile = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as CpuProfile;
      const times = selfTimes(profile, most);
      if ((times[0]?.ms ?? 0) < 10) return [];
      return [
        name,
        ...times.map(
          ({ where, ms, share }) =>
            `  ${`${Math.round(ms)} ms`.padStart(9)} ${`${(share * 100).toFixed(1)} %`.padStart(7)}  ${where}`,
        ),
      ];
    });
}

/** Name, and the file from its package or from src on. */
function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.replace(/^file:\/\//, '').replace(/^.*\/(?=(?:node_modules|dist)\/)/, '');
  return `${name} ${file}:${lineNumber + 1}`;
}

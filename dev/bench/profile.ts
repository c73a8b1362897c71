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

/** The functions that ran longest themselves, without those that they called: lines for people. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, most: number): string[] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, at) => {
    const place = places.get(id) ?? 'unknown';
    // The time after a sample is spent where it was taken.
    times.set(place, (times.get(place) ?? 0) + (timeDeltas[at + 1] ?? 0) / 1000);
  });
  const busy = [...times].filter(([place]) => place !== '(idle)' && place !== '(program)');
  const total = busy.reduce((sum, [, ms]) => sum + ms, 0);
  return busy
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(
      ([place, ms]) =>
        `${Math.round(ms)} ms`.padStart(11) + `${((100 * ms) / total).toFixed(1)} %  `.padStart(10) + place,
    );
}

/** The self times of each profile in a folder. */
export function describeProfiles(folder: string, most: number): string {
  const names = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter((name) =>
    name.endsWith('.cpuprofile'),
  );
  const described = names.sort().map((name) => {
    const profile = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as CpuProfile;
    return `\n${path.join(folder, name)}, time in the functions themselves:\n${selfTimes(profile, most).join('\n')}`;
  });
  return described.join('\n');
}

/** Name, and the file from its package or from dist on. */
function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  const file = url.replace(/^file:\/\//, '').replace(/^.*\/(?=(?:node_modules|dist)\/)/, '');
  return url === '' ? name : `${name} ${file}:${lineNumber + 1}`;
}

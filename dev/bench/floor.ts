import type { MountData } from '../shared/sample-secrets';
import { VaultRequests, type VaultAccess } from '../shared/vault-requests';
import { inParallel } from '../shared/wait';

/**
 * The floor: the requests that no program can avoid, and nothing else. vsync is compared with it, so it checks
 * nothing, repeats nothing and keeps nothing.
 */

/** An origin cycle. */
export interface ScanWork {
  kind: 'scan';
  origin: VaultAccess;
  mounts: readonly string[];
  inFlight: number;
}

/** A first copy. */
export interface CopyWork {
  kind: 'copy';
  origin: VaultAccess;
  destination: VaultAccess;
  data: readonly MountData[];
  inFlight: number;
}

export interface FloorDone {
  /** From the first request to the last answer. */
  ms: number;
  cpuMs: number;
  requests: number;
}

/** A LIST of each folder and one read of metadata for each secret; both at the same time, as names become known. */
export async function scan({ origin, mounts, inFlight }: ScanWork): Promise<FloorDone> {
  const vault = new VaultRequests(origin, inFlight);
  const done = stopwatch();
  const roots = mounts.map((mount) => ({ mount, path: '' }));
  const requests = await forAllFound(roots, inFlight, async ({ mount, path }) => {
    if (path === '' || path.endsWith('/'))
      return (await vault.list(mount, path)).map((name) => ({ mount, path: path + name }));
    await vault.readMetadata(mount, path);
    return [];
  });
  const times = done();
  await vault.close();
  return { ...times, requests };
}

/** One read and one write for each secret. */
export async function copy({ origin, destination, data, inFlight }: CopyWork): Promise<FloorDone> {
  const [from, to] = [new VaultRequests(origin, inFlight), new VaultRequests(destination, inFlight)];
  const secrets = data.flatMap(({ mount, paths }) => paths.map((path) => ({ mount, path })));
  const done = stopwatch();
  await inParallel(secrets, inFlight, async ({ mount, path }) => {
    await to.writeValue(mount, path, await from.readValue(mount, path));
  });
  const times = done();
  await Promise.all([from.close(), to.close()]);
  return { ...times, requests: 2 * secrets.length };
}

/** @returns reads the time and the CPU time of this process since now */
function stopwatch(): () => Pick<FloorDone, 'ms' | 'cpuMs'> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { ms: performance.now() - started, cpuMs: (user + system) / 1000 };
  };
}

/**
 * Does the work for each item, and for each item that the work of another one finds, at most `limit` at a time.
 *
 * @returns the number of items
 */
export function forAllFound<T>(
  first: readonly T[],
  limit: number,
  work: (item: T) => Promise<readonly T[]>,
): Promise<number> {
  const items = [...first];
  let begun = 0;
  let running = 0;
  return new Promise((resolve, reject) => {
    const next = (): void => {
      for (; running < limit && begun < items.length; running++)
        work(items[begun++] as T).then((found) => {
          items.push(...found);
          running--;
          next();
        }, reject);
      if (running === 0) resolve(items.length);
    };
    next();
  });
}

import { inParallel } from '../shared/wait';
import type { MountData } from './data';
import { VaultRequests, type VaultAccess } from './vault-requests';

/** An origin cycle without anything around it. */
export interface ScanWork {
  kind: 'scan';
  origin: VaultAccess;
  mounts: readonly string[];
  inFlight: number;
}

/** A first copy without anything around it. */
export interface CopyWork {
  kind: 'copy';
  origin: VaultAccess;
  destination: VaultAccess;
  data: readonly MountData[];
  inFlight: number;
}

export type FloorWork = ScanWork | CopyWork;

/** What the floor did. */
export interface FloorDone {
  /** From the first request to the last answer. */
  ms: number;
  requests: number;
}

export async function doFloorWork(work: FloorWork): Promise<FloorDone> {
  return work.kind === 'scan' ? scan(work) : copy(work);
}

/**
 * The requests that no origin cycle can do without: a LIST of each folder, and one read of metadata for each secret.
 * Secrets that are known already are read while other folders are being listed.
 */
async function scan({ origin, mounts, inFlight }: ScanWork): Promise<FloorDone> {
  const vault = new VaultRequests(origin, inFlight);
  const started = performance.now();
  const roots = mounts.map((mount) => ({ mount, path: '' }));
  const requests = await forAllFound(roots, inFlight, async ({ mount, path }) => {
    if (path === '' || path.endsWith('/')) {
      const names = await vault.list(mount, path);
      return names.map((name) => ({ mount, path: path + name }));
    }
    await vault.readMetadata(mount, path);
    return [];
  });
  const ms = performance.now() - started;
  await vault.close();
  return { ms, requests };
}

/** The requests that no first copy can do without: one read and one write for each secret. */
async function copy({ origin, destination, data, inFlight }: CopyWork): Promise<FloorDone> {
  const from = new VaultRequests(origin, inFlight);
  const to = new VaultRequests(destination, inFlight);
  const secrets = data.flatMap(({ mount, paths }) => paths.map((path) => ({ mount, path })));
  const started = performance.now();
  await inParallel(secrets, inFlight, async ({ mount, path }) => {
    await to.writeValue(mount, path, await from.readValue(mount, path));
  });
  const ms = performance.now() - started;
  await Promise.all([from.close(), to.close()]);
  return { ms, requests: 2 * secrets.length };
}

/**
 * Does the work for each item, and for each that the work of another one finds, at most `limit` at a time.
 *
 * @returns the number of items
 */
export async function forAllFound<T>(
  first: readonly T[],
  limit: number,
  work: (item: T) => Promise<readonly T[]>,
): Promise<number> {
  const items = [...first];
  let begun = 0;
  let ended = 0;
  let idle: (() => void)[] = [];
  const worker = async (): Promise<void> => {
    while (ended < items.length) {
      if (begun === items.length) {
        await new Promise<void>((resolve) => idle.push(resolve));
        continue;
      }
      const found = await work(items[begun++] as T);
      items.push(...found);
      ended++;
      if (found.length === 0 && ended < items.length) continue;
      for (const resolve of idle) resolve();
      idle = [];
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return items.length;
}

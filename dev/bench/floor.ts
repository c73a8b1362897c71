import type { MountData } from '../shared/sample-secrets';
import { fanOut, startInstances, type FanOutDone, type FanOutWork, type InstancesWork } from './fan-out';
import { TcpProxy } from '../shared/tcp-proxy';
import { VaultRequests, type VaultAccess } from '../shared/vault-requests';
import { inParallel } from '../shared/wait';

/*
 * The floor: the requests that no program can avoid, and nothing else. vsync is compared with it, so it checks
 * nothing, repeats nothing and keeps nothing. As a process of its own (helper.ts) it also runs the latency proxies.
 */

/** Each kind of work, and what it needs. */
export interface Works {
  /** An origin cycle. */
  scan: { origin: VaultAccess; mounts: readonly string[]; inFlight: number };
  /** A first copy. */
  copy: { origin: VaultAccess; destination: VaultAccess; data: readonly MountData[]; inFlight: number };
  /** Proxies that delay each request on its way to these URLs. */
  proxy: { targets: readonly string[]; delayMs: number };
  /** NGINX instances that have every token. */
  instances: InstancesWork;
  /** The questions of Syncer, with undici and nothing else. */
  fanOut: FanOutWork;
}

/** What each kind of work answers. */
export interface WorksDone {
  scan: FloorDone;
  copy: FloorDone;
  /** The URLs of the proxies, in the order of their targets. */
  proxy: string[];
  /** Their ports. */
  instances: number[];
  fanOut: FanOutDone;
}

export interface FloorDone {
  /** From the first request to the last answer. */
  ms: number;
  cpuMs: number;
  requests: number;
}

const PERFORM = { scan, copy, proxy, instances: startInstances, fanOut };

/** A LIST of each folder and one read of metadata for each secret; both at the same time, as names become known. */
async function scan({ origin, mounts, inFlight }: Works['scan']): Promise<FloorDone> {
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
async function copy({ origin, destination, data, inFlight }: Works['copy']): Promise<FloorDone> {
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

/** @returns the URLs of the proxies, in the order of their targets */
async function proxy({ targets, delayMs }: Works['proxy']): Promise<string[]> {
  const proxies = await Promise.all(targets.map((url) => TcpProxy.before(new URL(url).host, { delayMs })));
  return proxies.map(({ address }) => `http://${address}`);
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

/** The work of one message from the parent process, and the answer to it. */
export type Work = { [Kind in keyof Works]: [Kind, Works[Kind]] }[keyof Works];
export type Reply = { done: unknown } | { problem: string };

if (require.main === module) {
  const perform = ([kind, plan]: Work): Promise<unknown> => PERFORM[kind](plan as never);
  process.on('message', (work: Work) => {
    perform(work).then(
      (done) => process.send?.({ done } satisfies Reply),
      (error: unknown) => process.send?.({ problem: (error as Error).message } satisfies Reply),
    );
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches all processes of a terminal, and the parent decides in which order they end.
  process.on('SIGINT', () => undefined);
}

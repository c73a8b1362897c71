import type { MountData } from '../shared/sample-secrets';
import { TcpProxy } from '../shared/tcp-proxy';
import { VaultRequests, type VaultAccess } from '../shared/vault-requests';
import { inParallel } from '../shared/wait';
import { fanOut, startInstances } from './fan-out';

/*
 * The floor: the requests that no program can avoid, and nothing else. vsync is compared with it, so it checks
 * nothing, repeats nothing and keeps nothing. As a process of its own (helper.ts) it also runs the latency proxies.
 */

const WORKS = { scan, copy, proxy, instances: startInstances, fanOut };

/** Each kind of work: what it needs, and what it answers. Both pass between two processes. */
export type Works = typeof WORKS;
export type Done<Kind extends keyof Works> = Awaited<ReturnType<Works[Kind]>>;
export type Reply<Kind extends keyof Works> = { done: Done<Kind> } | { problem: string };

interface Scan {
  origin: VaultAccess;
  mounts: readonly string[];
  inFlight: number;
}

/**
 * An origin cycle: a LIST of each folder and one read of metadata for each secret; both at the same time, as names
 * become known.
 */
async function scan({ origin, mounts, inFlight }: Scan) {
  // Its pool keeps what it has no connection for, in order.
  const vault = new VaultRequests(origin, inFlight);
  let requests = 0;
  const visit = async (mount: string, path: string): Promise<void> => {
    requests++;
    if (path !== '' && !path.endsWith('/')) return vault.readMetadata(mount, path);
    const names = await vault.list(mount, path);
    await Promise.all(names.map((name) => visit(mount, path + name)));
  };
  const done = await timed(async () => {
    await Promise.all(mounts.map((mount) => visit(mount, '')));
    return requests;
  });
  await vault.close();
  return done;
}

interface Copy {
  /** Of the destination's role. */
  atOrigin: VaultAccess;
  destination: VaultAccess;
  data: readonly MountData[];
  inFlight: number;
}

/** A first copy: one read and one write for each secret. */
async function copy({ atOrigin, destination, data, inFlight }: Copy) {
  const [from, to] = [new VaultRequests(atOrigin, inFlight), new VaultRequests(destination, inFlight)];
  const secrets = data.flatMap(({ mount, paths }) => paths.map((path) => ({ mount, path })));
  const done = await timed(async () => {
    await inParallel(secrets, inFlight, async ({ mount, path }) => {
      await to.writeValue(mount, path, await from.readValue(mount, path));
    });
    return 2 * secrets.length;
  });
  await Promise.all([from.close(), to.close()]);
  return done;
}

/** Proxies that delay each request on its way to these URLs. @returns their URLs, in the order of their targets */
async function proxy({ targets, delayMs }: { targets: readonly string[]; delayMs: number }) {
  const proxies = await Promise.all(targets.map((url) => TcpProxy.before(new URL(url).host, { delayMs })));
  return proxies.map(({ address }) => `http://${address}`);
}

/** The time of all requests, from the first one to the last answer, and the CPU time of this process. */
async function timed(
  sendAll: () => Promise<number>,
): Promise<{ ms: number; cpuMs: number; requests: number }> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const requests = await sendAll();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - started, cpuMs: (user + system) / 1000, requests };
}

if (require.main === module) {
  process.on('message', ([kind, plan]: [keyof Works, never]) => {
    WORKS[kind](plan).then(
      (done) => process.send?.({ done }),
      (error: unknown) => process.send?.({ problem: (error as Error).message }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches all processes of a terminal, and the parent decides in which order they end.
  process.on('SIGINT', () => undefined);
}

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { NAMES_EVERY_MS } from '../limits';
import { steadyNowMs } from '../steady-clock';
import type { Instance, InstanceList, InstanceSource } from './instance';

/** All addresses of a host name, as a connection to it would find them. */
export type Lookup = (name: string) => Promise<readonly { address: string; family: number }[]>;

const lookupAll: Lookup = (name) => lookup(name, { all: true });

/**
 * The list that the configuration names. It is fresh, as long as no host name in it has several addresses: those would be
 * several instances, of which only one is asked and counted. An address of IPv4 and one of IPv6 may be one machine.
 */
export class StaticInstances implements InstanceSource {
  readonly kind = 'static';
  private readonly names: readonly string[];
  private readonly problems = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    private readonly instances: readonly Instance[],
    private readonly lookup = lookupAll,
  ) {
    this.names = [...new Set(instances.map(({ address }) => address).filter((name) => isIP(name) === 0))];
  }

  async start(): Promise<void> {
    await Promise.all(this.names.map((name) => this.check(name)));
    if (this.isClosed || this.names.length === 0) return;
    this.timer = setTimeout(() => void this.start(), NAMES_EVERY_MS);
  }

  current(): InstanceList {
    const { instances } = this;
    const [problem] = this.problems.values();
    return problem === undefined ? { instances, freshAtMs: steadyNowMs() } : { instances, problem };
  }

  close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    return Promise.resolve();
  }

  /** A name that is not found has no verdict of its own: the probes report it. */
  private async check(name: string): Promise<void> {
    const addresses = await this.lookup(name).catch(() => undefined);
    if (addresses === undefined) return;
    const several = [4, 6]
      .map((version) => [
        ...new Set(addresses.filter(({ family }) => family === version).map(({ address }) => address)),
      ])
      .find((ofFamily) => ofFamily.length > 1);
    if (several === undefined) this.problems.delete(name);
    else this.problems.set(name, describeSeveral(name, several));
  }
}

function describeSeveral(name: string, addresses: readonly string[]): string {
  return (
    `instances: the host name ${name} has ${addresses.length} addresses, and would count as one instance; ` +
    'list each address, or use "dns" instead of "instances"'
  );
}

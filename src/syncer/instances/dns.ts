import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { DNS_TIMEOUT_MS, DNS_TRIES } from '../limits';
import { steadyNowMs } from '../steady-clock';
import type { Instance, InstanceList, InstanceSource } from './instance';

export interface DnsOptions {
  /** Full name of a headless service: search domains are not tried. */
  readonly name: string;
  readonly everyMs: number;
  /** Port of the instances, if it is not that of the configuration. */
  readonly port?: number | undefined;
  /** DNS servers instead of those of the machine. */
  readonly servers?: readonly string[] | undefined;
}

/**
 * The addresses of a name, asked again and again. An instance has its address as its name: DNS has no other.
 *
 * An answer without addresses is an empty list. A name that does not exist, or no answer, is not: the last list stays and
 * grows old, because a DNS server that has lost a zone must not make every token Synced.
 */
export class DnsInstances implements InstanceSource {
  readonly kind = 'dns';
  private readonly resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  private list: InstanceList = { instances: [] };
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(private readonly options: DnsOptions) {
    if (options.servers !== undefined) this.resolver.setServers([...options.servers]);
  }

  async start(): Promise<void> {
    await this.refresh();
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.start(), this.options.everyMs);
  }

  current(): InstanceList {
    return this.list;
  }

  close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.resolver.cancel();
    return Promise.resolve();
  }

  private async refresh(): Promise<void> {
    const { name } = this.options;
    const answers = await Promise.allSettled([this.resolver.resolve4(name), this.resolver.resolve6(name)]);
    const failure = answers.flatMap((answer) => {
      if (answer.status === 'fulfilled') return [];
      const { code = 'error' } = answer.reason as { code?: string };
      return code === 'ENODATA' ? [] : [code];
    })[0];
    if (failure !== undefined) {
      this.list = { ...this.list, problem: describeFailure(name, failure) };
      return;
    }
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const instances = [...new Set(addresses)].sort().map((address) => this.instanceAt(address));
    this.list = {
      instances: sameAddresses(instances, this.list.instances) ? this.list.instances : instances,
      freshAtMs: steadyNowMs(),
    };
  }

  private instanceAt(address: string): Instance {
    const { port } = this.options;
    return { name: address, address, ...(port === undefined ? {} : { port }) };
  }
}

function sameAddresses(these: readonly Instance[], those: readonly Instance[]): boolean {
  return these.length === those.length && these.every(({ address }, at) => those[at]?.address === address);
}

function describeFailure(name: string, code: string): string {
  const what = `DNS: ${name}`;
  switch (code) {
    case 'ENOTFOUND':
      return `${what}: there is no such name (ENOTFOUND); set dns.name to the full name of the headless service, such as nginx.apigw.svc.cluster.local`;
    case 'ETIMEOUT':
    case 'ECONNREFUSED':
      return `${what}: no DNS server answers (${code}); check the DNS of this machine, or dns.servers`;
    default:
      return `${what}: the DNS server reports an error (${code}); check its log`;
  }
}

/** Whether a text is the address of a DNS server, with or without a port. */
export function isDnsServer(text: string): boolean {
  const [, inBrackets, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(text) ?? [];
  return isIP(text) !== 0 || isIP(inBrackets ?? plain ?? '') !== 0;
}

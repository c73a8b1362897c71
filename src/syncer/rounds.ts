import { isIP } from 'node:net';
import Queue from 'yocto-queue';
import type { Instance } from './instances/instance';
import { Round, type AskInstance, type RoundResult, type RoundSettings } from './round';

/** A question about a token. */
export interface Question {
  readonly token: string;
  /** As the client names it. It is only compared, and never becomes an address. */
  readonly origin: string;
  readonly instances: readonly Instance[];
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

export interface RoundsOptions extends RoundSettings {
  /** Prepares the question about a token. */
  readonly about: (token: string) => AskInstance;
  /** Probes of all rounds together. */
  readonly maxProbes: number;
  /** Called with the list of a round that begins. */
  readonly onBegin?: (instances: readonly Instance[]) => void;
  /** Called for a client that joins the round of another one. */
  readonly onShared?: () => void;
}

interface Entry {
  readonly round: Round;
  readonly instances: readonly Instance[];
  readonly startedMs: number;
}

/** The rounds in progress. A client joins the one of its token and origin, if that is young and about the same instances. */
export class Rounds {
  private readonly entries = new Map<string, Entry>();
  private readonly beginnings = new Turns();
  private probes = 0;

  constructor(private readonly options: RoundsOptions) {}

  /** Instances that are asked by all rounds together. */
  get inFlight(): number {
    return this.probes;
  }

  /** @returns `too many` if too many probes are in progress; resolves to undefined if the client went away */
  ask({ token, origin, instances, signal }: Question): Promise<RoundResult | undefined> | 'too many' {
    // Neither may have a line end.
    const key = `${origin}\n${token}`;
    const entry = this.entries.get(key);
    if (entry !== undefined && this.isJoinable(entry, instances)) {
      this.options.onShared?.();
      return entry.round.join(signal);
    }
    const found = findOrigin(instances, origin);
    const others = found === undefined ? instances : instances.filter((instance) => instance !== found);
    // A single round may have more instances than the limit.
    if (this.probes > 0 && this.probes + others.length > this.options.maxProbes) return 'too many';
    return this.begin(key, token, { instances, others, knowsOrigin: found !== undefined }).join(signal);
  }

  private begin(
    key: string,
    token: string,
    list: {
      readonly instances: readonly Instance[];
      readonly others: readonly Instance[];
      readonly knowsOrigin: boolean;
    },
  ): Round {
    const { instances, others, knowsOrigin } = list;
    const round: Round = new Round(others, knowsOrigin, this.options.about(token), this.options, () => {
      this.probes -= others.length;
      if (this.entries.get(key)?.round === round) this.entries.delete(key);
    });
    this.options.onBegin?.(instances);
    this.probes += others.length;
    this.beginnings.add(() => {
      round.begin();
    });
    this.entries.set(key, { round, instances, startedMs: performance.now() });
    return round;
  }

  /** An old round may remember a token that an instance has lost since. */
  private isJoinable(entry: Entry, instances: readonly Instance[]): boolean {
    if (performance.now() - entry.startedMs > this.options.requestDeadlineMs) return false;
    return sameInstances(entry.instances, instances);
  }
}

/**
 * Does one piece of work in each turn of the event loop. To begin a round takes a millisecond; if the rounds of many
 * questions began in a row, the questions behind them would be read late, and their deadlines would run from then.
 */
class Turns {
  private readonly waiting = new Queue<() => void>();
  private isNextDue = false;

  add(work: () => void): void {
    this.waiting.enqueue(work);
    this.awaitNext();
  }

  private awaitNext(): void {
    if (this.isNextDue || this.waiting.size === 0) return;
    this.isNextDue = true;
    setImmediate(this.next);
  }

  private readonly next = (): void => {
    this.isNextDue = false;
    const work = this.waiting.dequeue();
    this.awaitNext();
    work?.();
  };
}

function sameInstances(these: readonly Instance[], those: readonly Instance[]): boolean {
  if (these === those) return true;
  return (
    these.length === those.length &&
    these.every(({ name, address, port }, at) => {
      const other = those[at];
      return other?.name === name && other.address === address && other.port === port;
    })
  );
}

/**
 * The instance that the client names: by its name, its address, or address and port. An address that several instances
 * have names none of them.
 */
export function findOrigin(instances: readonly Instance[], origin: string): Instance | undefined {
  const wanted = origin.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  const named = instances.find(({ name }) => name.toLowerCase() === wanted);
  if (named !== undefined) return named;
  const atPlace = instances.find((instance) => placeOf(instance) === origin.toLowerCase());
  if (atPlace !== undefined) return atPlace;
  const atAddress = instances.filter(({ address }) => address.toLowerCase() === wanted);
  return atAddress.length === 1 ? atAddress[0] : undefined;
}

function placeOf({ address, port }: Instance): string | undefined {
  if (port === undefined) return undefined;
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address.toLowerCase()}:${port}`;
}

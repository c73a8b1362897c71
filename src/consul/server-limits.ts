import { CONSUL_OPERATIONS, CONSUL_TRANSACTION_BYTES, CONSUL_VALUE_BYTES } from '../limits';

/** One limit of a server: assumed at first, then as its answers show it. */
class LearntLimit {
  private stated: number | undefined;
  private taken = 0;

  /** @param assumed the default of the server */
  constructor(private readonly assumed: number) {}

  /** The most that is worth sending, as far as it is known. */
  get value(): number {
    return this.stated ?? Math.max(this.assumed, this.taken);
  }

  /** Whether the server has taken as much before. */
  hasTaken(amount: number): boolean {
    return amount <= this.taken;
  }

  took(amount: number): void {
    this.taken = Math.max(this.taken, amount);
    // It was raised since.
    if (this.stated !== undefined && amount > this.stated) this.stated = undefined;
  }

  /** The server named its limit. */
  is(limit: number): void {
    this.stated = limit;
    this.taken = Math.min(this.taken, limit);
  }

  /** Nobody named the limit, but it cannot be higher. */
  isAtMost(limit: number): void {
    if (limit < this.value) this.is(limit);
  }
}

/** What one transaction is measured by. */
export interface TransactionSize {
  operations: number;
  /** Of the JSON body. */
  bytes: number;
  /** Bytes of its largest value. */
  largest: number;
}

/**
 * The limits of one Consul agent, learnt from what it takes and what it refuses: its operator may have raised or lowered
 * them, and other versions have others.
 */
export class ServerLimits {
  private readonly values = new LearntLimit(CONSUL_VALUE_BYTES);
  private readonly operations = new LearntLimit(CONSUL_OPERATIONS);
  private readonly bodies = new LearntLimit(CONSUL_TRANSACTION_BYTES);

  /** The largest value that it takes, as far as is known. */
  get valueBytes(): number {
    return this.values.value;
  }

  /** The most operations that it takes in one transaction, as far as is known. */
  get mostOperations(): number {
    return this.operations.value;
  }

  /** Whether a transaction is worth sending. */
  fits({ operations, bytes, largest }: TransactionSize): boolean {
    return operations <= this.operations.value && bytes <= this.bodies.value && largest <= this.values.value;
  }

  /** Whether the agent has taken as large a value before. */
  hasTaken(valueBytes: number): boolean {
    return this.values.hasTaken(valueBytes);
  }

  tookValue(bytes: number): void {
    this.values.took(bytes);
    this.bodies.took(bytes);
  }

  tookTransaction({ operations, bytes, largest }: TransactionSize): void {
    this.operations.took(operations);
    this.bodies.took(bytes);
    this.values.took(largest);
  }

  /** @param said the agent's words, which name the limit in all versions that are known */
  refusedValue(bytes: number, said: string): void {
    const most = numberIn(said, /max size: (\d+) bytes/);
    if (most === undefined) this.values.isAtMost(bytes - 1);
    else this.values.is(most);
  }

  /** @param said as for {@link refusedValue} */
  refusedTransaction({ bytes }: TransactionSize, said: string): void {
    const mostOperations = numberIn(said, /too many operations \(\d+ > (\d+)\)/);
    const mostOfValue = numberIn(said, /is too large \(\d+ > (\d+) bytes\)/);
    const mostOfBody = numberIn(said, /max size: (\d+) bytes/);
    if (mostOperations !== undefined) this.operations.is(mostOperations);
    else if (mostOfValue !== undefined) this.values.is(mostOfValue);
    else if (mostOfBody !== undefined) {
      this.bodies.is(mostOfBody);
      // An agent takes no larger value than body.
      this.values.isAtMost(mostOfBody);
    }
    // Of a proxy, for example.
    else this.bodies.isAtMost(Math.floor(bytes / 2));
  }
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

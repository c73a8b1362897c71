import type { SizeOfWrite, Unchanged } from './key-value-store';
import { CONSUL_OPERATIONS, CONSUL_TRANSACTION_BYTES, CONSUL_VALUE_BYTES } from '../limits';

/** A limit: the default at first, then as the answers of the server show it. */
class LearntLimit {
  private stated: number | undefined;
  private taken = 0;

  constructor(private readonly byDefault: number) {}

  get value(): number {
    return this.stated ?? Math.max(this.byDefault, this.taken);
  }

  hasTaken(amount: number): boolean {
    return amount <= this.taken;
  }

  took(amount: number): void {
    this.taken = Math.max(this.taken, amount);
    // The limit was raised since.
    if (this.stated !== undefined && amount > this.stated) this.stated = undefined;
  }

  /** The server named its limit. */
  is(limit: number): void {
    this.stated = limit;
    this.taken = Math.min(this.taken, limit);
  }

  /** The limit is unknown, but not higher than this. */
  isAtMost(limit: number): void {
    if (limit < this.value) this.is(limit);
  }
}

export interface TransactionSize {
  operations: number;
  /** Bytes of the JSON body. */
  bytes: number;
  /** Bytes of its largest value. */
  largest: number;
}

/** Rather too small than too large. */
export function sizeOf(writes: readonly SizeOfWrite[], unchanged: readonly Unchanged[]): TransactionSize {
  const around = (key: string): number => Buffer.byteLength(JSON.stringify(key)) + JSON_BYTES;
  const ofWrites = writes.map(({ key, value }) => around(key) + Math.ceil(value.length / 3) * 4);
  return {
    operations: writes.length + unchanged.length,
    bytes: [...ofWrites, ...unchanged.map(({ key }) => around(key))].reduce((sum, bytes) => sum + bytes, 2),
    largest: Math.max(0, ...writes.map(({ value }) => value.length)),
  };
}

/** Most bytes of an operation around its key and value. */
const JSON_BYTES = 120;

/** Limits of one Consul agent, learnt from what it accepts: they depend on its version and its configuration. */
export class ServerLimits {
  private readonly values = new LearntLimit(CONSUL_VALUE_BYTES);
  private readonly operations = new LearntLimit(CONSUL_OPERATIONS);
  private readonly bodies = new LearntLimit(CONSUL_TRANSACTION_BYTES);

  /** Largest value that the agent takes. This and the other limits: as far as is known. */
  get valueBytes(): number {
    return this.values.value;
  }

  /** Most operations in one transaction. */
  get mostOperations(): number {
    return this.operations.value;
  }

  fits({ operations, bytes, largest }: TransactionSize): boolean {
    return operations <= this.operations.value && bytes <= this.bodies.value && largest <= this.values.value;
  }

  /** Whether the agent has taken a value of this size before. */
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

  /** @param said the agent's text, which names the limit in all known versions */
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
    // The refusal of a proxy, for example.
    else this.bodies.isAtMost(Math.floor(bytes / 2));
  }
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

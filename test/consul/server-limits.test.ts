import { ServerLimits } from '../../src/consul/server-limits';

const KIB = 1024;
const size = (operations: number, bytes: number, largest = 1) => ({ operations, bytes, largest });

/** The words of Consul 1.22.7. */
const SAID = {
  value: `Request body(700000 bytes) too large, max size: 600000 bytes. See https://developer.hashicorp.com/docs/agent/config/config-files#kv_max_value_size.`,
  body: `Request body(700000 bytes) too large, max size: 65536 bytes. See https://developer.hashicorp.com/docs/agent/config/config-files#txn_max_req_len.`,
  operations: 'Transaction contains too many operations (100 > 64)',
  ofValue: 'Value for key "a/b" is too large (70000 > 65536 bytes)',
};

describe('ServerLimits', () => {
  it('assumes the defaults of Consul', () => {
    const limits = new ServerLimits();
    expect(limits.valueBytes).toBe(512 * KIB);
    expect(limits.mostOperations).toBe(128);
    expect(limits.fits(size(128, 512 * KIB))).toBe(true);
    expect(limits.fits(size(129, 1))).toBe(false);
    expect(limits.fits(size(1, 512 * KIB + 1))).toBe(false);
  });

  it('learns the limit that a refusal names, higher or lower than the default', () => {
    const limits = new ServerLimits();
    limits.refusedValue(700_000, SAID.value);
    expect(limits.valueBytes).toBe(600_000);
    limits.refusedTransaction(size(100, 5_000), SAID.operations);
    expect(limits.mostOperations).toBe(64);
    expect(limits.valueBytes).toBe(600_000);
    limits.refusedTransaction(size(2, 100_000, 70_000), SAID.ofValue);
    expect(limits.valueBytes).toBe(65_536);
  });

  it('applies the limit of a transaction to its values too', () => {
    const limits = new ServerLimits();
    limits.refusedTransaction(size(2, 700_000), SAID.body);
    expect(limits.fits(size(1, 65_537))).toBe(false);
    expect(limits.valueBytes).toBe(65_536);
  });

  it('learns from accepted values, which also raise the limit of transactions', () => {
    const limits = new ServerLimits();
    expect(limits.hasTaken(1)).toBe(false);
    limits.tookValue(900_000);
    expect(limits.valueBytes).toBe(900_000);
    expect(limits.hasTaken(900_000)).toBe(true);
    expect(limits.fits(size(1, 900_000))).toBe(true);
    limits.tookTransaction(size(200, 1, 1));
    expect(limits.mostOperations).toBe(200);
  });

  it('forgets a limit that was lowered or raised since', () => {
    const limits = new ServerLimits();
    limits.tookValue(650_000);
    limits.refusedValue(650_000, SAID.value);
    expect([limits.valueBytes, limits.hasTaken(650_000)]).toEqual([600_000, false]);
    limits.tookValue(650_000);
    expect([limits.valueBytes, limits.hasTaken(650_000)]).toEqual([650_000, true]);
  });

  it('halves the limit where a refusal does not name it', () => {
    const limits = new ServerLimits();
    limits.refusedTransaction(size(4, 100_000), '413 Request Entity Too Large');
    expect(limits.fits(size(4, 50_001))).toBe(false);
    expect(limits.fits(size(4, 50_000))).toBe(true);
    limits.refusedValue(100_000, '413 Request Entity Too Large');
    expect(limits.valueBytes).toBe(99_999);
  });
});

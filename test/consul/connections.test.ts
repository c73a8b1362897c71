import { ConnectionLimit } from '../../src/consul/connections';

describe('ConnectionLimit', () => {
  it('halves the requests in flight after refused connections, once for a burst', () => {
    const limit = new ConnectionLimit(16);
    limit.refused(12, 0);
    expect(limit.value).toBe(6);
    for (const nowMs of [1, 500, 999]) limit.refused(6, nowMs);
    expect(limit.value).toBe(6);
    limit.refused(6, 1_000);
    expect(limit.value).toBe(3);
  });

  it('is at least one', () => {
    const limit = new ConnectionLimit(16);
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1_000) limit.refused(0, nowMs);
    expect(limit.value).toBe(1);
  });

  it('grows by one after each second without a refusal, up to its first value', () => {
    const limit = new ConnectionLimit(4);
    limit.refused(4, 0);
    const seen = [999, 1_000, 1_001, 2_000, 3_000, 4_000].map((nowMs) => {
      limit.answered(nowMs);
      return limit.value;
    });
    expect(seen).toEqual([2, 3, 3, 4, 4, 4]);
  });
});

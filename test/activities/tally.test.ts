import { OUTAGE_AFTER } from '../../src/activities/limits';
import { MAX_FAILURES } from '../../src/workflows/messages';
import { OutageDetector } from '../../src/activities/outage';
import { TallyBuilder } from '../../src/activities/tally';
import { VaultError, type VaultErrorKind } from '../../src/vault/errors';

describe('a tally', () => {
  test('has only what was counted', () => {
    const tally = new TallyBuilder();
    expect(tally.result()).toEqual({ counts: {}, failures: [] });
    tally.count('read');
    tally.count('read', 4);
    tally.count('listed', 0);
    tally.fail('a', 'forbidden');
    tally.fail('b/', 'unavailable', 'unknown');
    expect(tally.result()).toEqual({
      counts: { read: 5, listed: 0, failed: 1, unknown: 1 },
      failures: [
        { path: 'a', class: 'forbidden' },
        { path: 'b/', class: 'unavailable' },
      ],
    });
    expect(tally.progress).toBe(7);
  });

  test('names the first failures, and counts all', () => {
    const tally = new TallyBuilder();
    for (let number = 0; number < MAX_FAILURES + 5; number++) tally.fail(String(number), 'rejected');
    const { counts, failures } = tally.result();
    expect(counts).toEqual({ failed: MAX_FAILURES + 5 });
    expect(failures.map(({ path }) => path)).toEqual([...Array(MAX_FAILURES).keys()].map(String));
  });
});

describe('an outage', () => {
  const error = (kind: VaultErrorKind): VaultError => new VaultError(kind, 'http://v', 'kv/data/a', 'x');
  const fail = (outage: OutageDetector, times: number, kind: VaultErrorKind): void => {
    for (let time = 0; time < times; time++) outage.failed(error(kind));
  };

  test.each(['unavailable', 'sealed', 'throttled'] as const)('is %s several times in a row', (kind) => {
    const outage = new OutageDetector();
    fail(outage, OUTAGE_AFTER - 1, kind);
    const last = error(kind);
    expect(() => {
      outage.failed(last);
    }).toThrow(last);
  });

  test('is none with a success in between', () => {
    const outage = new OutageDetector();
    for (let round = 0; round < 3; round++) {
      fail(outage, OUTAGE_AFTER - 1, 'unavailable');
      outage.succeeded();
    }
  });

  test.each(['forbidden', 'too-large', 'rejected', 'absent', 'malformed'] as const)(
    'is none while it is only about the secrets: %s',
    (kind) => {
      fail(new OutageDetector(), 10 * OUTAGE_AFTER, kind);
    },
  );

  test('is not concluded from what is no error of Vault', () => {
    const outage = new OutageDetector();
    for (let time = 0; time < 10 * OUTAGE_AFTER; time++) outage.failed(new Error('x'));
  });
});

import { failureOfPath } from '../../../src/activities/shared/failures';
import { VaultError, type VaultErrorKind } from '../../../src/vault/errors';

const failure = (kind: VaultErrorKind): VaultError => new VaultError(kind, 'http://v', 'kv/data/a', 'x');
const { signal } = new AbortController();

describe('failureOfPath', () => {
  test.each(['unavailable', 'sealed', 'throttled'] as const)('throws if the whole Vault is %s', (kind) => {
    const error = failure(kind);
    error.isOutage = true;
    expect(() => failureOfPath(error, signal)).toThrow(error);
  });

  test.each(['unavailable', 'sealed', 'throttled', 'forbidden', 'too-large'] as const)(
    'not if only its path is %s',
    (kind) => {
      expect(failureOfPath(failure(kind), signal)).toBe(kind);
    },
  );

  test('throws what is not about a path', () => {
    expect(() => failureOfPath(new Error('x'), signal)).toThrow('x');
  });

  test('throws after an abort', () => {
    expect(() => failureOfPath(failure('forbidden'), AbortSignal.abort())).toThrow(VaultError);
  });
});

import { throwOutage } from '../../../src/activities/shared/outages';
import { VaultError, type VaultErrorKind } from '../../../src/vault/errors';

const failure = (kind: VaultErrorKind): VaultError => new VaultError(kind, 'http://v', 'kv/data/a', 'x');

describe('throwOutage', () => {
  test.each(['unavailable', 'sealed', 'throttled'] as const)('throws if the whole Vault is %s', (kind) => {
    const error = failure(kind);
    error.isOutage = true;
    expect(() => {
      throwOutage(error);
    }).toThrow(error);
  });

  test.each(['unavailable', 'sealed', 'throttled', 'forbidden', 'too-large'] as const)(
    'not if only its path is %s',
    (kind) => {
      expect(() => {
        throwOutage(failure(kind));
      }).not.toThrow();
    },
  );

  test('ignores errors that are not from Vault', () => {
    expect(() => {
      throwOutage(new Error('x'));
    }).not.toThrow();
  });
});

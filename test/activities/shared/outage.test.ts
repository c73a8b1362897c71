import { throwOutage } from '../../../src/activities/shared/outages';
import { VaultError, type VaultErrorKind } from '../../../src/vault/errors';

const failure = (kind: VaultErrorKind): VaultError => new VaultError(kind, 'http://v', 'kv/data/a', 'x');

describe('the failure of one secret ends its activity', () => {
  test.each(['unavailable', 'sealed', 'throttled'] as const)('if the whole Vault is %s', (kind) => {
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

  test('not if it is no error of Vault', () => {
    expect(() => {
      throwOutage(new Error('x'));
    }).not.toThrow();
  });
});

import { findBao, vaultKind } from '../../dev/servers/start/vault-kind';

/** Tests of behaviour that only one of the two servers has. */

/** `describe` and `test` on the one server, skipped on the other. */
export interface Declared {
  test: typeof test;
  describe: typeof describe;
}

/** @param reason what only Vault does; shown where the test is skipped */
export function onVault(reason: string): Declared {
  return declared(vaultKind() === 'vault', `only on Vault: ${reason}`);
}

/** @param reason what only OpenBao does; shown where the test is skipped */
export function onBao(reason: string): Declared {
  return declared(vaultKind() === 'bao', `only on OpenBao: ${reason}`);
}

/** For tests that start their own OpenBao in addition to the servers, where it is installed. */
export const whereBaoIs: Declared = declared(findBao() !== undefined, 'OpenBao is not installed');

function declared(runs: boolean, reason: string): Declared {
  if (runs) return { test, describe };
  const left = (title: unknown): string => `${String(title)} (${reason})`;
  return {
    test: ((title: string, run: jest.ProvidesCallback) => {
      test.skip(left(title), run);
    }) as typeof test,
    describe: ((title: string, body: jest.EmptyFunction) => {
      describe.skip(left(title), body);
    }) as typeof describe,
  };
}

import { findBao, vaultKind } from '../../dev/servers/start/vault-kind';

/** Tests of what one of the two servers does and the other does not. */

/** The two ways to declare a test, on the one server, and left out on the other. */
export interface Declared {
  test: typeof test;
  describe: typeof describe;
}

/** @param reason what only Vault does; shown where the test is left out */
export function onVault(reason: string): Declared {
  return declared(vaultKind() === 'vault', `only on Vault: ${reason}`);
}

/** @param reason what only OpenBao does; shown where the test is left out */
export function onBao(reason: string): Declared {
  return declared(vaultKind() === 'bao', `only on OpenBao: ${reason}`);
}

/** For tests that start an OpenBao of their own beside the servers under test, where there is one. */
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

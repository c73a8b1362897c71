import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/**
 * Which server the tests use as a Vault. `VSYNC_TEST_VAULT=bao` makes it OpenBao, whose command
 * `bao` is on PATH or named by `VSYNC_TEST_BAO`. No script builds it: tests that need it and Vault are skipped where
 * it is not installed, and test/support/bao-front.ts keeps the rest tested.
 */
export type VaultKind = 'vault' | 'bao';

const KIND_VARIABLE = 'VSYNC_TEST_VAULT';
const PATH_VARIABLE = 'VSYNC_TEST_BAO';

/** @throws if the variable holds another word */
export function vaultKind(env: NodeJS.ProcessEnv = process.env): VaultKind {
  const kind = env[KIND_VARIABLE] ?? 'vault';
  if (kind === 'vault' || kind === 'bao') return kind;
  throw new Error(`${KIND_VARIABLE} must be "vault" or "bao"`);
}

/** Where OpenBao's command is; undefined if it is neither named nor on PATH. */
export function findBao(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env[PATH_VARIABLE];
  const candidates =
    named === undefined
      ? (env['PATH'] ?? '').split(path.delimiter).map((folder) => path.join(folder, 'bao'))
      : [named];
  return candidates.find(isExecutable);
}

/** @throws with what to do, if it is not there */
export function baoPath(env: NodeJS.ProcessEnv = process.env): string {
  const found = findBao(env);
  if (found !== undefined) return found;
  const looked =
    env[PATH_VARIABLE] === undefined ? 'there is no "bao" on PATH' : `${PATH_VARIABLE} names no executable`;
  throw new Error(
    `OpenBao was not found: ${looked}. Install OpenBao 2.6 (https://openbao.org), or name its command with ` +
      `${PATH_VARIABLE}=/path/to/bao; without ${KIND_VARIABLE}=bao the tests run on Vault`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

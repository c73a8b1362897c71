import { UsageError } from '../../errors';
import type { Location } from '../../rules/paths';

/**
 * Reads the path of a secret as `vault kv` takes it (`secret/team/app`) or prints it (`secret/data/team/app`,
 * `secret/metadata/team/app`). After the mount, a first part "data" or "metadata" counts as Vault's own: the secret
 * `data/x` of the mount `secret/` is `secret/data/data/x`.
 *
 * @param mounts of the origin, each ending in "/"; of several that fit, the longest counts
 * @throws UsageError with what is wrong; it quotes nothing of the text, which may hold a token by mistake
 */
export function readSecretPath(text: string, mounts: readonly string[]): Location {
  const path = text.replace(/^\/+/, '');
  if (path === '') throw new UsageError(`the path is empty: ${FORM}`);
  if (path.endsWith('/')) throw new UsageError(`the path is that of a folder: ${FORM}`);
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..'))
    throw new UsageError(`the path has an empty, "." or ".." part, which no secret has: ${FORM}`);
  const mount = mounts
    .filter((one) => path.startsWith(one))
    .reduce<string | undefined>(
      (best, one) => (best === undefined || one.length > best.length ? one : best),
      undefined,
    );
  if (mount === undefined)
    throw new UsageError(
      `the path is below none of the mounts that the destinations copy (origin.mounts: ${mounts.join(', ')}): ${FORM}`,
    );
  const rest = path.slice(mount.length);
  return { mount, rel: /^(?:meta)?data\/(.+)$/s.exec(rest)?.[1] ?? rest };
}

/** A version of a secret as Vault numbers them, from 1. */
export const SECRET_VERSION_PATTERN = '^[1-9][0-9]{0,9}$';

const FORM = 'give it as "vault kv" does, with its mount, such as secret/team/app';

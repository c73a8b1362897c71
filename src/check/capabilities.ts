import { ActivityError } from '../activities/failures';
import { capabilitiesOf } from '../vault/capabilities';
import type { VaultClient } from '../vault/client';
import { VaultError } from '../vault/errors';
import type { Grant, Need } from './needs';

/** What a token lacks of what a role needs. */
export interface Lacking {
  readonly missing: readonly Need[];
  /** What is granted in another way than it should be. */
  readonly advice: readonly string[];
}

/**
 * Compares what a token may do with what it needs to, in one request.
 *
 * @returns undefined if the token may not ask, because its policies lack Vault's `default` one
 * @throws VaultError if Vault does not answer
 */
export async function lackingCapabilities(
  client: VaultClient,
  needs: readonly Need[],
  signal?: AbortSignal,
): Promise<Lacking | undefined> {
  if (needs.length === 0) return { missing: [], advice: [] };
  const grants = needs.flatMap((need) => (need.instead === undefined ? [need] : [need, need.instead]));
  const { policyPrefix } = client;
  const paths = [...new Set(grants.map(({ asked }) => policyPrefix + asked))];
  const held = await unlessForbidden(() => capabilitiesOf(client, paths, signal));
  if (held === undefined) return undefined;
  const has = ({ asked, capability }: Grant): boolean => {
    const capabilities = held.get(policyPrefix + asked);
    // A root token's capabilities are just "root".
    return capabilities?.has(capability) === true || capabilities?.has('root') === true;
  };
  const unmet = needs
    .filter((need) => !has(need))
    .map((need) => ({ ...need, policyPath: policyPrefix + need.policyPath }));
  return {
    missing: unmet.filter(({ instead }) => instead === undefined || !has(instead)),
    advice: unmet.flatMap(({ instead }) => (instead !== undefined && has(instead) ? [instead.advice] : [])),
  };
}

/**
 * Refuses to work with a token that lacks something. Does nothing if that cannot be told.
 *
 * @param key section of the configuration that the token stands in, for the message
 * @returns advice for the operator, mostly none
 * @throws ActivityError `VaultForbidden` that names the Vault and everything that is missing
 */
export async function assertCapabilities(
  client: VaultClient,
  needs: readonly Need[],
  key: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const where = `Vault ${client.address}`;
  const lacking = await lackingCapabilities(client, needs, signal);
  if (lacking === undefined) return [`${where}: ${CANNOT_ASK} (${key})`];
  if (lacking.missing.length === 0) return lacking.advice.map((advice) => `${where}: ${key}: ${advice}`);
  throw new ActivityError(
    'VaultForbidden',
    `${where}: the token of ${key} lacks ${missingText(lacking.missing)}; add it to its policy. The text of the ` +
      'policy is printed by: vsync check -c FILE',
  );
}

/** Why capabilities are sometimes not known. */
export const CANNOT_ASK =
  'what the token may do cannot be checked, because it may not ask sys/capabilities-self; ' +
  "Vault's default policy allows that";

/** "create, update on secret/data/*; list on secret/metadata/*" */
export function missingText(missing: readonly Need[]): string {
  const byPath = new Map<string, string[]>();
  for (const { policyPath, capability } of missing) {
    byPath.set(policyPath, [...(byPath.get(policyPath) ?? []), capability]);
  }
  return [...byPath].map(([path, capabilities]) => `${capabilities.join(', ')} on ${path}`).join('; ');
}

async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof VaultError && isRefusal(error)) return undefined;
    throw error;
  }
}

/** Also the page of a gateway that keeps `sys/` to itself: the cycle does not need the answer. */
function isRefusal({ kind, status = 0 }: VaultError): boolean {
  return kind === 'forbidden' || (kind === 'malformed' && status >= 400 && status < 500);
}

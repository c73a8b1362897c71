import { ActivityError } from '../contract/failures';
import { capabilitiesOf, reachesInto, type WildcardRule, wildcardRules } from '../vault/token';
import type { VaultClient } from '../vault/client';
import { VaultError } from '../vault/errors';
import type { Grant, Need } from './needs';

interface Lacking {
  readonly missing: readonly Need[];
  /** What is granted in another way than it should be. */
  readonly advice: readonly string[];
}

/**
 * Compares what a token may do with what it needs to, in one request; in one more if something seems to be missing.
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
  const missing = unmet.filter(({ instead }) => instead === undefined || !has(instead));
  const partly = await throughWildcards(client, missing, signal);
  return {
    missing: missing.filter((need) => !partly.has(need)),
    advice: [
      ...unmet.flatMap(({ instead }) => (instead !== undefined && has(instead) ? [instead.advice] : [])),
      ...partly.values(),
    ],
  };
}

/**
 * A made-up path proves nothing where rules have `+` in them: they may grant what is needed for paths of another form.
 *
 * @param missing with the prefix of their namespace
 * @returns advice, for each need that such a rule grants in a part of its folder
 */
async function throughWildcards(
  client: VaultClient,
  missing: readonly Need[],
  signal?: AbortSignal,
): Promise<Map<Need, string>> {
  // For `list`, and for one secret, Vault was asked about the path itself.
  const madeUp = missing.filter(
    ({ policyPath, capability }) => policyPath.endsWith('/*') && capability !== 'list',
  );
  if (madeUp.length === 0) return new Map();
  const shown = await wildcardRules(client, signal);
  const rules = shown.length > 0 ? shown : await rulesByDepth(client, madeUp, signal);
  const patternsOf = (capability: string, policyPath: string): string[] => {
    const found = rules.filter(
      (rule) => rule.capabilities.has(capability) && reachesInto(rule.pattern, policyPath.slice(0, -1)),
    );
    return [...new Set(found.map(({ pattern }) => pattern))].sort();
  };
  const advice = new Map<Need, string>();
  for (const need of madeUp) {
    const { capability, policyPath, instead } = need;
    let patterns = patternsOf(capability, policyPath);
    if (patterns.length === 0 && instead !== undefined)
      patterns = patternsOf(instead.capability, client.policyPrefix + instead.policyPath);
    if (patterns.length === 0) continue;
    const granted = `${capability} on ${policyPath} is granted for ${patterns.join(', ')} only`;
    advice.set(need, `${granted}: secrets at other paths are reported as forbidden`);
  }
  return advice;
}

/** Parts that a made-up path has in turn. Few secrets lie deeper. */
const DEPTHS = [2, 3, 4, 5];

/**
 * OpenBao leaves rules with `+` out of its answer about them. Those that name no part themselves (`secret/data/+/+`)
 * are found by made-up paths of other depths; Vault's `default` policy always has a rule with `+` to show.
 */
async function rulesByDepth(
  client: VaultClient,
  madeUp: readonly Need[],
  signal?: AbortSignal,
): Promise<WildcardRule[]> {
  const probes = madeUp.flatMap(({ policyPath }) =>
    DEPTHS.map((depth) => {
      const of = (part: string): string => policyPath.slice(0, -1) + Array(depth).fill(part).join('/');
      return { pattern: of('+'), asked: of('vsync-check') };
    }),
  );
  const paths = probes.map(({ asked }) => asked);
  const held = await unlessForbidden(() => capabilitiesOf(client, paths, signal));
  return probes.map(({ pattern, asked }) => ({ pattern, capabilities: held?.get(asked) ?? new Set() }));
}

/**
 * Refuses to work with a token that lacks something. Does nothing if that is unknown.
 *
 * @param key section of the configuration with the token, for the message
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
  for (const { policyPath, capability } of missing)
    byPath.set(policyPath, [...(byPath.get(policyPath) ?? []), capability]);
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

import { readMounts, assertNamespace, compareVaults, type BothVaults } from '../../access/mounts';
import { ROOT_SPELLING } from '../../vault/namespace';
import type { Config, DestinationConfig, VaultConfig } from '../../config/schema';
import { openVault } from '../../activities/clients';
import { VaultError } from '../../vault/errors';
import type { Kv2, MountRules } from '../../vault/kv2';
import { lookupSelf } from '../../vault/token';
import { CANNOT_ASK, lackingCapabilities, missingText } from '../../access/capabilities';
import { check, notChecked, type Check, type CheckResult } from '../../access/check-line';
import type { RulesOfSides } from './mount-rules';
import type { Need } from '../../access/needs';
import { vaultPolicy } from './report';
import { tokenFinding } from '../../access/token';

/** One Vault of a configuration, and what the role needs there. */
export interface VaultToCheck {
  /** Section of the configuration: "origin". */
  side: 'origin' | 'destination';
  vault: VaultConfig;
  mounts: readonly string[];
  renewToken: boolean;
  needs: readonly Need[];
}

/** The Vaults that a role works with. */
function vaultsOf(config: Config, needs: Partial<Record<'origin' | 'destination', Need[]>>): VaultToCheck[] {
  const sides = config.role === 'origin' ? (['origin'] as const) : (['origin', 'destination'] as const);
  return sides.map((side) => {
    const section =
      side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
    const { vault, mounts, renewToken } = section;
    return { side, vault, mounts, renewToken, needs: needs[side] ?? [] };
  });
}

/** Clients that were opened: each side logs in once. */
type OpenVaults = Partial<Record<VaultToCheck['side'], Kv2>>;

/**
 * The Vaults of a configuration, each by itself, and the two of a destination together. Writes nothing; only
 * if both have one cluster id it creates a response-wrapping token.
 *
 * @param rules gets the rules of each mount, if the token may read them
 */
export async function checkVaults(
  config: Config,
  needs: Partial<Record<'origin' | 'destination', Need[]>>,
  rules: RulesOfSides,
  signal?: AbortSignal,
): Promise<Check[]> {
  const open: OpenVaults = {};
  try {
    const targets = vaultsOf(config, needs);
    const checkOne = (target: VaultToCheck): Promise<Check[]> =>
      checkVault(target, open, config.role === 'destination' ? rules[target.side] : undefined, signal);
    const found = (await Promise.all(targets.map(checkOne))).flat();
    if (config.role === 'origin') return found;
    return [...found, await checkBothVaults(config, open, found)];
  } finally {
    await Promise.all(Object.values(open).map(({ client }) => client.close()));
  }
}

/**
 * Reachable and unsealed, the token and its end, each mount, and what the token may do. Writes nothing.
 *
 * @param rules gets the rules of each mount, if the token may read them; undefined: not asked
 */
async function checkVault(
  target: VaultToCheck,
  open: OpenVaults,
  rules: Map<string, MountRules> | undefined,
  signal?: AbortSignal,
): Promise<Check[]> {
  const name = `Vault ${target.vault.address} (${target.side}.vault)`;
  let kv: Kv2 | undefined;
  const reached = await check(name, async () => {
    kv = openVault(target.vault, 1);
    open[target.side] = kv;
    await kv.clusterId(signal);
    return { detail: 'answers, and is unsealed' };
  });
  if (kv === undefined || reached.outcome === 'fail') {
    return [reached, notChecked(`${name}: token, mounts, capabilities`, 'the Vault cannot be used')];
  }
  return [reached, ...(await checkToken(kv, name, target, rules, signal))];
}

async function checkToken(
  kv: Kv2,
  name: string,
  target: VaultToCheck,
  rules: Map<string, MountRules> | undefined,
  signal?: AbortSignal,
): Promise<Check[]> {
  const token = await check(`${name}: token`, () => tokenFinding(kv, target, signal));
  if (token.outcome === 'fail') {
    return [token, notChecked(`${name}: mounts, capabilities`, 'the token cannot be used')];
  }
  const key = `${target.side}.mounts`;
  const mounts = target.mounts.map((mount) =>
    check(`${name}: mount ${mount}`, async () => {
      await readMounts(kv, [mount], key, signal);
      const ofMount = rules && (await kv.mountRules(mount, signal));
      if (ofMount !== undefined) rules?.set(mount, ofMount);
      return { detail: 'is kv version 2' };
    }),
  );
  const { namespace } = target.vault;
  const namespaces =
    namespace === ''
      ? []
      : [
          check(`${name}: namespace`, async () => {
            await assertNamespace(kv, target, target.side);
            return { detail: `requests are answered in ${namespace}` };
          }),
        ];
  const capabilities = check(`${name}: capabilities`, () => capabilitiesFinding(kv, target, signal));
  return [token, ...(await Promise.all([...namespaces, ...mounts, capabilities]))];
}

const BOTH_ENDS = 'origin.vault and destination.vault';

/** Whether the two ends are two places. @param found the checks of each Vault */
async function checkBothVaults(
  config: DestinationConfig,
  open: OpenVaults,
  found: readonly Check[],
): Promise<Check> {
  const { origin, destination } = open;
  if (found.some(({ outcome }) => outcome === 'fail') || origin === undefined || destination === undefined)
    return notChecked(BOTH_ENDS, 'a check of one of them failed');
  return check(BOTH_ENDS, async () => findingOfBoth(await compareVaults(config, origin, destination)));
}

function findingOfBoth({ are, sharedMounts }: BothVaults): CheckResult {
  const shared = [...sharedMounts].map(([mount, origin]) =>
    mount === origin ? mount : `${mount} (${origin})`,
  );
  if (are === 'clone') {
    const detail =
      'are two Vaults with one cluster id: one was restored from a snapshot of the other; they are treated as two';
    return { detail };
  }
  if (shared.length === 0)
    return { detail: are === 'one' ? 'are one Vault, with no mount in common' : 'are two Vaults' };
  return {
    detail:
      `are ${are === 'replicas' ? 'replicas of one Vault' : 'one Vault'}, with these mounts in common: ${shared.join(', ')}; ` +
      'only secrets that the transforms move elsewhere are copied',
  };
}

async function capabilitiesFinding(
  kv: Kv2,
  { side, needs }: VaultToCheck,
  signal?: AbortSignal,
): Promise<CheckResult> {
  const lacking = await lackingCapabilities(kv.client, needs, signal);
  if (lacking === undefined) return { outcome: 'warning', detail: await whyCannotAsk(kv, side) };
  const { missing, advice } = lacking;
  const policy = vaultPolicy(needs, kv.client.policyPrefix);
  if (missing.length > 0) {
    return {
      outcome: 'fail',
      detail: `the token lacks ${missingText(missing)}; give the token of ${side}.vault this policy`,
      policy,
    };
  }
  if (advice.length > 0) return { outcome: 'warning', detail: advice.join('; '), policy };
  return { detail: 'the token may do all that is needed' };
}

/** A token of another namespace is refused: its policies name `sys/capabilities-self` in its own namespace. */
async function whyCannotAsk({ client }: Kv2, side: VaultToCheck['side']): Promise<string> {
  const life = await lookupSelf(client).catch((error: unknown) => {
    if (!(error instanceof VaultError)) throw error;
    return undefined;
  });
  if (life === undefined || life.namespace === client.authNamespace) return CANNOT_ASK;
  return (
    `what the token may do cannot be checked, because it belongs to another namespace than the secrets; set ` +
    `${side}.vault.authNamespace: "${life.namespace === '' ? ROOT_SPELLING : life.namespace}"`
  );
}

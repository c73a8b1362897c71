import { readMounts } from '../activities/mounts';
import { ROOT_SPELLING } from '../vault/namespace';
import type { Config, VaultConfig } from '../config/schema';
import { openVault } from '../clients';
import { VaultError } from '../vault/errors';
import type { Kv2 } from '../vault/kv2';
import { lookupSelf } from '../vault/token';
import { CANNOT_ASK, lackingCapabilities, missingText } from './capabilities';
import { check, notChecked, type Check, type Finding } from './check';
import type { Need } from './needs';
import { vaultPolicy } from './policy';
import { tokenFinding } from './token';

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
export function vaultsOf(
  config: Config,
  needs: Partial<Record<'origin' | 'destination', Need[]>>,
): VaultToCheck[] {
  const sides = config.role === 'origin' ? (['origin'] as const) : (['origin', 'destination'] as const);
  return sides.map((side) => {
    const section =
      side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
    const { vault, mounts, renewToken } = section;
    return { side, vault, mounts, renewToken, needs: needs[side] ?? [] };
  });
}

/** Reachable and unsealed, the token and its end, each mount, and what the token may do. Writes nothing. */
export async function checkVault(target: VaultToCheck, signal?: AbortSignal): Promise<Check[]> {
  const name = `Vault ${target.vault.address} (${target.side}.vault)`;
  let kv: Kv2 | undefined;
  const reached = await check(name, async () => {
    kv = openVault(target.vault, 1);
    await kv.clusterId(signal);
    return { detail: 'answers, and is unsealed' };
  });
  try {
    if (kv === undefined || reached.outcome === 'fail') {
      return [reached, notChecked(`${name}: token, mounts, capabilities`, 'the Vault cannot be used')];
    }
    return [reached, ...(await checkToken(kv, name, target, signal))];
  } finally {
    await kv?.client.close();
  }
}

async function checkToken(
  kv: Kv2,
  name: string,
  target: VaultToCheck,
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
      return { detail: 'is kv version 2' };
    }),
  );
  const capabilities = check(`${name}: capabilities`, () => capabilitiesFinding(kv, target, signal));
  return [token, ...(await Promise.all([...mounts, capabilities]))];
}

async function capabilitiesFinding(
  kv: Kv2,
  { side, needs }: VaultToCheck,
  signal?: AbortSignal,
): Promise<Finding> {
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

/** A token of another namespace is refused: its policies name `sys/capabilities-self` from there. */
async function whyCannotAsk({ client }: Kv2, side: VaultToCheck['side']): Promise<string> {
  const life = await lookupSelf(client).catch((error: unknown) => {
    if (!(error instanceof VaultError)) throw error;
    return undefined;
  });
  if (life === undefined || life.namespace === client.authNamespace) return CANNOT_ASK;
  return (
    `what the token may do cannot be checked, because it is of another namespace than the secrets; say so with ` +
    `${side}.vault.authNamespace: "${life.namespace === '' ? ROOT_SPELLING : life.namespace}"`
  );
}

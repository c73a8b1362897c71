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
export async function checkVault(target: VaultToCheck): Promise<Check[]> {
  const name = `Vault ${target.vault.address} (${target.side}.vault)`;
  let kv: Kv2 | undefined;
  const reached = await check(name, async () => {
    kv = openVault(target.vault, 1);
    await kv.clusterId();
    return { detail: 'answers, and is unsealed' };
  });
  try {
    if (kv === undefined || reached.outcome === 'fail') {
      return [reached, notChecked(`${name}: token, mounts, capabilities`, 'the Vault cannot be used')];
    }
    return [reached, ...(await checkToken(kv, name, target))];
  } finally {
    await kv?.client.close();
  }
}

async function checkToken(kv: Kv2, name: string, target: VaultToCheck): Promise<Check[]> {
  const token = await check(`${name}: token`, () => tokenFinding(kv, target));
  if (token.outcome === 'fail') {
    return [token, notChecked(`${name}: mounts, capabilities`, 'the token cannot be used')];
  }
  const key = `${target.side}.mounts`;
  const mounts = target.mounts.map((mount) =>
    check(`${name}: mount ${mount}`, async () => {
      await readMounts(kv, [mount], key);
      return { detail: 'is kv version 2' };
    }),
  );
  const capabilities = check(`${name}: capabilities`, () => capabilitiesFinding(kv, target));
  return [token, ...(await Promise.all([...mounts, capabilities]))];
}

async function tokenFinding(kv: Kv2, { side, vault, mounts, renewToken }: VaultToCheck): Promise<Finding> {
  const isAppRole = vault.auth.kind === 'approle';
  try {
    const { ttlS, renewable, lastEndS } = await lookupSelf(kv.client);
    if (ttlS === 0) return { detail: 'is alive, and never ends' };
    const ends = new Date(Date.now() + ttlS * 1000).toISOString();
    if (isAppRole) {
      return { detail: `the login works; its token lives ${ttlS} s, and a worker logs in again by itself` };
    }
    const advice = `make another one, put it into ${side}.vault.token, and restart the workers`;
    if (!renewable) {
      return {
        outcome: 'warning',
        detail: `is alive until ${ends} and cannot be renewed: before then, ${advice}`,
      };
    }
    if (!renewToken) {
      const detail = `is alive until ${ends}, and ${side}.renewToken is off: renew it, or before then, ${advice}`;
      return { outcome: 'warning', detail };
    }
    if (lastEndS === undefined) return { detail: `is alive until ${ends}; a worker renews it` };
    const last = new Date(lastEndS * 1000).toISOString();
    return {
      outcome: 'warning',
      detail: `a worker renews it, but not beyond ${last}: before then, ${advice}`,
    };
  } catch (error) {
    if (!(error instanceof VaultError) || error.status !== 403) throw error;
    if (!error.path.endsWith('lookup-self') || !(await mayDoAnything(kv, mounts))) throw error;
    return {
      outcome: 'warning',
      detail:
        'is alive, but may not look itself up, so that its end is not known and it is not renewed; ' +
        "Vault's default policy allows that",
    };
  }
}

/** Whether the token is good for any mount. That of a dead token is not. */
async function mayDoAnything(kv: Kv2, mounts: readonly string[]): Promise<boolean> {
  for (const mount of mounts) {
    try {
      await kv.mount(mount);
      return true;
    } catch (error) {
      if (!(error instanceof VaultError) || error.kind !== 'forbidden') throw error;
    }
  }
  return false;
}

async function capabilitiesFinding(kv: Kv2, { side, needs }: VaultToCheck): Promise<Finding> {
  const lacking = await lackingCapabilities(kv.client, needs);
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

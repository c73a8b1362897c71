import { readMounts, assertNamespace, compareVaults, type BothVaults } from '../../access/mounts';
import { ROOT_SPELLING } from '../../rules/namespace';
import type { Config, DestinationConfig, OriginConfig } from '../../config/schema';
import type { Role } from '../../contract/ids';
import { openVault } from '../../activities/clients';
import { VaultError } from '../../vault/errors';
import type { Kv2, MountRules } from '../../vault/kv2';
import { lookupSelf } from '../../vault/token';
import { CANNOT_ASK, lackingCapabilities, missingText } from '../../access/capabilities';
import { folderMetadata, WITHOUT_FOLDER_METADATA } from '../../access/folder-metadata';
import { check, notChecked, type Check, type CheckResult } from '../../access/check-line';
import { checkAuditDevices } from './feed';
import type { RulesOfSides } from './mount-rules';
import { mountsOfTransforms } from './transforms';
import { destinationNeeds, originNeeds, type Capability, type Grant, type Need } from '../../access/needs';
import { tokenFinding, type TokenToCheck } from '../../access/token';

/** One Vault of a configuration, what the role needs there, and what the checks find. */
interface Target extends TokenToCheck {
  needs: readonly Need[];
  /** Opened by the checks: each side logs in once. */
  kv?: Kv2;
  /** More mounts that copies go to. */
  transformedTo?: readonly string[];
  /** Gets the rules of each mount, if the token may read them; undefined: not asked. */
  rules?: Map<string, MountRules>;
}

/**
 * The Vaults of a configuration, each by itself, and the two of a destination together. Writes nothing; only
 * if both have one cluster id it creates a response-wrapping token.
 */
export async function checkVaults(
  config: Config,
  rules: RulesOfSides,
  signal?: AbortSignal,
): Promise<Check[]> {
  if (config.role === 'origin') {
    const target: Target = { side: 'origin', ...config.origin, needs: originNeeds(config), signal };
    return checkOriginVault(config, target).finally(() => target.kv?.client.close());
  }
  const needs = destinationNeeds(config);
  const target = (side: Role): Target => {
    return { side, ...config[side], needs: needs[side], rules: rules[side], signal };
  };
  const transformedTo = mountsOfTransforms(config.destination);
  const targets = [target('origin'), { ...target('destination'), transformedTo }] as const;
  try {
    const found = (await Promise.all(targets.map(checkVault))).flat();
    return [...found, await checkBothVaults(config, targets, found)];
  } finally {
    await Promise.all(targets.map(async ({ kv }) => kv?.client.close()));
  }
}

/** The checks of a Vault, and what only an origin uses of it. */
async function checkOriginVault(config: OriginConfig, target: Target): Promise<Check[]> {
  const found = await checkVault(target);
  const { kv, signal } = target;
  const { feed } = config.origin;
  if (kv === undefined) return found;
  const isUsable = found.every(({ outcome }) => outcome !== 'fail');
  const ofFolders = isUsable ? await checkFolderMetadata(kv, config, signal) : [];
  const ofDevices = feed === undefined ? [] : await checkAuditDevices(kv.client, feed, signal);
  return [...found, ...ofFolders, ...ofDevices];
}

/** Reachable and unsealed, the token and its end, each mount, and what the token may do. Writes nothing. */
async function checkVault(target: Target): Promise<Check[]> {
  const { side, vault, signal } = target;
  const name = `Vault ${vault.address} (${side}.vault)`;
  const reached = await check(name, async () => {
    target.kv = openVault(vault, 1);
    const { mayLag, isOpenBao } = await target.kv.cluster(signal);
    if (mayLag) return { outcome: 'warning', detail: STANDBY };
    return { detail: `${isOpenBao ? 'is an OpenBao, ' : ''}answers, and is unsealed` };
  });
  if (target.kv === undefined || reached.outcome === 'fail') {
    return [reached, notChecked(`${name}: token, mounts, capabilities`, 'the Vault cannot be used')];
  }
  return [reached, ...(await checkToken(target.kv, name, target))];
}

const STANDBY =
  'is a standby that answers reads itself, and may answer with an older state than the active node; if you can, use ' +
  'the address of the active node, or of a load balancer that asks sys/health and takes only status 200';

async function checkToken(kv: Kv2, name: string, target: Target): Promise<Check[]> {
  const { side, vault, rules, transformedTo = [], signal } = target;
  const token = await check(`${name}: token`, () => tokenFinding(kv, target));
  if (token.outcome === 'fail') {
    return [token, notChecked(`${name}: mounts, capabilities`, 'the token cannot be used')];
  }
  const asked = [
    ...target.mounts.map((mount) => [mount, `${side}.mounts`] as const),
    ...transformedTo.map((mount) => [mount, `${side}.transforms`] as const),
  ];
  const mounts = asked.map(([mount, key]) =>
    check(`${name}: mount ${mount}`, async () => {
      await readMounts(kv, [mount], key, signal);
      const ofMount = rules && (await kv.mountRules(mount, signal));
      if (ofMount !== undefined) rules?.set(mount, ofMount);
      return { detail: 'is kv version 2' };
    }),
  );
  const namespace = async (): Promise<CheckResult> => {
    await assertNamespace(kv, target, side);
    return { detail: `requests are answered in ${vault.namespace}` };
  };
  const namespaces = vault.namespace === '' ? [] : [check(`${name}: namespace`, namespace)];
  const capabilities = check(`${name}: capabilities`, () => capabilitiesFinding(kv, target));
  return [token, ...(await Promise.all([...namespaces, ...mounts, capabilities]))];
}

const BOTH_ENDS = 'origin.vault and destination.vault';

/** Whether the two ends are two places. @param found the checks of each Vault */
async function checkBothVaults(
  config: DestinationConfig,
  [{ kv: origin }, { kv: destination }]: readonly [Target, Target],
  found: readonly Check[],
): Promise<Check> {
  if (found.some(({ outcome }) => outcome === 'fail') || origin === undefined || destination === undefined)
    return notChecked(BOTH_ENDS, 'a check of one of them failed');
  return check(BOTH_ENDS, async () => findingOfBoth(await compareVaults(config, origin, destination)));
}

function findingOfBoth({ are, sharedMounts }: BothVaults): CheckResult {
  const shared = [...sharedMounts].map(([mount, origin]) =>
    mount === origin ? mount : `${mount} (${origin})`,
  );
  if (are === 'clone')
    return {
      detail:
        'are two Vaults with one cluster id: one was restored from a snapshot of the other; they are treated as two',
    };
  if (shared.length === 0)
    return { detail: are === 'one' ? 'are one Vault, with no mount in common' : 'are two Vaults' };
  return {
    detail:
      `are ${are === 'replicas' ? 'replicas of one Vault' : 'one Vault'}, with these mounts in common: ${shared.join(', ')}; ` +
      'only secrets that the transforms move elsewhere are copied',
  };
}

async function capabilitiesFinding(kv: Kv2, { side, needs, signal }: Target): Promise<CheckResult> {
  const lacking = await lackingCapabilities(kv.client, needs, signal);
  if (lacking === undefined) return { outcome: 'warning', detail: await whyCannotAsk(kv, side) };
  const { missing, advice } = lacking;
  const policy = vaultPolicy(needs, kv.client.policyPrefix);
  if (missing.length > 0) {
    const detail = `the token lacks ${missingText(missing)}; give the token of ${side}.vault this policy`;
    return { outcome: 'fail', detail, policy };
  }
  if (advice.length > 0) return { outcome: 'warning', detail: advice.join('; '), policy };
  return { detail: 'the token may do all that is needed' };
}

/** Nothing to report at HashiCorp's Vault, which cannot. */
async function checkFolderMetadata(kv: Kv2, config: OriginConfig, signal?: AbortSignal): Promise<Check[]> {
  const { support, missing } = await folderMetadata(kv, config, signal);
  if (support === 'no' || support === 'unknown') return [];
  const what = `Vault ${config.origin.vault.address} (origin.vault): metadata of folders`;
  if (support === 'yes')
    return [{ what, outcome: 'pass', detail: 'a scan makes one request for each folder' }];
  const prefix = kv.client.policyPrefix;
  const lines = missing.map((grant) => ({ ...grant, policyPath: prefix + grant.policyPath }));
  const detail = `the token lacks ${missingText(lines)}; ${WITHOUT_FOLDER_METADATA}: add this to its policy`;
  return [{ what, outcome: 'warning', detail, policy: vaultPolicy(missing, prefix) }];
}

/** A token of another namespace is refused: its policies name `sys/capabilities-self` in its own namespace. */
async function whyCannotAsk({ client }: Kv2, side: Role): Promise<string> {
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

const ORDER: readonly Capability[] = ['create', 'read', 'update', 'delete', 'list'];

/** A Vault policy that grants all this. @param prefix of each path: `team/` if the policy is in a namespace above */
export function vaultPolicy(grants: readonly Grant[], prefix = ''): string {
  const byPath = new Map<string, Set<Capability>>();
  for (const { policyPath, capability } of grants) {
    const path = prefix + policyPath;
    byPath.set(path, (byPath.get(path) ?? new Set()).add(capability));
  }
  const width = Math.max(0, ...[...byPath.keys()].map((path) => JSON.stringify(path).length));
  return [...byPath]
    .map(([path, capabilities]) => {
      const listed = ORDER.filter((capability) => capabilities.has(capability));
      return `path ${JSON.stringify(path).padEnd(width)} { capabilities = ${JSON.stringify(listed).replaceAll(',', ', ')} }`;
    })
    .join('\n');
}

import { assertSyncName, assertKeyAccess } from '../../access/sync-path';
import { infoOf, type OpenInfo } from '../../activities/clients';
import type { Config, ConsulConfig, DestinationConfig } from '../../config/schema';
import { ConsulError } from '../../consul/errors';
import { readStateOf } from '../../sync-info/state';
import type { SyncInfo } from '../../sync-info/sync-info';
import { check, notChecked, type Check, type CheckResult } from '../../access/check-line';
import { withInfo } from '../connections';

/** The role's own Consul: datacenter, keys, and which sync the sync path belongs to. Writes one key, and removes it again. */
export function checkOwnConsul(
  config: Config,
  signal?: AbortSignal,
  onLeft?: (what: string) => void,
): Promise<Check[]> {
  const { consul } = config.role === 'origin' ? config.origin : config.destination;
  const onKeyLeft = (key: string): void => onLeft?.(`Consul ${consul.address}: ${key}`);
  return checkConsul(`${config.role}.consul`, consul, infoOf(config), async (info, name) => [
    await checkOrRule(`${name}: keys below ${info.prefix}`, info, 'write', async () => {
      await assertKeyAccess(info, signal, onKeyLeft);
      return { detail: 'can be created, listed, read and removed' };
    }),
    await checkOrRule(`${name}: sync path ${info.prefix}`, info, 'write', async () => {
      const { state } = await readStateOf(config.role, info);
      assertSyncName(info, state, config.name);
      return { detail: state === undefined ? 'is free' : `belongs to ${config.name}` };
    }),
  ]);
}

/** The origin's Consul, which a destination only reads. */
export function checkOriginConsul(config: DestinationConfig): Promise<Check[]> {
  const opening = infoOf(config, 'origin');
  return checkConsul('origin.consul', config.origin.consul, opening, async (info, name) => [
    await checkOrRule(`${name}: sync info of the origin`, info, 'read', () => originInfo(info, config)),
  ]);
}

async function originInfo(info: SyncInfo, config: DestinationConfig): Promise<CheckResult> {
  const { index, problem } = await info.readIndex();
  if (index !== undefined) return { detail: `has ${index.length} buckets` };
  const key = `Consul ${info.store.address}: ${info.indexKey}`;
  if (problem !== undefined)
    return { outcome: 'fail', detail: `${key}: ${problem}; let the origin run a cycle` };
  // After a cycle, a missing index of the origin is an accident. The own Consul has checks of its own.
  const own = await withInfo(config, (ofConfig) => ofConfig.readIndex()).catch(() => undefined);
  if (own?.index !== undefined) {
    const detail =
      `${key}: the origin's index is missing, although this destination has sync info; nothing is changed until it is ` +
      'back. Let the origin run a cycle, or check origin.syncPath and origin.consul';
    return { outcome: 'fail', detail };
  }
  return {
    outcome: 'warning',
    detail: `${info.indexKey} does not exist yet: the destination waits for the origin's first cycle`,
  };
}

/** Whether it answers, and then what is asked of its keys. */
async function checkConsul(
  section: string,
  { address, dc }: ConsulConfig,
  opening: Promise<OpenInfo>,
  checkKeys: (info: SyncInfo, name: string) => Promise<Check[]>,
): Promise<Check[]> {
  const name = `Consul ${address} (${section})`;
  let opened: OpenInfo | undefined;
  const reached = await check(name, async () => {
    opened = await opening;
    // Without a datacenter, no request was sent yet.
    await opened.info.readIndex().catch((error: unknown) => {
      // It answers; the next check is about the token.
      if (!isForbidden(error)) throw error;
    });
    return { detail: dc === undefined ? 'answers' : `answers for datacenter ${dc}` };
  });
  try {
    if (opened === undefined || reached.outcome === 'fail')
      return [reached, notChecked(`${name}: keys`, 'the Consul cannot be used')];
    return [reached, ...(await checkKeys(opened.info, name))];
  } finally {
    opened?.close();
  }
}

/** Does one check; with the rule that grants what Consul refused. */
function checkOrRule(
  what: string,
  { prefix }: SyncInfo,
  policy: 'read' | 'write',
  work: () => Promise<CheckResult>,
): Promise<Check> {
  return check(what, () =>
    work().catch((error: unknown): CheckResult => {
      if (!isForbidden(error)) throw error;
      return { outcome: 'fail', detail: error.message, policy: consulRule(prefix, policy) };
    }),
  );
}

function isForbidden(error: unknown): error is ConsulError {
  return error instanceof ConsulError && error.kind === 'forbidden';
}

/** The text of a Consul ACL rule for everything below a prefix. */
export function consulRule(prefix: string, policy: 'read' | 'write'): string {
  return `key_prefix ${JSON.stringify(prefix)} { policy = "${policy}" }`;
}

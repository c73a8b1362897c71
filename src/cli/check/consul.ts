import { assertSyncName, assertKeyAccess } from '../../access/sync-path';
import { infoOf, type OpenInfo } from '../../activities/clients';
import type { Config, DestinationConfig } from '../../config/schema';
import { ConsulError } from '../../consul/errors';
import { readStateOf } from '../../sync-info/state';
import type { SyncInfo } from '../../sync-info/sync-info';
import { check, notChecked, type Check, type CheckResult } from '../../access/check-line';
import { withInfo } from '../connections';

/**
 * The role's own Consul: datacenter, keys, and which sync the sync path belongs to. Writes one key, and removes it again.
 *
 * @param onLeft is called with the key if it could not be removed
 */
export async function checkOwnConsul(
  config: Config,
  signal?: AbortSignal,
  onLeft?: (what: string) => void,
): Promise<Check[]> {
  const section = config.role === 'origin' ? config.origin : config.destination;
  const name = `Consul ${section.consul.address} (${config.role}.consul)`;
  return openedFor(
    name,
    section.consul.dc,
    () => infoOf(config),
    async (info) => [
      await check(`${name}: keys below ${info.prefix}`, () =>
        orRule(info, 'write', async () => {
          await assertKeyAccess(info, signal, (key) => onLeft?.(`Consul ${section.consul.address}: ${key}`));
          return { detail: 'can be created, listed, read and removed' };
        }),
      ),
      await check(`${name}: sync path ${info.prefix}`, () =>
        orRule(info, 'write', async () => {
          const { state } = await readStateOf(config.role, info);
          assertSyncName(info, state, config.name);
          return { detail: state === undefined ? 'is free' : `belongs to ${config.name}` };
        }),
      ),
    ],
  );
}

/** The origin's Consul, which a destination only reads. */
export async function checkOriginConsul(config: DestinationConfig): Promise<Check[]> {
  const { address, dc } = config.origin.consul;
  const name = `Consul ${address} (origin.consul)`;
  return openedFor(
    name,
    dc,
    () => infoOf(config, 'origin'),
    async (info) => [
      await check(`${name}: sync info of the origin`, () =>
        orRule(info, 'read', () => originInfo(info, config)),
      ),
    ],
  );
}

/** Whether a cycle has run: then a missing index of the origin is an accident. The own Consul has checks of its own. */
function hasOwnInfo(config: DestinationConfig): Promise<boolean> {
  return withInfo(config, async (info) => (await info.readIndex()).index !== undefined).catch(() => false);
}

async function originInfo(info: SyncInfo, config: DestinationConfig): Promise<CheckResult> {
  const { index, problem } = await info.readIndex();
  if (index !== undefined) return { detail: `has ${index.length} buckets` };
  const key = `Consul ${info.store.address}: ${info.indexKey}`;
  if (problem !== undefined)
    return { outcome: 'fail', detail: `${key}: ${problem}; let the origin run a cycle` };
  if (await hasOwnInfo(config)) {
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

async function openedFor(
  name: string,
  dc: string | undefined,
  open: () => Promise<OpenInfo>,
  work: (info: SyncInfo) => Promise<Check[]>,
): Promise<Check[]> {
  let opened: OpenInfo | undefined;
  const reached = await check(name, async () => {
    opened = await open();
    // Without a datacenter, no request was sent yet.
    await opened.info.readIndex().catch((error: unknown) => {
      // It answers; the next check is about the token.
      if (!(error instanceof ConsulError) || error.kind !== 'forbidden') throw error;
    });
    return { detail: dc === undefined ? 'answers' : `answers for datacenter ${dc}` };
  });
  try {
    if (opened === undefined || reached.outcome === 'fail') {
      return [reached, notChecked(`${name}: keys`, 'the Consul cannot be used')];
    }
    return [reached, ...(await work(opened.info))];
  } finally {
    opened?.close();
  }
}

/** Adds the rule that grants what Consul refused. */
async function orRule(
  { prefix }: SyncInfo,
  policy: 'read' | 'write',
  work: () => Promise<CheckResult>,
): Promise<CheckResult> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConsulError) || error.kind !== 'forbidden') throw error;
    return { outcome: 'fail', detail: error.message, policy: consulRule(prefix, policy) };
  }
}

/** The text of a Consul ACL rule for everything below a prefix. */
export function consulRule(prefix: string, policy: 'read' | 'write'): string {
  return `key_prefix ${JSON.stringify(prefix)} { policy = "${policy}" }`;
}

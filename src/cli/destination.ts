import { forManyRequests } from '../concurrency/many-listeners';
import { approveDeletes, approveMounts, approveOrphans, orphansSet, waitingDeletes } from './approvals';
import { createClients, infoOf } from '../activities/clients';
import type { Config } from '../config/schema';
import { shortSet } from './text/named-set';
import type { SyncInfo } from '../sync-info/sync-info';
import { formatOrphans, formatPlan } from './text/format-plan';
import type { Plan } from '../activities/destination/plan/plan';
import { planCycle } from '../activities/destination/plan/plan-cycle';
import { assertOwnName, assertOwnSync } from '../temporal/ownership';
import { trigger } from '../temporal/operations';
import { UsageError } from '../errors';
import { verify } from './verify/command';
import { withClients, withTemporal } from './connections';
import { ask, consentOf, type Consent } from './consent';
import { tellTriggered } from './cycles';
import { fileOf, load, type Options } from './options';

export async function showPlan(options: Options): Promise<void> {
  if (options['applyOrphans'] === true)
    throw new UsageError(
      'a plan changes nothing, and --apply-orphans is not an option of it any more: look at the plan, then run ' +
        '"vsync prune --orphans --set HASH -c FILE" with the set that it names',
    );
  await withPlan(load(options, undefined, 'destination'), (plan) => {
    console.log(options['json'] === true ? JSON.stringify(plan, null, 2) : formatPlan(plan));
  });
}

/** `vsync prune --orphans`: has a cycle delete the orphans that the plan lists. */
export async function pruneOrphans(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  const consent = consentOf(options, 'vsync prune');
  await assertOwn(config);
  await withPlan(config, async (plan, info) => {
    const hash = orphansSet(plan);
    const { length } = plan.orphans;
    if (consent.kind === 'ask') {
      console.log([...formatOrphans(plan.orphans), `${length} orphans, set ${shortSet(hash)}`].join('\n'));
      await ask(`Delete these ${length} secrets of ${config.name} softly?`);
    }
    await approveOrphans({ info, name: config.name }, plan, consent.kind === 'set' ? consent.set : hash);
    if (consent.kind !== 'ask') console.log(formatOrphans(plan.orphans).join('\n'));
    console.log(`${length} orphans are to be deleted softly`);
  });
  await runCycle(config, options);
}

async function withPlan(
  config: Config,
  work: (plan: Plan, info: SyncInfo) => Promise<void> | void,
): Promise<void> {
  const clients = await createClients(config);
  try {
    if (clients.role !== 'destination') return;
    const signal = forManyRequests(new AbortController().signal);
    await work(await planCycle(clients.deps, signal), clients.deps.info);
  } finally {
    await clients.close();
  }
}

export async function verifyValues(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  await withClients(config, async (client, clients) => {
    if (clients.role !== 'destination') return;
    await assertOwnSync(client, clients);
    await verify(client, clients.deps, {
      json: options['json'] === true,
      repair: options['repair'] === true,
      file: fileOf(options),
      say: (text) => {
        console.error(`vsync: ${text}`);
      },
      print: (text) => {
        console.log(text);
      },
    });
  });
}

export async function approve(options: Options): Promise<void> {
  const config = load(options);
  const mounts = options['mount'] as string[] | undefined;
  if (config.role === 'origin' && (options['set'] !== undefined || options['yes'] === true))
    throw new UsageError(
      "deletes wait at a destination: give the destination's file. At an origin only re-created mounts can be " +
        'accepted: vsync approve --mount NAME -c FILE',
    );
  const consent =
    mounts === undefined && config.role === 'destination' ? consentOf(options, 'vsync approve') : undefined;
  await assertOwn(config);
  const { info, close } = await infoOf(config);
  try {
    if (consent === undefined) {
      await approveMounts({ info, name: config.name }, config.role, mounts ?? []);
      console.log(`approved: ${mounts?.join(', ') ?? ''} as it is now`);
    } else {
      const set = consent.kind === 'set' ? consent.set : await chooseDeletes(info, config, consent, options);
      const { count, reason } = await approveDeletes({ info, name: config.name }, set);
      console.log(`approved: ${count} deletes (${reason})`);
    }
  } finally {
    close();
  }
  await runCycle(config, options);
}

/** The set that waits now: shown, and asked about where a person has not agreed yet. */
async function chooseDeletes(
  info: SyncInfo,
  { name }: Config,
  { kind }: Consent,
  options: Options,
): Promise<string> {
  const { count, hash, reason } = await waitingDeletes({ info, name });
  if (kind === 'yes') return hash;
  console.log(
    `${count} deletes wait at ${name}, set ${shortSet(hash)}: ${reason}\n` +
      `"vsync plan -c ${fileOf(options)}" lists them`,
  );
  await ask(`Delete these ${count} secrets of ${name} softly?`);
  return hash;
}

/** What is approved is done by the schedule of that name: it must not be another sync's. */
async function assertOwn(config: Config): Promise<void> {
  await withTemporal(config, (client) => assertOwnName(client, config));
}

/** Asks for a cycle that does what was approved. */
async function runCycle(config: Config, options: Options): Promise<void> {
  tellTriggered(await withTemporal(config, (client) => trigger(client, config)), options);
}

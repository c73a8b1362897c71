import { infoOf } from '../activities/clients';
import type { Config } from '../config/schema';
import { UsageError } from '../errors';
import type { SyncInfo } from '../sync-info/sync-info';
import { assertOwnName } from '../temporal/ownership';
import { approveDeletes, approveMounts, waitingDeletes } from './approvals';
import { withTemporal } from './connections';
import { ask, consentOf, shortSet, type Consent } from './consent';
import { fileOf, load, type Options } from './options';
import { requestCycle } from './trigger';

/** `vsync approve`: approves the pending deletes of a destination, or a re-created mount; then a cycle runs. */
export async function approve(options: Options): Promise<void> {
  const config = load(options);
  const mounts = options['mount'] as string[] | undefined;
  if (config.role === 'origin' && (options['set'] !== undefined || options['yes'] === true))
    throw new UsageError(
      "deletes wait at a destination: give the destination's file. For an origin, only re-created mounts can be " +
        'accepted: vsync approve --mount NAME -c FILE',
    );
  const consent =
    mounts === undefined && config.role === 'destination' ? consentOf(options, 'vsync approve') : undefined;
  // The schedule of this name does what is approved: it must not be another sync's.
  await withTemporal(config, (client) => assertOwnName(client, config));
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
  await requestCycle(config, options);
}

/** The set of deletes that is pending now. Asks for consent unless `--yes` was given. */
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
  await ask(`Soft-delete these ${count} secrets of ${name}?`);
  return hash;
}

import { setMaxListeners } from 'node:events';
import { approveDeletes, approveMounts, approveOrphans } from '../approve';
import { createClients, infoOf } from '../clients';
import type { Config } from '../config/schema';
import { formatOrphans, formatPlan } from '../plan/format';
import { planCycle } from '../plan/plan-cycle';
import { trigger } from '../starter';
import { verify } from '../verify/command';
import { withClients, withTemporal } from './connections';
import { tellTriggered } from './cycles';
import { fileOf, load, type Options } from './options';

export async function showPlan(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  const clients = await createClients(config);
  try {
    if (clients.role !== 'destination') return;
    const { signal } = new AbortController();
    // Every request in flight listens to it: Node's warning about a leak would be wrong.
    setMaxListeners(0, signal);
    const plan = await planCycle(clients.deps, signal);
    if (options['applyOrphans'] !== true) {
      console.log(options['json'] === true ? JSON.stringify(plan, null, 2) : formatPlan(plan));
      return;
    }
    await approveOrphans(clients.deps.info, plan);
    console.log(formatOrphans(plan.orphans).join('\n'));
    console.log(`${plan.orphans.length} orphans are to be deleted softly`);
  } finally {
    await clients.close();
  }
  await runCycle(config, options);
}

export async function verifyValues(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  await withClients(config, async (client, clients) => {
    if (clients.role !== 'destination') return;
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
  const { info, close } = await infoOf(config);
  const mounts = options['mount'] as string[] | undefined;
  try {
    if (mounts !== undefined || config.role === 'origin') {
      await approveMounts(info, config.role, mounts ?? []);
      console.log(`approved: ${mounts?.join(', ') ?? ''} as it is now`);
    } else {
      const { count, reason } = await approveDeletes(info, options['set'] as string | undefined);
      console.log(`approved: ${count} deletes (${reason})`);
    }
  } finally {
    close();
  }
  await runCycle(config, options);
}

/** Asks for a cycle that does what was approved. */
async function runCycle(config: Config, options: Options): Promise<void> {
  tellTriggered(await withTemporal(config, (client) => trigger(client, config)), options);
}

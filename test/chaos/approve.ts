import { readStateOf } from '../../src/sync-info/state';
import { infoOf } from '../../src/activities/clients';
import { MOUNTS, type MountName } from './names';
import { orNothing, type Run } from './run';
import { ROLES, type Role } from './world';

/** Approves every re-created mount of the origin that the last cycles found: at the origin, then at the destination. */
export async function approveMounts(run: Run): Promise<void> {
  for (const role of ROLES) await approveAt(run, role);
}

async function approveAt({ world, model }: Run, role: Role): Promise<void> {
  const found = await foundAt(world.sync.config(role));
  for (const mount of MOUNTS) {
    const inVault = world.mounts.of(mount);
    if (found[inVault] === undefined) continue;
    const beganMs = Date.now() - 1;
    const isDone = await orNothing(world.sync.approveMounts(role, inVault));
    // The approval is for the engine that a cycle found. The mount may have yet another one by now.
    const isCurrent = found[inVault] === (await uuidOf(world.sync.originVault, inVault));
    if (!isDone || role === 'origin' || !isCurrent) continue;
    world.stats.count('mounts approved');
    model.approve(mount satisfies MountName, { beganMs, endedMs: Date.now() + 1 });
  }
}

async function foundAt(config: Parameters<typeof infoOf>[0]): Promise<Readonly<Record<string, string>>> {
  const { info, close } = await infoOf(config);
  try {
    return (await readStateOf(config.role, info)).state?.changedMounts ?? {};
  } finally {
    close();
  }
}

async function uuidOf(
  vault: Run['world']['sync']['originVault'],
  mount: string,
): Promise<string | undefined> {
  const answer = (await vault.request('GET', `sys/internal/ui/mounts/${mount}`)) as {
    data: { uuid: string };
  };
  return answer.data.uuid;
}

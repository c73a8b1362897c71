import { ORIGIN_MOUNT } from './configs';
import type { Destination } from './first-copy';
import { ADDED_PATH, CHANGED_PATH, DELETED_PATH, random } from './secrets';
import type { DemoVault, SecretValue } from './vault';
import { seconds, waitFor } from '../shared/wait';

/**
 * Changes, adds and deletes one secret at the origin, each time until it is so in every destination, and
 * prints how long that took.
 *
 * @throws if it is not so in time
 */
export async function showChanges(
  origin: DemoVault,
  destinations: readonly Destination[],
  limits: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const write = (path: string, value: SecretValue) => origin.write(ORIGIN_MOUNT, path, value);

  const changed = { username: 'app', password: random(), port: 6432 };
  await showOne('changed', CHANGED_PATH, () => write(CHANGED_PATH, changed), holds(changed));

  const added = { url: 'https://hooks.example.org/payments', token: random() };
  await showOne('added', ADDED_PATH, () => write(ADDED_PATH, added), holds(added));

  await showOne('deleted', DELETED_PATH, () => origin.delete(ORIGIN_MOUNT, DELETED_PATH), isGone);

  async function showOne(
    verb: string,
    path: string,
    act: () => Promise<void>,
    arrived: (destination: Destination, path: string) => Promise<boolean>,
  ): Promise<void> {
    await act();
    const took = await Promise.all(
      destinations.map(async (destination) => {
        const { name } = destination.plan;
        const ms = await waitFor(
          () => `${ORIGIN_MOUNT}${path} was ${verb} at the origin, which did not arrive in ${name}`,
          () => arrived(destination, path),
          limits,
        );
        return `${name} ${seconds(ms)}`;
      }),
    );
    console.log(`  ${verb.padEnd(8)} ${`${ORIGIN_MOUNT}${path}`.padEnd(36)} ${took.join('   ')}`);
  }
}

function holds(value: SecretValue) {
  return ({ plan, vault }: Destination, path: string) => vault.holds(plan.mount, plan.pathOf(path), value);
}

async function isGone({ plan, vault }: Destination, path: string): Promise<boolean> {
  return (await vault.read(plan.mount, plan.pathOf(path))) === undefined;
}

import type { DestinationPlan } from './configs';
import type { DemoSecret } from './secrets';
import type { DemoVault } from './vault';
import { inParallel, seconds, waitFor } from '../shared/wait';

/** Where a destination's secrets are looked for. */
export interface Destination {
  plan: DestinationPlan;
  vault: DemoVault;
}

const POLL_MS = 250;
/** Without a terminal each line stays, so there are fewer of them. */
const LINE_EVERY_MS = 1_000;
const READS_AT_ONCE = 16;

/**
 * Shows how many of the secrets are present in each destination until all are, then reads all of them back.
 *
 * @throws if they do not arrive in time, or one arrived with another value
 */
export async function showFirstCopy(
  secrets: readonly DemoSecret[],
  destinations: readonly Destination[],
  limits: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const line = new ProgressLine();
  const started = Date.now();
  let counts: number[] = [];
  const text = () => {
    const parts = destinations.map(
      ({ plan }, index) => `${plan.name} ${counts[index] ?? 0}/${secrets.length}`,
    );
    return `  ${parts.join('   ')}   ${seconds(Date.now() - started)}`;
  };
  try {
    await waitFor(
      () => `the first copy was not complete (${text().trim()})`,
      async () => {
        counts = await Promise.all(destinations.map((destination) => countPresent(secrets, destination)));
        line.show(text());
        return counts.every((count) => count === secrets.length);
      },
      { ...limits, pollMs: POLL_MS },
    );
  } finally {
    line.end();
  }
  for (const destination of destinations) await compareAll(secrets, destination);
  console.log(`  all ${secrets.length} read back from each destination: every value is the origin's`);
}

async function countPresent(secrets: readonly DemoSecret[], { plan, vault }: Destination): Promise<number> {
  const present = new Set(await vault.list(plan.mount));
  return secrets.filter(({ path }) => present.has(plan.pathOf(path))).length;
}

async function compareAll(secrets: readonly DemoSecret[], { plan, vault }: Destination): Promise<void> {
  const different: string[] = [];
  await inParallel(secrets, READS_AT_ONCE, async ({ path, value }) => {
    if (!(await vault.holds(plan.mount, plan.pathOf(path), value))) different.push(plan.pathOf(path));
  });
  if (different.length === 0) return;
  const some = different.slice(0, 3).join(', ');
  throw new Error(
    `${plan.name} holds ${different.length} secrets with another value than the origin: ${some}`,
  );
}

/** One line that is written over on a terminal, and one line each second elsewhere. */
class ProgressLine {
  #latest = '';
  #printed = '';
  #printedAt = 0;

  show(text: string): void {
    this.#latest = text;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
    else if (Date.now() - this.#printedAt >= LINE_EVERY_MS) this.#print();
  }

  /** Leaves the latest text standing. */
  end(): void {
    if (process.stdout.isTTY) process.stdout.write('\n');
    else if (this.#latest !== this.#printed) this.#print();
  }

  #print(): void {
    console.log(this.#latest);
    this.#printed = this.#latest;
    this.#printedAt = Date.now();
  }
}

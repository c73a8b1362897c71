import fc from 'fast-check';
import { NAMES, scenario, type Scenario } from './commands';
import { Judge } from './judge';
import { Model } from './model';
import { perform } from './perform';
import { settle } from './settle';
import { Stats } from './stats';
import { World } from './world';

/** Without an argument: what fits into everybody's test run. */
const DEFAULT_MINUTES = 1.5;
const MINUTES = Number(process.env['VSYNC_CHAOS_MINUTES'] ?? DEFAULT_MINUTES);
const SEED = Number(process.env['VSYNC_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** A run that has begun is finished: this is a bound on a hang. */
const LAST_RUN_MS = 10 * 60_000;

test(
  'whatever happens, no secret is lost, and both ends are equal afterwards',
  async () => {
    const stats = new Stats();
    const beganMs = Date.now();
    let longestMs = 0;
    // The n-th run has the seed SEED + n: a run that fails is the first one with its own seed.
    for (let number = 0; ; number++) {
      const runBeganMs = Date.now();
      if (number > 0 && runBeganMs + longestMs > beganMs + MINUTES * 60_000) break;
      for (const one of fc.sample(scenario, { seed: SEED + number, numRuns: 1 }))
        await oneRun(SEED + number, one, stats);
      stats.count('runs');
      longestMs = Math.max(longestMs, Date.now() - runBeganMs);
    }
    say(`chaos, seeds from ${SEED} on:\n${stats.toString()}`);
    // A test that injects nothing and judges nothing would pass for ever.
    expect(stats.of('settled')).toBeGreaterThan(0);
    expect(stats.of('fault at')).toBeGreaterThan(0);
    expect(stats.of('versions judged')).toBeGreaterThan(0);
  },
  MINUTES * 60_000 + LAST_RUN_MS,
);

async function oneRun(seed: number, { watched, commands }: Scenario, stats: Stats): Promise<void> {
  const world = await World.create(stats, watched);
  const model = new Model();
  const judge = new Judge(world, model);
  world.onIdleWorker = async () => {
    await judge.look();
  };
  try {
    // There is something to lose from the beginning.
    for (const name of NAMES) await world.atOrigin(model, name, 'put', 'first');
    await settle(world, judge);
    for (const command of commands) await perform({ world, model, judge }, command);
    await settle(world, judge);
    await judge.versionsHadReasons();
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(
      `${problem}\nseed ${seed} (npm run test:chaos -- --seed ${seed}), after:\n${world.trace.join('\n')}`,
      { cause: error },
    );
  } finally {
    await world.tearDown();
  }
}

/** Past jest's console, which would put a stack below it. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

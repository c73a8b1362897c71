import fc from 'fast-check';
import { ChaosServers } from './chaos-servers';
import { scenario, type Scenario } from './commands';
import { changeDuring } from './feed-fault';
import { Judge } from './judge';
import { Model } from './model';
import { NAMES } from './names';
import { OriginUser } from './origin-user';
import { perform } from './perform';
import type { Run } from './run';
import { settle } from './settle';
import { Stats } from './stats';
import { World } from './world';

/** Without an argument, the test is short enough for every test run. */
const DEFAULT_MINUTES = 2;
const MINUTES = Number(process.env['VSYNC_CHAOS_MINUTES'] ?? DEFAULT_MINUTES);
const SEED = Number(process.env['VSYNC_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Reserved for the final checks: a run gets no more commands this long before the end. */
const SETTLE_MS = 25_000;
/** A run with less time than this is not begun. */
const WORTH_MS = 20_000;
/** Bounds a hang. */
const HANG_MS = 10 * 60_000;

let servers: ChaosServers;

beforeAll(async () => {
  servers = await ChaosServers.start();
  // Fixtures find their servers here. This test kills servers, so it has its own.
  process.env['VSYNC_TEST_SERVERS'] = JSON.stringify(servers.shared);
});

afterAll(async () => {
  await servers.stop();
});

test(
  'vsync loses no secret, whatever happens, and makes both ends equal afterwards',
  async () => {
    const stats = new Stats();
    const endMs = Date.now() + MINUTES * 60_000 - SETTLE_MS;
    // The n-th run has the seed SEED + n, so that a failed run is the first one with its own seed.
    for (let number = 0; Date.now() < endMs - WORTH_MS || !hasFault(stats); number++) {
      for (const one of fc.sample(scenario, { seed: SEED + number, numRuns: 1 }))
        await oneRun(SEED + number, one, stats, endMs);
      stats.count('runs');
    }
    say(`chaos, seeds from ${SEED} on:\n${stats.toString()}`);
    // A test that injects nothing and judges nothing would always pass.
    expect(stats.of('settled')).toBeGreaterThan(0);
    expect(hasFault(stats)).toBe(true);
    expect(stats.of('versions judged')).toBeGreaterThan(0);
    expect(stats.of('claims judged')).toBeGreaterThan(0);
  },
  MINUTES * 60_000 + HANG_MS,
);

/** On a slow machine the time may be over before the first fault: the test goes on until there was one. */
const hasFault = (stats: Stats): boolean => stats.of('fault at') > 0;

async function oneRun(
  seed: number,
  { commands, feedFaults, ...kind }: Scenario,
  stats: Stats,
  endMs: number,
): Promise<void> {
  const world = await World.create(servers, stats, kind);
  const model = new Model();
  const judge = new Judge(world, model);
  const user = new OriginUser(world.sync.originVault, world.mounts, model);
  const run: Run = { world, model, judge, user };
  world.onIdleWorker = async () => {
    await judge.look();
  };
  try {
    // From the beginning there are secrets to lose.
    for (const name of NAMES) await user.step(name, 'put', 'first');
    await settle(run);
    for (const [at, command] of commands.entries()) {
      if (Date.now() >= endMs && hasFault(stats)) break;
      const feedFault = feedFaults[at];
      if (world.feedLine !== undefined && feedFault !== undefined)
        await changeDuring(run, world.feedLine, feedFault);
      await perform(run, command);
    }
    await settle(run);
    await judge.versionsHadReasons();
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const again = `npm run test:chaos -- --seed ${seed} --minutes ${Math.max(MINUTES, 4)}`;
    const said = [problem, `seed ${seed}, once more: ${again}`, JSON.stringify(kind), ...world.trace];
    throw new Error(`${said.join('\n')}\nuntil then:\n${stats.toString()}`, { cause: error });
  } finally {
    if (process.env['VSYNC_CHAOS_TRACE'] !== undefined) say(world.trace.join('\n'));
    await world.tearDown();
  }
}

/** Writes to stderr, because jest's console adds a stack. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

import fc from 'fast-check';
import type { FeedLine } from './feed-line';
import { ORIGIN_STEPS, type OriginStep } from './model';
import { NAMES } from './names';
import type { Run } from './run';

/**
 * What happens to the feed while users change secrets, before a command. `interrupt`: its connection ends. `cut`: it cannot
 * be reached. `stop`: the workers get no CPU (SIGSTOP). `kill`: the workers are killed. `none`: nothing.
 */
export const FEED_FAULTS = ['none', 'interrupt', 'cut', 'stop', 'kill'] as const;

/** Long enough for timers of the feed to be late. */
const STOPPED_MS = 1_500;

export interface FeedFault {
  readonly kind: (typeof FEED_FAULTS)[number];
  readonly edits: readonly { readonly name: string; readonly step: OriginStep; readonly value: string }[];
}

const edit = fc.record({
  name: fc.constantFrom(...NAMES),
  step: fc.constantFrom<OriginStep>('put', ...ORIGIN_STEPS.filter((step) => step !== 'set')),
  value: fc.constantFrom('heard', 'unheard', 'late'),
});

/** Mostly without a fault: else a full scan would bring everything, and no feed pass would be judged. */
export const feedFault: fc.Arbitrary<FeedFault> = fc.record({
  kind: fc.constantFrom<FeedFault['kind']>('none', 'none', 'none', ...FEED_FAULTS),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
});

/** Changes secrets while the fault lasts. It is over when this returns. */
export async function changeDuring(run: Run, line: FeedLine, { kind, edits }: FeedFault): Promise<void> {
  const { world, judge, user } = run;
  world.note(`feed: ${kind} ${JSON.stringify(edits)}`);
  world.stats.count(`feed: ${kind}`);
  if (kind === 'kill') judge.since.disturbed = true;
  const mend = await begin(run, line, kind);
  try {
    for (const { name, step, value } of edits) await user.step(name, step, value);
  } finally {
    await mend();
  }
}

/** @returns what ends the fault */
async function begin({ world }: Run, line: FeedLine, kind: FeedFault['kind']): Promise<() => Promise<void>> {
  switch (kind) {
    case 'none':
      return () => Promise.resolve();
    case 'interrupt':
      line.interrupt();
      return () => Promise.resolve();
    case 'cut':
      await line.cut();
      return () => line.mend();
    case 'stop':
      world.signalWorkers('SIGSTOP');
      return async () => {
        await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
        world.signalWorkers('SIGCONT');
      };
    case 'kill':
      await world.stopWorkers('SIGKILL');
      return () => world.startWorkers();
  }
}

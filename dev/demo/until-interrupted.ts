import { Interrupted } from '../shared/run';
import { pause } from '../shared/wait';

/** Ctrl-C ends a demo successfully; the end of a vsync process is an error. */
export async function untilInterrupted(signal: AbortSignal): Promise<void> {
  try {
    // Long sleeps, because nothing else keeps this process alive: its children do not.
    for (;;) await pause(60_000, signal);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}

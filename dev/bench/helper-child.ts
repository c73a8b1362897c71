/** An answer to the parent process. */
export type Reply<Done> = { type: 'done'; done: Done } | { type: 'failed'; message: string };

/** In a helper process: does the work of each message, one after the other, until the parent is gone. */
export function answerParent<Done>(perform: (work: never) => Promise<Done>): void {
  let turn = Promise.resolve();
  process.on('message', (work: unknown) => {
    turn = turn.then(async () => {
      const reply: Reply<Done> = await perform(work as never).then(
        (done) => ({ type: 'done', done }),
        (error: unknown) => ({
          type: 'failed',
          message: error instanceof Error ? error.message : String(error),
        }),
      );
      process.send?.(reply);
    });
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches all processes of a terminal: the parent decides in which order they end.
  process.on('SIGINT', () => undefined);
}

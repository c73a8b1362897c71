import { pino, type Logger } from 'pino';

/** A log whose messages from `warn` on a test can look at. */
export function collectedLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push((JSON.parse(line) as { msg: string }).msg);
  };
  return { log: pino({ level: 'warn' }, { write }), lines };
}

import { pino, type Logger } from 'pino';

/** A log that leaves out nothing, and its lines as they are written. */
export function debugLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}

/** A log whose messages from `warn` on a test can look at. */
export function collectedLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push((JSON.parse(line) as { msg: string }).msg);
  };
  return { log: pino({ level: 'warn' }, { write }), lines };
}

import { pino, type Logger } from 'pino';

/** A log with every level, and its lines as written. */
export function debugLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}

/** A log, and its messages from `warn` on, apart from those that report how a cycle ended. */
export function collectedLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => {
    const { msg, outcome } = JSON.parse(line) as { msg: string; outcome?: string };
    if (outcome === undefined) lines.push(msg);
  };
  return { log: pino({ level: 'warn' }, { write }), lines };
}

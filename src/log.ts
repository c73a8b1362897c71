import { pino, type LogFn, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

export interface LogOptions {
  level: 'debug' | 'info' | 'warn' | 'error';
  /** `console`: lines for people; `json`: one object per line for machines. */
  type: 'console' | 'json';
}

/** Fields of lines whose text has the same in words: `log.type: console` leaves them out. */
const FOR_MACHINES = [
  'activityType',
  'attempt',
  'change',
  'counts',
  'cycle',
  'durationMs',
  'failures',
  'note',
  'outcome',
  'runId',
  'taskQueue',
  'vault',
];

/** The log of this process, on standard error: standard output is for the result of a command. */
/** @param reword changes the text of each line of a sync, by its name: for example, to name its file */
export function createLog(
  { level, type }: LogOptions,
  reword: (text: string, name: unknown) => string = (text) => text,
): Logger {
  const hooks = {
    logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
      const { name } = this.bindings();
      const reworded = args.map((arg: unknown) => (typeof arg === 'string' ? reword(arg, name) : arg));
      method.apply(this, reworded as Parameters<LogFn>);
    },
  };
  if (type === 'json') return pino({ level, hooks }, pino.destination({ dest: 2, sync: true }));
  const stream = pretty({
    destination: 2,
    sync: true,
    ignore: ['pid', 'hostname', ...FOR_MACHINES].join(','),
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return pino({ level, hooks }, stream);
}

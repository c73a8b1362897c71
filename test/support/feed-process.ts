import { listenSocket } from '../../src/feed/socket-listener';
import { feedScope, readAuditLine } from '../../src/rules/audit-line';
import { createLog } from '../../src/log';

/** A listener in a process of its own, which a test can stop. Sends its address, then each hint as "kind path". */
const scope = feedScope('', ['secret/'], false);
const sink = {
  line: (line: Buffer): void => {
    const result = readAuditLine(line, scope);
    if (result.is === 'hint') process.send?.(`${result.kind} ${result.rel}`);
  },
  gap: (): void => undefined,
  connected: (): void => undefined,
};
const log = createLog({ level: 'error', type: 'json' });
void listenSocket({ listen: { host: '127.0.0.1', port: 0 }, sink, log }).then(({ address }) =>
  process.send?.(address),
);

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { pino, type Logger } from 'pino';
import { freePorts } from '../../dev/servers/start';
import { allLines, PLANTED_NUMBERS } from '../rules/audit-lines/recorded';
import { startAuditedVault, type AuditedVault } from '../support/audited-vault';
import { eventually } from '../support/eventually';
import { everyKindOfChange, PLANTED_DIGITS } from '../support/feed-changes';
import { exportRuns, readableTexts } from '../support/histories';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { whereBaoIs } from '../support/vault-kind';

/**
 * Audit lines hold numbers and booleans of secrets in plain. The invariant for them: nothing of a line but the path leaves
 * the function that reads it.
 */

const HERE = '127.0.0.1';
const TOKEN = 'token-of-the-feed-of-this-canary';
/** Without OpenBao its lines are skipped with a line that says so. */
const DECLARED = [
  { kind: 'vault', declare: describe },
  { kind: 'bao', declare: whereBaoIs.describe },
] as const;

/** Everything that this process writes, from the lowest level on. */
function traceLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }), lines };
}

/** Sends what no audit device would: lines and their parts, all of which hold numbers, and nothing that ends well. */
async function sendGarbage(port: number): Promise<void> {
  const lines = allLines().filter((line) => PLANTED_NUMBERS.some((number) => line.includes(number)));
  const parts = lines.flatMap((line) => {
    const at = Math.floor(line.length / 2);
    return [
      line,
      line.slice(at),
      line.slice(0, at),
      `${line}}`,
      `{"update":${line}`,
      line.replace('"id"', '"no"'),
    ];
  });
  const client = net.connect(port, HERE);
  client.on('error', () => undefined);
  client.end(`${parts.join('\n')}\n${lines[0] ?? ''}`);
  await once(client, 'close');
}

async function postGarbage(port: number): Promise<number[]> {
  const [line = ''] = allLines().filter((one) => PLANTED_NUMBERS.some((number) => one.includes(number)));
  const bodies = [
    line.slice(10),
    `[${line}`,
    `[${line},5,null]`,
    `{"message":${line}}`,
    JSON.stringify({ message: line }),
  ];
  return Promise.all(
    bodies.map(async (body) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const { status } = await fetch(`http://${HERE}:${port}/${PLANTED_NUMBERS[0] ?? ''}`, {
        method: 'POST',
        headers,
        body,
      });
      return status;
    }),
  );
}

for (const { kind, declare } of DECLARED)
  declare(`with a ${kind}`, () => {
    let origin: AuditedVault;
    let sync: SyncFixture;
    const { log, lines } = traceLog();

    beforeAll(async () => {
      const [socket = 0, http = 0] = await freePorts(2);
      const places = { socket: `${HERE}:${socket}`, http: { address: `${HERE}:${http}`, token: TOKEN } };
      origin = await startAuditedVault(kind, places);
      sync = await SyncFixture.create({
        servers: { ...sharedServers(), origin: origin.server },
        edit: (file, role) => {
          if (role !== 'origin') return;
          const feed = {
            socket: { listen: places.socket },
            http: { listen: places.http.address, token: TOKEN },
          };
          Object.assign(file['origin'] as object, { feed });
        },
      });
      await sync.run({ log });
      await origin.enable();
      for (const { run } of everyKindOfChange(sync.mount, false)) await run(origin.api);
      await sendGarbage(socket);
      expect(await postGarbage(http)).toEqual(Array(5).fill(204));
    });

    afterAll(async () => {
      await sync.tearDown();
      await origin.stop();
    });

    test('a feed keeps the numbers of audit lines out of the log, Consul and Temporal', async () => {
      await sync.cycle('origin');
      await sync.cycle('destination');
      // The copies have them: the search is for what was really there.
      const [vault] = sync.destinationVaults;
      expect(JSON.stringify(await vault?.get(sync.mount, 't/a'))).toContain(PLANTED_DIGITS[0]);
      const audit = readFileSync(origin.auditFile, 'utf8');
      expect(audit).toContain(PLANTED_DIGITS[0]);

      const runs = await eventually(async () => {
        const found = await exportRuns(sync.client, sync.id);
        expect(new Set(found.map(({ type }) => type))).toContain('destinationCycle');
        return found;
      }, 'all workflows to be listed');
      const consul = JSON.stringify(await sync.consul.values(sync.syncPath));
      const everything = [readableTexts(runs), consul, ...lines].join('\n');
      expect(everything).toContain(`${sync.mount}data/t/a`);
      expect(lines.some((line) => line.includes('feed'))).toBe(true);
      for (const digits of [...PLANTED_DIGITS, ...PLANTED_NUMBERS, TOKEN, 'hmac-sha256'])
        expect(everything.split('\n').filter((line) => line.includes(digits))).toEqual([]);
    });
  });

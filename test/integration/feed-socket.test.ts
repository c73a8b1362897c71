import { once } from 'node:events';
import { statSync } from 'node:fs';
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { Check } from '../../src/access/check-line';
import { openVault } from '../../src/activities/clients';
import { checkAuditDevices } from '../../src/cli/check/feed';
import { listenSocket } from '../../src/feed/socket-listener';
import type { FeedListener } from '../../src/feed/listener';
import { feedScope } from '../../src/rules/audit-line';
import { freePorts, startVaultFile } from '../../dev/servers/start';
import { VaultApi } from '../../dev/shared/vault-api';
import { startAuditedVault, type AuditedVault } from '../support/audited-vault';
import { debugLog } from '../support/collected-log';
import { everyKindOfChange } from '../support/feed-changes';
import { ReadingSink } from '../support/reading-sink';

/** The listener at the socket device of a real Vault, set up as docs/feed.md describes. */

describe('listenSocket at the audit device of a Vault', () => {
  let sink: ReadingSink;
  let listener: FeedListener;
  let vault: AuditedVault;

  beforeAll(async () => {
    sink = new ReadingSink(feedScope('', ['secret/'], true));
    listener = await listenSocket({ listen: { host: '127.0.0.1', port: 0 }, sink, log: debugLog().log });
    vault = await startAuditedVault('vault', { socket: listener.address });
    await vault.enable();
    // The first line of the connection is a gap, and may arrive after the answer to its request.
    await vault.api.request('GET', 'sys/internal/ui/mounts/secret');
    await sink.until(({ events }) => events.includes('own-proof'));
  });

  afterAll(async () => {
    await vault.stop();
    await listener.close();
  });

  test.each(everyKindOfChange('secret/', true))('gives exactly the hint of: $what', async ({ run, hint }) => {
    sink.events.length = 0;
    await run(vault.api);
    // The line of a later request follows all lines of this one.
    await vault.api.request('GET', 'sys/internal/ui/mounts/secret');
    await sink.until(({ events }) => events.includes('own-proof'));
    expect(sink.hints).toEqual(hint === undefined ? [] : [hint]);
    expect(sink.events.filter((event) => event.startsWith('gap') || event === 'unparsable')).toEqual([]);
  });

  test('checkAuditDevices finds the documented set-up in order, and warns a token that cannot see it', async () => {
    const { address, rootToken } = vault.server;
    const [host = '', port = ''] = listener.address.split(':');
    const feed = {
      socket: { listen: { host, port: Number(port) } },
      events: false,
      fullScanEveryMs: 900_000,
    };
    const checksOf = async (token: string): Promise<Check[]> => {
      const config = {
        address,
        namespace: '',
        requestTimeoutMs: undefined,
        auth: { kind: 'token' as const, token },
      };
      const { client } = openVault(config, 1);
      return checkAuditDevices(client, feed).finally(() => client.close());
    };
    expect(await checksOf(rootToken)).toEqual([
      {
        what: 'feed: audit devices',
        outcome: 'pass',
        detail: 'vsync/ sends audit lines here, and 1 more can take them',
      },
    ]);
    const token = await vault.api.tokenFor('ordinary', 'path "secret/*" { capabilities = ["read"] }');
    expect(await checksOf(token)).toEqual([
      {
        what: 'feed: audit devices',
        outcome: 'warning',
        detail: expect.stringMatching(/^the token cannot read sys\/audit \(that needs sudo\)/) as string,
      },
    ]);
  });

  test('gives the hints of writes that follow each other in their order', async () => {
    sink.events.length = 0;
    for (let round = 0; round < 20; round++) await vault.api.put('secret/', `answered/${round}`, { round });
    await sink.until(({ hints }) => hints.length === 20);
    expect(sink.hints).toEqual(Array.from({ length: 20 }, (_, round) => `value answered/${round}`));
  });
});

test('a Vault that restarts without its listener serves, and sends its lines when the listener is back', async () => {
  const [port = 0] = await freePorts(1);
  const listen = { host: '127.0.0.1', port };
  const first = new ReadingSink(feedScope('', ['secret/'], false));
  const listener = await listenSocket({ listen, sink: first, log: debugLog().log });
  const vault = await startVaultFile({ kind: 'vault' });
  const api = new VaultApi(vault);
  try {
    const file = { type: 'file', options: { file_path: '/dev/null' } };
    await api.request('PUT', 'sys/audit/file', file);
    const options = { address: listener.address, write_timeout: '100ms' };
    await api.request('PUT', 'sys/audit/vsync', { type: 'socket', options });
    await api.put('secret/', 'a', { round: 1 });
    await first.until(({ hints }) => hints.length === 1);

    await vault.halt();
    await first.until(({ events }) => events.at(-1) === 'gap connection');
    expect(first.events.at(-2)).toBe('connected 0');
    await listener.close();
    await vault.restart();
    expect(await api.put('secret/', 'a', { round: 2 })).toBe(2);

    const second = new ReadingSink(feedScope('', ['secret/'], false));
    const again = await listenSocket({ listen, sink: second, log: debugLog().log });
    await api.put('secret/', 'a', { round: 3 });
    await second.until(({ hints }) => hints.length === 1);
    expect(second.events.slice(0, 2)).toEqual(['connected 1', 'gap connection']);
    await again.close();
  } finally {
    await listener.close();
    await vault.stop();
  }
});

test('a listener that gets no CPU fails no write of a Vault with a second device', async () => {
  const script = path.join(__dirname, '..', 'support', 'feed-process.ts');
  const child = fork(script, [], { execArgv: ['--import', 'tsx'], stdio: 'ignore' });
  let vault: AuditedVault | undefined;
  try {
    const [address] = (await once(child, 'message')) as [string];
    vault = await startAuditedVault('vault', { socket: address });
    await vault.enable();
    const before = statSync(vault.auditFile).size;
    child.kill('SIGSTOP');
    // Each write makes two lines of some hundred kB: far more in all than a connection takes without a reader.
    const data = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`key-${at}`, `${at}`]));
    const versions: number[] = [];
    for (let round = 0; round < 30; round++) versions.push(await vault.api.put('secret/', 'large', data));
    child.kill('SIGCONT');
    expect(versions).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
    expect(statSync(vault.auditFile).size - before).toBeGreaterThan(8_000_000);
    const heard = hintOf(child, 'value after');
    await vault.api.put('secret/', 'after', { a: 1 });
    await heard;
  } finally {
    child.kill('SIGKILL');
    await vault?.stop();
  }
});

/** Resolves when the process has heard this. */
function hintOf(child: ChildProcess, hint: string): Promise<void> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (message === hint) resolve();
    });
  });
}

import { listenHttp } from '../../src/feed/http-listener';
import type { FeedListener } from '../../src/feed/listener';
import { listenSocket } from '../../src/feed/socket-listener';
import { feedScope } from '../../src/rules/audit-line';
import { freePorts } from '../../dev/servers/start';
import { VaultApi } from '../../dev/shared/vault-api';
import { startAuditedVault, type AuditedVault } from '../support/audited-vault';
import { debugLog } from '../support/collected-log';
import { everyKindOfChange } from '../support/feed-changes';
import { ReadingSink } from '../support/reading-sink';
import { whereBaoIs } from '../support/vault-kind';

/** Both listeners at a real OpenBao, whose devices come from its server's file as docs/feed.md describes. */

const TOKEN = 'token-of-the-feed-of-this-test';
const HERE = '127.0.0.1';

whereBaoIs.describe('the listeners at the audit devices of an OpenBao', () => {
  const scope = feedScope('', ['secret/'], true);
  const sinks = { socket: new ReadingSink(scope), http: new ReadingSink(scope) };
  const logs = { socket: debugLog(), http: debugLog() };
  const listeners: FeedListener[] = [];
  let bao: AuditedVault;

  beforeAll(async () => {
    const [socketPort = 0, httpPort = 0] = await freePorts(2);
    // OpenBao comes up without its listeners.
    const http = { address: `${HERE}:${httpPort}`, token: TOKEN };
    bao = await startAuditedVault('bao', { socket: `${HERE}:${socketPort}`, http });
    listeners.push(
      await listenSocket({
        listen: { host: HERE, port: socketPort },
        sink: sinks.socket,
        log: logs.socket.log,
      }),
      await listenHttp({
        listen: { host: HERE, port: httpPort },
        token: TOKEN,
        sink: sinks.http,
        tickMs: 10_000,
        log: logs.http.log,
      }),
    );
  });

  afterAll(async () => {
    await bao.stop();
    for (const listener of listeners) await listener.close();
  });

  /** Runs a request. @returns the hints of both listeners */
  async function hintsOf(run: (api: VaultApi) => Promise<unknown>, api = bao.api): Promise<string[][]> {
    for (const sink of Object.values(sinks)) sink.events.length = 0;
    await run(api);
    // The line of a later request follows all lines of this one.
    await bao.api.request('GET', 'sys/internal/ui/mounts/secret');
    return Promise.all(
      Object.values(sinks).map(async (sink) => {
        await sink.until(({ events }) => events.includes('own-proof'));
        return sink.hints;
      }),
    );
  }

  test('take the first line for a gap, because lines before it may have gone elsewhere', async () => {
    await hintsOf(() => Promise.resolve());
    expect(
      Object.values(sinks).map(({ events }) => events.filter((event) => event.startsWith('gap'))),
    ).toEqual([['gap connection'], ['gap connection']]);
  });

  test.each(everyKindOfChange('secret/', true))('give exactly the hint of: $what', async ({ run, hint }) => {
    const hints = hint === undefined ? [] : [hint];
    expect(await hintsOf(run)).toEqual([hints, hints]);
    expect(sinks.http.events.filter((event) => event.startsWith('gap'))).toEqual([]);
    expect(logs.http.lines).toEqual([]);
  });

  test('hear every one of 300 writes at the same time', async () => {
    const names = Array.from({ length: 300 }, (_, at) => `many/${at}`);
    const hints = await hintsOf(async (api) => {
      await Promise.all(names.map((name) => api.put('secret/', name, { name })));
    });
    const expected = names.map((name) => `value ${name}`).sort();
    expect(hints.map((heard) => heard.sort())).toEqual([expected, expected]);
    expect(sinks.http.events.filter((event) => event.startsWith('gap'))).toEqual([]);
    expect(logs.http.lines).toEqual([]);
  });

  test('give no hint of the same path in another namespace', async () => {
    await bao.api.request('POST', 'sys/namespaces/A', {});
    const inside = new VaultApi(bao.server, 'A');
    await inside.mount('secret/');
    expect(await hintsOf((api) => api.put('secret/', 't/a', { round: 1 }), inside)).toEqual([[], []]);
    expect(await hintsOf((api) => api.put('secret/', 't/a', { round: 1 }))).toEqual([
      ['value t/a'],
      ['value t/a'],
    ]);
  });

  test('report a new namespace, which may hold a mount of the origin', async () => {
    await hintsOf((api) => api.request('POST', 'sys/namespaces/B', {}));
    expect([sinks.socket.count('mounts'), sinks.http.count('mounts')]).toEqual([1, 1]);
  });
});

import { followEvents, readEvent } from '../../src/feed/event-stream';
import type { EventOptions, FeedListener } from '../../src/feed/listener';
import { feedScope, type HintKind } from '../../src/rules/audit-line';
import { CollectedSink } from '../support/collected-sink';
import { collectedLog } from '../support/collected-log';
import { event, EventServer } from '../support/event-server';

const SCOPE = feedScope('', ['secret/'], true);

test.each<[type: string, metadata: object, kind: HintKind]>([
  ['data-write', { data_path: 'secret/data/t/a', operation: 'data-write', path: 'secret/data/t/a' }, 'value'],
  ['data-patch', { data_path: 'secret/data/t/a', path: 'secret/data/t/a' }, 'value'],
  ['undelete', { data_path: 'secret/data/t/a', path: 'secret/undelete/t/a' }, 'value'],
  ['data-delete', { path: 'secret/data/t/a' }, 'removed'],
  ['delete', { path: 'secret/delete/t/a' }, 'removed'],
  ['destroy', { path: 'secret/destroy/t/a' }, 'removed'],
  ['metadata-delete', { path: 'secret/metadata/t/a' }, 'removed'],
  ['metadata-write', { path: 'secret/metadata/t/a' }, 'settings'],
  ['metadata-patch', { path: 'secret/metadata/t/a' }, 'settings'],
  ['data-write', { path: 'data/t/a' }, 'value'],
])('readEvent takes kind and path of the event %s', (type, metadata, kind) => {
  expect(readEvent(event(`kv-v2/${type}`, metadata), SCOPE)).toEqual({ kind, mount: 'secret/', rel: 't/a' });
});

test.each([
  ['of another mount', event('kv-v2/data-write', { path: 'other/data/a' }, 'other/')],
  ['of the mount', event('kv-v2/config-write', { path: 'secret/config' })],
  ['of another engine', event('database/reset', { path: 'database/reset/x' }, 'database/')],
])('readEvent takes nothing of an event %s', (_what, text) => {
  expect(readEvent(text, SCOPE)).toBeUndefined();
});

test.each([
  ['text', 'hello'],
  ['another object', '{"data":5}'],
  ['no path', event('kv-v2/delete', {})],
])('readEvent cannot parse %s', (_what, text) => {
  expect(readEvent(text, SCOPE)).toBe('unparsable');
});

class EventCollector extends CollectedSink {
  changed(kind: HintKind, mount: string, rel: string): void {
    this.note(`${kind} ${mount} ${rel}`);
  }
}

describe('followEvents', () => {
  let server: EventServer;
  let stream: FeedListener | undefined;
  let sink: EventCollector;
  let warnings: string[];

  async function follow(status?: number): Promise<void> {
    server = await EventServer.start(status);
    sink = new EventCollector();
    const { log, lines } = collectedLog();
    warnings = lines;
    const vault: EventOptions['vault'] = {
      address: server.address,
      namespace: 'team',
      requestTimeoutMs: undefined,
      auth: { kind: 'token', token: 'planted-token' },
    };
    stream = await followEvents({ vault, mounts: ['secret/'], sink, log });
  }

  afterEach(async () => {
    await stream?.close();
    await server.close();
  });

  test('subscribes with token and namespace, and gives each change; beginning and end are gaps', async () => {
    await follow();
    await sink.until(({ events }) => events.length === 2);
    expect(server.attempts[0]).toMatchObject({
      url: '/v1/sys/events/subscribe/kv-v2/*?json=true',
      headers: { 'x-vault-token': 'planted-token', 'x-vault-namespace': 'team' },
    });
    server.send(event('kv-v2/data-write', { path: 'secret/data/a' }));
    server.send('half an eve');
    server.send(event('kv-v2/metadata-delete', { path: 'secret/metadata/b' }));
    await sink.until(({ events }) => events.length === 5);
    server.cut();
    // It follows again by itself.
    await sink.until(({ events }) => events.length === 9);
    expect(sink.events).toEqual([
      'connected 1',
      'gap connection',
      'value secret/ a',
      'gap unparsable',
      'removed secret/ b',
      'connected 0',
      'gap connection',
      'connected 1',
      'gap connection',
    ]);
  });

  test('goes on trying where the Vault refuses, logs it once without the token, and ends when closed', async () => {
    await follow(403);
    while (server.attempts.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await stream?.close();
    expect(sink.events).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('sys/events/subscribe/kv-v2/*: the events cannot be followed'),
    ]);
    expect(warnings[0]).not.toContain('planted');
  });
});

import { EventPauses, followEvents, readEvent } from '../../src/feed/event-stream';
import type { EventOptions, FeedListener } from '../../src/feed/listener';
import { FIRST_EVENTS_PAUSE_MS, MAX_EVENTS_PAUSE_MS } from '../../src/limits';
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

describe('EventPauses', () => {
  it('doubles each pause up to the longest', () => {
    const pauses = new EventPauses();
    const taken = Array.from({ length: 7 }, () => pauses.take(0));
    expect(taken.slice(0, 3)).toEqual([1, 2, 4].map((times) => times * FIRST_EVENTS_PAUSE_MS));
    expect(taken.at(-1)).toBe(MAX_EVENTS_PAUSE_MS);
  });

  it('goes on doubling if each stream ends soon after it began', () => {
    const pauses = new EventPauses();
    const taken = [0, 1, 2].map((at) => {
      const openedMs = at * MAX_EVENTS_PAUSE_MS;
      pauses.opened(openedMs);
      return pauses.take(openedMs + MAX_EVENTS_PAUSE_MS - 1);
    });
    expect(taken).toEqual([1, 2, 4].map((times) => times * FIRST_EVENTS_PAUSE_MS));
  });

  it('begins anew after a stream that was open for long, once', () => {
    const pauses = new EventPauses();
    pauses.take(0);
    pauses.opened(0);
    const taken = [pauses.take(MAX_EVENTS_PAUSE_MS), pauses.take(2 * MAX_EVENTS_PAUSE_MS)];
    expect(taken).toEqual([FIRST_EVENTS_PAUSE_MS, 2 * FIRST_EVENTS_PAUSE_MS]);
  });
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

  async function follow(status?: number, pauses?: EventPauses): Promise<void> {
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
    stream = await followEvents({ vault, mounts: ['secret/'], sink, log }, pauses);
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

  test('pauses as its streams begin and end', async () => {
    const pauses = new EventPauses();
    const calls: string[] = [];
    jest.spyOn(pauses, 'opened').mockImplementation(() => void calls.push('opened'));
    jest.spyOn(pauses, 'take').mockImplementation(() => {
      calls.push('take');
      return 1;
    });
    await follow(101, pauses);
    for (const times of [1, 2]) {
      await sink.until((heard) => heard.count('connected 1') === times);
      server.cut();
    }
    await sink.until((heard) => heard.count('connected 1') === 3);
    expect(calls).toEqual(['opened', 'take', 'opened', 'take', 'opened']);
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

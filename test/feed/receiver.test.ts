import { ConsulError } from '../../src/consul/errors';
import type { PushedSecret } from '../../src/contract/push';
import { Receiver } from '../../src/feed/receiver';
import {
  FEED_ANSWER_WAIT_MS,
  FEED_PAUSED_CHECK_MS,
  FEED_RECORDS_EXPIRE_AFTER_MS,
  FEED_RECORD_GAP_MS,
  FEED_RECORD_REFRESH_MS,
  FEED_RECORD_WAIT_MS,
  FEED_SEEN,
  FEED_SETTLE_MOST_MS,
  FEED_SETTLE_MS,
  FEED_TRIGGER_GAP_MS,
} from '../../src/limits';
import { feedScope } from '../../src/rules/audit-line';
import { compileFilter } from '../../src/rules/filter';
import type { FeedDone, FeedRecord } from '../../src/sync-info/feed-record';
import type { SecretMetadata } from '../../src/vault/kv2';
import { collectedLog } from '../support/collected-log';

const TICK_MS = 60_000;

function line(type: 'request' | 'response', operation: string, path: string, id = path): Buffer {
  return Buffer.from(JSON.stringify({ type, request: { id, operation, path } }));
}
const written = (rel: string, id?: string): Buffer => line('response', 'update', `kv/data/${rel}`, id);
const proof = (id: string): Buffer => line('response', 'read', 'sys/internal/ui/mounts/kv', id);

function metadata(version: number): SecretMetadata {
  const created_time = '2026-11-30T12:00:00Z';
  return {
    current_version: version,
    updated_time: created_time,
    versions: { [version]: { created_time, deletion_time: '', destroyed: false } },
    custom_metadata: null,
    max_versions: 0,
    cas_required: false,
    delete_version_after: '0s',
    current_metadata_version: undefined,
  };
}

/** A receiver between servers that answer as the test says. */
function world({ canPush = true } = {}) {
  const events: string[] = [];
  const puts: FeedRecord[] = [];
  const pushed: PushedSecret[][] = [];
  const answers = {
    done: undefined as FeedDone | undefined,
    put: (): Promise<FeedDone | undefined> => Promise.resolve(answers.done),
    metadata: (): Promise<SecretMetadata | undefined> => Promise.resolve(metadata(3)),
    pushed: 'all-there' as 'all-there' | 'left',
    isPaused: false,
  };
  const { log, lines } = collectedLog();
  const receiver = new Receiver({
    scope: feedScope('', ['kv/'], false),
    filter: compileFilter({ include: [], exclude: ['kv/private/**'] }),
    vault: {
      metadata: (_mount, rel) => {
        events.push(`read ${rel}`);
        return answers.metadata();
      },
    },
    records: {
      put: (record) => {
        events.push('record');
        puts.push(record);
        return answers.put();
      },
    },
    pusher: {
      canPush,
      push: (secrets) => {
        events.push('push');
        pushed.push([...secrets]);
        return Promise.resolve(answers.pushed);
      },
      free: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    schedule: {
      isRunning: () => Promise.resolve(!answers.isPaused),
      trigger: () => {
        events.push('trigger');
        return Promise.resolve(!answers.isPaused);
      },
    },
    tickMs: TICK_MS,
    worker: 'worker@host',
    log,
  });
  return { receiver, events, puts, pushed, answers, lines };
}

/** What a full scan of a cycle notes. */
function scanned({ receiver, gaps, hints }: FeedRecord, before?: FeedDone): FeedDone {
  const scan = { beganMs: 0, gaps: { [receiver]: gaps }, mounts: {}, partial: 0 };
  return {
    v: 1,
    fingerprint: 'f',
    scan,
    handled: { [receiver]: hints.at(-1)?.[0] ?? before?.handled[receiver] ?? 0 },
  };
}

/** The same world after the scan that follows its start. */
async function listeningWorld(options?: Parameters<typeof world>[0]) {
  const all = world(options);
  const publish = (): void => {
    const own = all.receiver.own();
    if (own === undefined) return;
    all.answers.done = scanned(own, all.answers.done);
    all.receiver.onPublished(all.answers.done);
  };
  all.receiver.listening();
  await pass(1);
  publish();
  await pass(FEED_RECORD_GAP_MS);
  all.events.length = 0;
  return { ...all, publish };
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('Receiver', () => {
  it('has a record only after it has begun to listen, and has one cycle started then', async () => {
    const { receiver, events } = world();
    expect(receiver.own()).toBeUndefined();
    receiver.listening();
    await pass(10 * TICK_MS);
    expect(receiver.own()).toMatchObject({ gaps: 1, why: 'start', hints: [] });
    expect(events).toEqual(['record', 'trigger']);
  });

  it('pushes a change at once, and settles it with a cycle when it is quiet', async () => {
    const { receiver, events, pushed } = await listeningWorld();
    receiver.line(written('a'));
    await pass(1);
    expect(pushed).toEqual([[['kv/data/a', 3, '2026-11-30T12:00:00Z']]]);
    expect(events).toEqual(['read a', 'push']);
    await pass(FEED_SETTLE_MS);
    expect(events).toEqual(['read a', 'push', 'record', 'trigger']);
  });

  it('pushes while Consul does not answer', async () => {
    const { receiver, pushed, answers } = await listeningWorld();
    answers.put = () => new Promise(() => undefined);
    receiver.gap('connection');
    await pass(FEED_RECORD_WAIT_MS);
    receiver.line(written('a'));
    await pass(1);
    expect(pushed).toHaveLength(1);
  });

  it.each([
    ['a deleted secret', line('response', 'delete', 'kv/data/a'), 0],
    ['a secret that is gone when it is read', written('a'), 1],
  ])('has a cycle started at once for %s', async (_what, text, reads) => {
    const { receiver, events, pushed, answers } = await listeningWorld();
    answers.metadata = () => Promise.resolve(undefined);
    receiver.line(text);
    await pass(FEED_SETTLE_MS);
    expect(events.filter((event) => event.startsWith('read'))).toHaveLength(reads);
    expect(events.slice(-2)).toEqual(['record', 'trigger']);
    expect(pushed).toEqual([]);
  });

  it('has a cycle started for what a destination left, and for a secret that cannot be read', async () => {
    const { receiver, events, answers } = await listeningWorld();
    await pass(FEED_SETTLE_MS);
    answers.pushed = 'left';
    receiver.line(written('a'));
    await pass(1);
    expect(events.slice(-2)).toEqual(['record', 'trigger']);
    answers.metadata = () => Promise.reject(new Error('hunter2'));
    await pass(FEED_SETTLE_MOST_MS);
    receiver.line(written('b'));
    await pass(1);
    expect(events.slice(-3)).toEqual(['read b', 'record', 'trigger']);
  });

  it('reads nothing without a destination, and has a cycle started at once', async () => {
    const { receiver, events } = await listeningWorld({ canPush: false });
    await pass(FEED_SETTLE_MS);
    receiver.line(written('a'));
    await pass(1);
    expect(events).toEqual(['record', 'trigger']);
  });

  it('ignores what the origin does not publish', async () => {
    const { receiver, events } = await listeningWorld();
    receiver.line(written('private/a'));
    receiver.line(line('response', 'update', 'other/data/a'));
    await pass(FEED_SETTLE_MOST_MS);
    expect(events).toEqual([]);
    expect(receiver.own()?.hints).toEqual([]);
  });

  it('forgets what a cycle has published, and starts none for it', async () => {
    const { receiver, events, publish } = await listeningWorld();
    receiver.line(written('a'));
    await pass(1);
    publish();
    await pass(FEED_SETTLE_MOST_MS);
    expect(events).toEqual(['read a', 'push', 'record']);
    expect(receiver.own()?.hints).toEqual([]);
  });

  it('learns from Consul what a cycle in another process has published', async () => {
    const { receiver, events, answers } = await listeningWorld();
    receiver.line(written('a'));
    const own = receiver.own() as FeedRecord;
    answers.put = () => Promise.resolve(scanned(own));
    await pass(FEED_SETTLE_MOST_MS);
    expect(events).toEqual(['read a', 'push', 'record']);
    expect(receiver.own()?.hints).toEqual([]);
  });

  it('keeps hints while the schedule is paused, pushes nothing, and catches up afterwards', async () => {
    const { receiver, events, pushed, answers } = await listeningWorld();
    await pass(FEED_SETTLE_MS);
    answers.isPaused = true;
    receiver.line(written('a'));
    await pass(1);
    expect(events).toEqual(['read a', 'record', 'trigger']);
    answers.isPaused = false;
    await pass(FEED_PAUSED_CHECK_MS);
    expect(events.slice(3)).toEqual(['trigger']);
    expect(pushed).toEqual([]);
    expect(receiver.own()?.hints).toEqual([[1, 'kv/', 'a']]);
  });

  it('makes a hint of a request line that stays without its response line', async () => {
    const { receiver, pushed } = await listeningWorld();
    receiver.line(line('request', 'update', 'kv/data/a', 'id-1'));
    receiver.line(line('request', 'update', 'kv/data/b', 'id-2'));
    receiver.line(written('b', 'id-2'));
    await pass(1);
    expect(pushed.flat().map(([path]) => path)).toEqual(['kv/data/b']);
    await pass(FEED_ANSWER_WAIT_MS);
    expect(pushed.flat().map(([path]) => path)).toEqual(['kv/data/b', 'kv/data/a']);
  });

  it('waits no longer for a response line, and for a scan, when the clock is set back', async () => {
    const { receiver, events, pushed, publish } = await listeningWorld();
    receiver.line(line('request', 'update', 'kv/data/a', 'id-1'));
    jest.setSystemTime(Date.now() - 3_600_000);
    await pass(2 * FEED_ANSWER_WAIT_MS);
    expect(pushed).toHaveLength(1);
    await pass(FEED_SETTLE_MOST_MS);
    publish();
    events.length = 0;
    receiver.gap('connection');
    await pass(2 * FEED_SETTLE_MOST_MS);
    expect(events).toEqual(['record', 'trigger']);
  });

  it('has a gap scanned soon, and many gaps once per tick', async () => {
    const { receiver, events, publish } = await listeningWorld();
    const triggers = (): number => events.filter((event) => event === 'trigger').length;
    receiver.gap('connection');
    await pass(FEED_SETTLE_MOST_MS);
    expect(triggers()).toBe(1);
    publish();
    await pass(5 * TICK_MS);
    events.length = 0;
    for (let ms = 0; ms < 10 * TICK_MS; ms += 200) {
      receiver.line(Buffer.from('GET / HTTP/1.1'));
      await pass(200);
      if (events.at(-1) === 'trigger') publish();
    }
    expect(triggers()).toBeLessThanOrEqual(14);
    expect(triggers()).toBeGreaterThanOrEqual(9);
  });

  it('limits the cycles of a feed that never has a proof line, as those for gaps', async () => {
    const { receiver, events, publish } = await listeningWorld({ canPush: false });
    for (let ms = 0; ms < 10 * TICK_MS; ms += 500) {
      receiver.changed('value', 'kv/', 'a');
      await pass(500);
      if (events.at(-1) === 'trigger') publish();
    }
    const triggers = events.filter((event) => event === 'trigger').length;
    expect(triggers).toBeGreaterThanOrEqual(9);
    expect(triggers).toBeLessThanOrEqual(17);
  });

  it('takes a change from events, and that of settings only where they are published', async () => {
    const { receiver, pushed } = await listeningWorld();
    receiver.changed('settings', 'kv/', 'b');
    receiver.changed('value', 'kv/', 'a');
    await pass(1);
    expect(receiver.own()?.hints).toEqual([[1, 'kv/', 'a']]);
    expect(pushed).toHaveLength(1);
  });

  it('records its worker, its last gap, and which of its listeners bring lines', async () => {
    const { receiver, puts } = await listeningWorld();
    const socket = receiver.sinkOf('socket');
    receiver.sinkOf('http');
    const atMs = Date.now();
    socket.connected(1);
    socket.gap('connection');
    socket.line(written('a'));
    await pass(FEED_RECORD_WAIT_MS);
    expect(puts.at(-1)).toMatchObject({
      worker: 'worker@host',
      why: 'connection',
      gapMs: atMs,
      listeners: [
        { kind: 'socket', connections: 1, lineMs: atMs },
        { kind: 'http', connections: 0 },
      ],
    });
    socket.connected(0);
    socket.gap('connection');
    await pass(FEED_RECORD_GAP_MS);
    expect(puts.at(-1)?.listeners?.[0]).toEqual({ kind: 'socket', connections: 0, lineMs: atMs });
  });

  it('counts a gap before it names the proof line that follows it', async () => {
    const { receiver, puts } = await listeningWorld();
    receiver.gap('connection');
    receiver.line(proof('p1'));
    await pass(FEED_RECORD_WAIT_MS);
    expect(puts.at(-1)).toMatchObject({ gaps: 2, why: 'connection', seen: ['p1'] });
  });

  it('writes nothing for the proof line of a cycle in its own process', async () => {
    const { receiver, events } = await listeningWorld();
    expect(receiver.sawRequest(['p1'])).toBe(false);
    receiver.line(proof('of its preflight'));
    receiver.line(proof('p1'));
    expect(receiver.sawRequest(['p0', 'p1', 'p2'])).toBe(true);
    receiver.line(proof('p2'));
    await pass(FEED_SETTLE_MOST_MS);
    expect(events).toEqual([]);
  });

  it('names the proof line of another process in its record', async () => {
    const { receiver, puts, events } = await listeningWorld();
    receiver.line(proof('p2'));
    await pass(FEED_SETTLE_MOST_MS);
    expect(events).toEqual(['record']);
    expect(puts.at(-1)?.seen).toEqual(['p2']);
  });

  it('names it again if Consul did not take the record', async () => {
    const { receiver, puts, events, answers } = await listeningWorld();
    const { put } = answers;
    answers.put = () => Promise.reject(new TypeError('no Consul'));
    receiver.line(proof('p2'));
    await pass(FEED_RECORD_WAIT_MS);
    answers.put = put;
    await pass(2 * FEED_TRIGGER_GAP_MS);
    expect(events).toEqual(['record', 'record']);
    expect(puts.at(-1)?.seen).toEqual(['p2']);
  });

  it('writes its record again before that counts as left behind', async () => {
    const { puts, events, answers } = await listeningWorld();
    answers.put = () => new Promise((resolve) => setTimeout(resolve, 10, answers.done));
    await pass(FEED_RECORDS_EXPIRE_AFTER_MS + 100);
    expect(events).toEqual(new Array(FEED_RECORDS_EXPIRE_AFTER_MS / FEED_RECORD_REFRESH_MS).fill('record'));
    expect(Date.now() - (puts.at(-1)?.writtenMs ?? 0)).toBeLessThan(FEED_RECORDS_EXPIRE_AFTER_MS / 2);
  });

  it('makes a gap of hints that do not fit into Consul', async () => {
    const { receiver, answers } = await listeningWorld();
    answers.put = () => Promise.reject(new ConsulError('too-large', 'http://consul', 'key', 'too large'));
    receiver.line(written('a'));
    await pass(FEED_SETTLE_MS);
    expect(receiver.own()).toMatchObject({ gaps: 2, why: 'overflow', hints: [] });
  });

  it('keeps hints while Consul is down, and logs that once, without a foreign text', async () => {
    const { receiver, answers, lines } = await listeningWorld();
    answers.put = () => Promise.reject(new TypeError('hunter2'));
    receiver.line(written('a'));
    await pass(10 * FEED_SETTLE_MS);
    expect(receiver.own()?.hints).toEqual([[1, 'kv/', 'a']]);
    expect(lines).toEqual([expect.stringContaining('the record of the feed cannot be written (TypeError)')]);
  });

  it.each<[what: string, restored: (before: FeedDone) => FeedDone | undefined]>([
    ['an older note', (before) => before],
    ['no note', () => undefined],
  ])('counts one gap if Consul, after a restore, has %s', async (_what, restored) => {
    const { receiver, answers, publish } = await listeningWorld();
    const before = answers.done as FeedDone;
    receiver.line(written('a'));
    publish();
    answers.done = restored(before);
    receiver.line(written('b'));
    await pass(FEED_SETTLE_MOST_MS);
    expect(receiver.own()).toMatchObject({ gaps: 2, why: 'restored', hints: [[2, 'kv/', 'b']] });
    publish();
    receiver.line(written('c'));
    await pass(2 * FEED_SETTLE_MOST_MS);
    expect(receiver.own()).toMatchObject({ gaps: 2 });
  });

  it('takes no cycle that publishes while the record is written for a restore', async () => {
    const { receiver, answers, publish } = await listeningWorld();
    const before = answers.done as FeedDone;
    let answer: (done: FeedDone) => void = () => undefined;
    answers.put = () => new Promise((resolve) => (answer = resolve));
    receiver.line(written('a'));
    await pass(FEED_SETTLE_MS);
    publish();
    answer(before);
    await pass(1);
    expect(receiver.own()).toMatchObject({ gaps: 1, hints: [] });
  });

  it('writes its record once a second at most, whoever asks for the mounts', async () => {
    const { receiver, events, puts } = await listeningWorld();
    for (let number = 0; number < 500; number++) {
      receiver.line(proof(`p${number}`));
      await pass(20);
    }
    expect(events.length).toBeLessThanOrEqual(10);
    expect(puts.at(-1)?.seen.length).toBe(FEED_SEEN);
  });

  it('records what it has heard while hints go on', async () => {
    const { receiver, puts } = await listeningWorld();
    receiver.line(written('a'));
    await pass(FEED_RECORD_WAIT_MS);
    expect(puts.at(-1)?.hints).toEqual([[1, 'kv/', 'a']]);
    for (let number = 1; number <= 10; number++) {
      receiver.line(written(`b${number}`));
      await pass(FEED_RECORD_GAP_MS / 10);
    }
    await pass(FEED_RECORD_GAP_MS / 10);
    expect(puts.at(-1)?.hints.length).toBe(11);
  });

  it('makes hints of request lines without a response line when it closes', async () => {
    const { receiver, puts } = await listeningWorld();
    receiver.line(line('request', 'update', 'kv/data/a', 'id-1'));
    const closed = receiver.close();
    await pass(1);
    await closed;
    expect(puts.at(-1)?.hints).toEqual([[1, 'kv/', 'a']]);
  });

  it('writes its record once more when it closes, if it has anything', async () => {
    const { receiver, puts, events } = await listeningWorld();
    receiver.line(written('a'));
    const closed = receiver.close();
    await pass(1);
    await closed;
    expect(puts.at(-1)?.hints).toEqual([[1, 'kv/', 'a']]);
    expect(events.filter((event) => event === 'trigger')).toEqual([]);
  });
});

import net from 'node:net';
import { MAX_NAMED_INSTANCES } from '../../../src/syncer/limits';
import { eventually } from '../../support/eventually';
import { pipelined } from '../../support/pipelined';
import { answer, silence } from '../../support/tiny-server';
import { RunningSyncer } from './running-syncer';

let syncer: RunningSyncer | undefined;

afterEach(async () => {
  await syncer?.close();
  syncer = undefined;
});

async function started(...args: Parameters<typeof RunningSyncer.start>): Promise<RunningSyncer> {
  return (syncer = await RunningSyncer.start(...args));
}

describe('GET /v1/synced', () => {
  it.each([
    ['Synced', [401, 200, 200, 200], 'pod-0'],
    ['Partialy', [401, 200, 200, 401], 'pod-0'],
    ['Partialy', [401, 200, 403, 200], 'pod-0'],
    ['NotSynced', [401, 401, 401, 200], 'pod-0'],
    ['NotSynced', [401, 401, 200, 200], 'unknown-pod'],
    ['Synced', [200, 200, 200, 200], 'unknown-pod'],
  ])('answers %s if the instances answer %j and the origin is %s', async (verdict, statuses, origin) => {
    const running = await started(4);
    running.answers(...statuses);
    const response = await running.ask('token', origin);
    expect(response.status).toBe(200);
    expect(response.headers.get('X-Token-Status')).toBe(verdict);
    expect(await response.json()).toMatchObject({ status: verdict, instances: 4 });
  });

  it('counts the states, and names the instances without the token and why', async () => {
    const running = await started(6);
    running.answers(500, 200, 401, 403, 302);
    running.pods[5]?.answers((request) => request.socket.destroy());
    const body = (await (await running.ask()).json()) as object;
    expect(body).toEqual({
      status: 'NotSynced',
      origin: 'known',
      instances: 6,
      present: 1,
      absent: 1,
      refused: 2,
      failed: 1,
      pending: 0,
      notYet: [
        { instance: 'pod-2', state: 'absent', detail: '' },
        { instance: 'pod-3', state: 'refused', detail: '403' },
        { instance: 'pod-4', state: 'refused', detail: '302' },
        { instance: 'pod-5', state: 'failed', detail: 'reset' },
      ],
    });
    expect(running.pods[0]?.requests).toEqual([]);
    expect(await running.metric('syncer_verdicts_total{verdict="NotSynced"}')).toBe(1);
    expect(await running.metric('syncer_probes_total{answer="refused",detail="403"}')).toBe(2);
    expect(await running.metric('syncer_probes_total{answer="failed",detail="reset"}')).toBe(2);
  });

  it(`names at most ${MAX_NAMED_INSTANCES} instances, and counts all`, async () => {
    const running = await started(MAX_NAMED_INSTANCES + 5, { retries: 1 });
    const body = (await (await running.ask()).json()) as { absent: number; notYet: object[] };
    expect(body.absent).toBe(MAX_NAMED_INSTANCES + 4);
    expect(body.notYet).toHaveLength(MAX_NAMED_INSTANCES);
  });

  it('keeps its connections from one question to the next', async () => {
    const running = await started(3);
    const ports = new Set<string>();
    for (const [at, pod] of running.pods.entries())
      pod.answers((request, response) => {
        ports.add(`${at} ${request.socket.remotePort ?? 0}`);
        answer(200, 'a body')(request, response);
      });
    for (const token of ['a', 'b', 'c', 'd', 'e', 'f']) await (await running.ask(token)).text();
    expect(ports.size).toBe(2);
  });

  it('answers Synced as soon as a token that arrives late is everywhere', async () => {
    const running = await started(3, { retries: 1_000 });
    running.answers(401, 200);
    running.pods[2]?.answers(answer(401), answer(401), answer(500), answer(200));
    const response = await running.ask();
    expect(response.headers.get('X-Token-Status')).toBe('Synced');
    expect(running.pods[2]?.requests).toHaveLength(4);
    expect(running.pods[1]?.requests).toHaveLength(1);
  });

  it('answers Timeout at the deadline if an instance hangs, and stops asking it', async () => {
    const running = await started(3, { requestDeadlineMs: 1_000 });
    running.answers(401, 200);
    running.pods[2]?.answers(silence);
    const response = await running.ask();
    expect(response.headers.get('X-Token-Status')).toBe('Timeout');
    expect(await response.json()).toMatchObject({ present: 1, pending: 1 });
    await eventually(async () => {
      expect(await running.metric('syncer_in_flight{of="probes"}')).toBe(0);
    }, 'the end of the probes');
  });

  it('answers Synced without a probe if the origin is the only instance', async () => {
    const running = await started(1);
    expect((await running.ask()).headers.get('X-Token-Status')).toBe('Synced');
    expect(running.pods[0]?.requests).toEqual([]);
  });

  it('shares one round among equal questions', async () => {
    const running = await started(2, { retries: 1_000 });
    running.pods[1]?.answers(silence);
    const gone = new AbortController();
    const asked = Array.from({ length: 5 }, () => running.ask('token', 'pod-0', gone.signal));
    await eventually(async () => {
      expect(await running.metric('syncer_shared_rounds_total')).toBe(4);
    }, 'five questions');
    expect(running.pods[1]?.requests).toHaveLength(1);
    gone.abort();
    await Promise.allSettled(asked);
  });

  it('stops the probes of a client that goes away', async () => {
    const running = await started(2, { retries: 1_000_000 });
    const gone = new AbortController();
    const asked = running.ask('token', 'pod-0', gone.signal).catch(() => 'gone');
    await eventually(async () => {
      expect(await running.metric('syncer_in_flight{of="requests"}')).toBe(1);
      expect(running.pods[1]?.requests.length).toBeGreaterThan(2);
    }, 'the first tries');
    gone.abort();
    await expect(asked).resolves.toBe('gone');
    await eventually(async () => {
      expect(await running.metric('syncer_in_flight{of="requests"}')).toBe(0);
    }, 'the end of the question');
    const tries = running.pods[1]?.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(running.pods[1]?.requests.length).toBe(tries);
    expect(await running.metric('syncer_verdicts_total{verdict="Timeout"}')).toBe(0);
  });

  it('forgets all questions of a client that sends several at once and resets the connection', async () => {
    const running = await started(2);
    running.pods[1]?.answers(silence);
    const questions = ['a', 'b', 'c', 'd'].map((token) => ({
      'X-Auth-Token': token,
      'X-Nginx-Origin': 'pod-0',
    }));
    const socket = await pipelined(running.address, '/v1/synced', questions);
    await eventually(async () => {
      expect(await running.metric('syncer_in_flight{of="requests"}')).toBe(4);
      expect(await running.metric('syncer_in_flight{of="probes"}')).toBe(4);
    }, 'four questions');
    socket.resetAndDestroy();
    await eventually(
      async () => {
        expect(await running.metric('syncer_in_flight{of="requests"}')).toBe(0);
        expect(await running.metric('syncer_in_flight{of="probes"}')).toBe(0);
      },
      'the end of the questions',
      5_000,
    );
  });

  it('never makes an address of the origin', async () => {
    const running = await started(2);
    running.answers(401, 200);
    const victim = new URL(running.pods[0]?.address ?? '');
    for (const origin of [victim.href, victim.host, `${victim.host}/x`, 'http://169.254.169.254/'])
      await running.ask('token', origin);
    // pod-0 is asked where its address is not the origin, and at the path of the configuration only.
    expect(new Set(running.pods[0]?.requests)).toEqual(new Set(['GET /check']));
    expect(running.pods[0]?.headers.every(({ host }) => host === 'api.example.com')).toBe(true);
  });
});

describe('GET /v1/synced without a verdict', () => {
  it.each([
    ['no headers', {}, /X-Auth-Token: is missing; send .*; X-Nginx-Origin: is missing; send/],
    ['no origin', { 'X-Auth-Token': 'a' }, /^X-Nginx-Origin: is missing/],
    ['an empty token', { 'X-Auth-Token': '', 'X-Nginx-Origin': 'a' }, /^X-Auth-Token: must be/],
    ['a token with a semicolon', { 'X-Auth-Token': 'a;b', 'X-Nginx-Origin': 'a' }, /^X-Auth-Token: must be/],
    ['a token with a space', { 'X-Auth-Token': 'a b', 'X-Nginx-Origin': 'a' }, /^X-Auth-Token: must be/],
    ['a long token', { 'X-Auth-Token': 'a'.repeat(5_000), 'X-Nginx-Origin': 'a' }, /has more than 4000/],
    ['a long origin', { 'X-Auth-Token': 'a', 'X-Nginx-Origin': 'a'.repeat(300) }, /has more than 253/],
    ['an origin with a space', { 'X-Auth-Token': 'a', 'X-Nginx-Origin': 'a b' }, /^X-Nginx-Origin: must be/],
  ])('answers 400 in words to %s', async (_what, headers, message) => {
    const running = await started(2);
    const response = await running.get('/v1/synced', headers);
    expect(response.status).toBe(400);
    expect(response.headers.get('X-Token-Status')).toBeNull();
    expect(await response.json()).toEqual({
      error: 'BadRequest',
      message: expect.stringMatching(message) as string,
    });
    expect(await running.metric('syncer_refusals_total{reason="malformed"}')).toBe(1);
    expect(running.pods[1]?.requests).toEqual([]);
  });

  it.each([
    ['is not there yet', { instances: [] }, 'there is no list of instances yet'],
    [
      'is too old',
      {
        instances: [{ name: 'a', address: 'b' }],
        freshAtMs: Date.now() - 60_000,
        problem: 'the API is down',
      },
      'maxListAge is 30 s (source test): the API is down',
    ],
    ['is empty', { instances: [], freshAtMs: Date.now() + 3_600_000 }, 'the list of instances is empty'],
  ])('answers 503 in words if the list of instances %s', async (_what, list, message) => {
    const running = await started(2);
    running.source.list = list;
    const response = await running.ask();
    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toBe('1');
    expect(await response.json()).toEqual({
      error: 'NoInstances',
      message: expect.stringContaining(message) as string,
    });
    const ready = await running.get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain(message);
    expect(await running.metric('syncer_refusals_total{reason="no_list"}')).toBe(1);
  });

  it('answers 429 with Retry-After above the limit of questions', async () => {
    const running = await started(2, { maxInFlight: { requests: 1, probes: 100 } });
    running.pods[1]?.answers(silence);
    const gone = new AbortController();
    const asked = running.ask('a', 'pod-0', gone.signal).catch(() => 'gone');
    await eventually(async () => {
      expect(running.pods[1]?.requests).toHaveLength(1);
      return Promise.resolve();
    }, 'the first probe');
    const response = await running.ask('b');
    expect(response.status).toBe(429);
    expect(response.headers.get('Retry-After')).toBe('1');
    expect(await response.json()).toMatchObject({ message: expect.stringContaining('try again') as string });
    expect((await running.get('/health')).status).toBe(200);
    gone.abort();
    await asked;
  });

  it('answers 429 above the limit of probes', async () => {
    const running = await started(3, { maxInFlight: { requests: 100, probes: 3 } });
    for (const pod of running.pods) pod.answers(silence);
    const gone = new AbortController();
    const asked = running.ask('a', 'pod-0', gone.signal).catch(() => 'gone');
    await eventually(async () => {
      expect(running.pods[2]?.requests).toHaveLength(1);
      return Promise.resolve();
    }, 'the first probe');
    expect((await running.ask('b')).status).toBe(429);
    expect(await running.metric('syncer_refusals_total{reason="too_many_probes"}')).toBe(1);
    gone.abort();
    await asked;
  });

  it('answers 431 to huge headers, 400 to what is not HTTP, and closes the connection', async () => {
    const running = await started(1);
    const { port } = new URL(running.address);
    const send = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = net.connect(Number(port), '127.0.0.1');
        let received = '';
        socket.on('data', (chunk) => (received += chunk.toString()));
        socket.once('close', () => {
          resolve(received);
        });
        socket.once('error', reject);
        socket.write(text);
      });
    await expect(send('nonsense\r\n\r\n')).resolves.toMatch(/^HTTP\/1\.1 400 /);
    const large = `GET / HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`;
    await expect(send(large)).resolves.toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('the end of the service', () => {
  it('answers a question in progress, and refuses new connections', async () => {
    const running = await started(2, { retries: 1_000_000 });
    const asked = running.ask();
    await eventually(async () => {
      expect(running.pods[1]?.requests.length).toBeGreaterThan(0);
      return Promise.resolve();
    }, 'the first probe');
    const stopped = running.stop();
    running.answers(401, 200);
    const response = await asked;
    expect(response.headers.get('X-Token-Status')).toBe('Synced');
    await stopped;
    await expect(running.get('/health')).rejects.toThrow();
  });
});

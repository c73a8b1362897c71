import { createServer } from 'node:http';
import { freePorts } from '../../dev/servers/start';
import type { Clients } from '../../src/activities/clients';
import { ConsulError } from '../../src/consul/errors';
import { METRICS_REFRESH_MS } from '../../src/limits';
import { WorkerMetrics } from '../../src/worker/metrics';
import { serveMetrics } from '../../src/worker/metrics-server';
import { INSIGHT, PushWorld } from '../activities/push/push-world';
import { collectedLog } from '../support/collected-log';
import { eventually } from '../support/eventually';

const A = 's/data/a';
const HELD = { count: 3, hash: 'h', reason: 'too many' };

const syncOf = ({ deps }: PushWorld): Clients => ({ role: 'destination', deps }) as unknown as Clients;

/** The samples of vsync, as lines. */
async function samples({ registry }: WorkerMetrics): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('vsync_'));
}

afterEach(() => jest.restoreAllMocks());

describe('WorkerMetrics', () => {
  it('shows a destination that has everything', async () => {
    expect(await samples(new WorkerMetrics([syncOf(new PushWorld([A]))]))).toEqual([
      'vsync_replication_lag_seconds{sync="d"} 0',
      'vsync_secrets_behind{sync="d"} 0',
      'vsync_deletes_held{sync="d"} 0',
    ]);
  });

  it('shows how old the oldest change is that a destination lacks, and deletes that wait', async () => {
    const world = new PushWorld([A]);
    const minuteAgo = new Date(Date.now() - 60_000).toISOString();
    world.publish(new Map([[A, { ...INSIGHT, version: 2, updateTime: minuteAgo }]]));
    world.setState({ held: HELD });
    const [lag = '', ...others] = await samples(new WorkerMetrics([syncOf(world)]));
    expect(Number(lag.split(' ')[1])).toBeGreaterThanOrEqual(60);
    expect(others).toEqual(['vsync_secrets_behind{sync="d"} 1', 'vsync_deletes_held{sync="d"} 3']);
  });

  it('asks Consul once in METRICS_REFRESH_MS, also for readers at the same time', async () => {
    const world = new PushWorld([A]);
    const get = jest.spyOn(world.store, 'get');
    const metrics = new WorkerMetrics([syncOf(world)]);
    await Promise.all([samples(metrics), samples(metrics)]);
    const { length } = get.mock.calls;
    expect(length).toBeGreaterThan(0);
    await samples(metrics);
    expect(get).toHaveBeenCalledTimes(length);
    const later = performance.now() + METRICS_REFRESH_MS;
    jest.spyOn(performance, 'now').mockReturnValue(later);
    await samples(metrics);
    // Buckets that have not changed are not read again.
    expect(get.mock.calls.length).toBeGreaterThan(length);
  });

  it('has no sample of what is unknown, nor an old one', async () => {
    const world = new PushWorld([A]);
    const metrics = new WorkerMetrics([syncOf(world)]);
    await samples(metrics);
    jest
      .spyOn(world.store, 'get')
      .mockRejectedValue(new ConsulError('unavailable', 'http://consul', 'key', 'no answer'));
    const later = performance.now() + METRICS_REFRESH_MS;
    jest.spyOn(performance, 'now').mockReturnValue(later);
    expect(await samples(metrics)).toEqual([]);
  });

  it('has nothing of an origin', async () => {
    expect(await samples(new WorkerMetrics([{ role: 'origin' } as Clients]))).toEqual([]);
  });
});

describe('serveMetrics', () => {
  const { log, lines } = collectedLog();

  async function world(): Promise<{ sync: Clients; url: string; port: number }> {
    const [port = 0] = await freePorts(1);
    const sync = syncOf(new PushWorld([A]));
    (sync.deps.config as { metrics: object }).metrics = { listen: `127.0.0.1:${port}` };
    return { sync, url: `http://127.0.0.1:${port}`, port };
  }

  it('serves /metrics and nothing else, and ends although a connection is open', async () => {
    const { sync, url } = await world();
    // Two syncs of one process may name one address.
    const close = await serveMetrics([sync, sync], log);
    const answer = await fetch(`${url}/metrics`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await answer.text()).toContain('vsync_replication_lag_seconds{sync="d"} 0');
    const other = await fetch(url);
    expect([other.status, await other.text()]).toEqual([404, 'there is only /metrics\n']);
    await close();
    await expect(fetch(`${url}/metrics`)).rejects.toThrow();
  });

  it('takes an address over when the process that has it ends', async () => {
    const { sync, url, port } = await world();
    const before = createServer((_, response) => response.end('before'));
    await new Promise<void>((resolve) => before.listen(port, '127.0.0.1', resolve));
    const close = await serveMetrics([sync], log);
    expect(lines.join()).toContain(`metrics.listen: another process listens on 127.0.0.1:${port}`);
    before.close();
    before.closeAllConnections();
    await eventually(async () => {
      expect((await fetch(`${url}/metrics`)).status).toBe(200);
    }, 'the address to be taken over');
    await close();
  });

  it('does not listen without an address', async () => {
    const sync = syncOf(new PushWorld([A]));
    (sync.deps.config as { metrics: object }).metrics = {};
    lines.length = 0;
    await (
      await serveMetrics([sync], log)
    )();
    expect(lines).toEqual([]);
  });
});

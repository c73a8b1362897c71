import { createServer } from 'node:http';
import { Registry } from 'prom-client';
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
const UP = ['vsync_vault_up{vault="origin"} 1', 'vsync_vault_up{vault="own"} 1'];
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
      ...UP,
    ]);
  });

  it('shows each Vault once, and an outage while it lasts', async () => {
    const world = new PushWorld([A]);
    const metrics = new WorkerMetrics([syncOf(world), syncOf(world)]);
    world.down.add('own');
    expect((await samples(metrics)).slice(-2)).toEqual([UP[0], 'vsync_vault_up{vault="own"} 0']);
    world.down.delete('own');
    expect((await samples(metrics)).slice(-2)).toEqual(UP);
  });

  it('shows how old the oldest change is that a destination lacks, and deletes that wait', async () => {
    const world = new PushWorld([A]);
    const minuteAgo = new Date(Date.now() - 60_000).toISOString();
    world.publish(new Map([[A, { ...INSIGHT, version: 2, updateTime: minuteAgo }]]));
    world.setState({ held: HELD });
    const [lag = '', ...others] = await samples(new WorkerMetrics([syncOf(world)]));
    expect(Number(lag.split(' ')[1])).toBeGreaterThanOrEqual(60);
    expect(others).toEqual(['vsync_secrets_behind{sync="d"} 1', 'vsync_deletes_held{sync="d"} 3', ...UP]);
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
    expect(await samples(metrics)).toEqual(UP);
  });

  it('shows of an origin only its Vault', async () => {
    const { originVault: vault } = new PushWorld([A]).deps;
    const origin = { role: 'origin', deps: { vault } } as unknown as Clients;
    expect(await samples(new WorkerMetrics([origin]))).toEqual(UP.slice(0, 1));
  });
});

describe('serveMetrics', () => {
  const { log, lines } = collectedLog();

  interface World {
    metrics: WorkerMetrics;
    address: string;
    url: string;
    port: number;
  }

  async function world(): Promise<World> {
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    return {
      metrics: new WorkerMetrics([syncOf(new PushWorld([A]))]),
      address,
      url: `http://${address}`,
      port,
    };
  }

  it('serves /metrics and nothing else, and ends although a connection is open', async () => {
    const { metrics, address, url } = await world();
    const close = await serveMetrics(new Set([address]), metrics, log);
    const answer = await fetch(`${url}/metrics?a=b`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await answer.text()).toContain('vsync_replication_lag_seconds{sync="d"} 0');
    const other = await fetch(url);
    expect([other.status, await other.text()]).toEqual([404, 'there is only /metrics\n']);
    await close();
    await expect(fetch(`${url}/metrics`)).rejects.toThrow();
  });

  it('lets no server run if it cannot listen everywhere', async () => {
    const { metrics, address, url } = await world();
    await expect(serveMetrics(new Set([address, '192.0.2.1:9464']), metrics, log)).rejects.toThrow(
      'metrics.listen: cannot listen on 192.0.2.1:9464',
    );
    await expect(fetch(`${url}/metrics`)).rejects.toThrow();
  });

  it('says in the log and in the answer that the metrics cannot be read, without a foreign text', async () => {
    const { metrics, address, url } = await world();
    const close = await serveMetrics(new Set([address]), metrics, log);
    lines.length = 0;
    jest.spyOn(Registry.prototype, 'metrics').mockRejectedValue(new TypeError('hunter2'));
    const answer = await fetch(`${url}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([
      500,
      "the metrics cannot be read; see the worker's log\n",
    ]);
    expect(lines).toEqual([expect.stringContaining('metrics: cannot be read (TypeError)')]);
    await close();
  });

  it('takes an address over when the process that has it ends', async () => {
    const { metrics, address, url, port } = await world();
    const before = createServer((_, response) => response.end('before'));
    await new Promise<void>((resolve) => before.listen(port, '127.0.0.1', resolve));
    const close = await serveMetrics(new Set([address]), metrics, log);
    expect(lines.join()).toContain(`metrics.listen: another process listens on 127.0.0.1:${port}`);
    before.close();
    before.closeAllConnections();
    await eventually(async () => {
      expect((await fetch(`${url}/metrics`)).status).toBe(200);
    }, 'the address to be taken over');
    await close();
  });
});

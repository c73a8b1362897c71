import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { freePorts } from '../../dev/servers/start';
import type { Clients } from '../../src/activities/clients';
import { ConsulError } from '../../src/consul/errors';
import { METRICS_REFRESH_MS } from '../../src/limits';
import { VaultError } from '../../src/vault/errors';
import { Health } from '../../src/worker/health';
import { sdkLog } from '../../src/worker/runtime';
import { WorkerMetrics } from '../../src/worker/metrics';
import { serveMetrics } from '../../src/worker/metrics-server';
import { INSIGHT, PushWorld } from '../activities/push/push-world';
import { collectedLog } from '../support/collected-log';
import { eventually } from '../support/eventually';

const A = 's/data/a';
const UP = ['vsync_vault_up{vault="origin"} 1', 'vsync_vault_up{vault="own"} 1'];
const HELD = { count: 3, hash: 'h', reason: 'too many' };

function syncOf({ deps }: PushWorld): Clients {
  const config = { ...deps.config, role: 'destination' };
  Object.assign(config.destination, { tickMs: 60_000 });
  return { role: 'destination', deps: { ...deps, config } } as unknown as Clients;
}

const STANDING = /^vsync_(replication|secrets_behind|deletes_held|vault_up)/;

/** The samples about what destinations lack and which Vaults are up, as lines. */
async function samples({ registry }: WorkerMetrics): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => STANDING.test(line));
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
    const config = { role: 'origin', name: 'o', origin: { tickMs: 60_000 } };
    const origin = { role: 'origin', deps: { vault, config } } as unknown as Clients;
    expect(await samples(new WorkerMetrics([origin]))).toEqual(UP.slice(0, 1));
  });
});

describe('WorkerMetrics of cycles', () => {
  const END = {
    name: 'd',
    outcome: 'partial',
    durationMs: 1500,
    counts: { listed: 9, added: 2, failed: 3, unknown: 0 },
    failures: [{ class: 'forbidden', path: 's/planted' }],
  };
  const cycleSamples = async ({ registry }: WorkerMetrics): Promise<string> => registry.metrics();

  it('count the end of a cycle that the worker logs once, by outcome and class, and never name a path', async () => {
    const metrics = new WorkerMetrics([syncOf(new PushWorld([A]))]);
    const { log } = collectedLog();
    const receive = sdkLog(log);
    const meta = { sdkComponent: 'workflow', workflowType: 'destinationCycle', vsync: END };
    receive({ level: 'WARN', message: 'c1: partial', meta });
    receive({ level: 'INFO', message: 'p1', meta: { ...meta, workflowType: 'pushChanges' } });
    metrics.close();
    receive({ level: 'WARN', message: 'c2: partial', meta });
    const text = await cycleSamples(metrics);
    const of = '{sync="d",role="destination"';
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        `vsync_cycles_total${of},outcome="partial"} 1`,
        `vsync_cycles_total${of},outcome="synced"} 0`,
        `vsync_cycle_duration_seconds_sum${of}} 1.5`,
        `vsync_secrets${of},state="listed"} 9`,
        `vsync_secret_operations_total${of},op="add",result="ok",class=""} 2`,
        `vsync_secret_operations_total${of},op="copy",result="failed",class="forbidden"} 1`,
        `vsync_secret_operations_total${of},op="copy",result="failed",class="unlisted"} 2`,
        `vsync_tick_seconds${of}} 60`,
      ]),
    );
    expect(text).not.toContain('planted');
  });

  it('have every metric that the rules of deploy/prometheus name, and each rule a heading in docs/', async () => {
    const metrics = new WorkerMetrics();
    const names = new Set(metrics.registry.getMetricsAsArray().map(({ name }) => name));
    metrics.close();
    const file = parse(await readFile('deploy/prometheus/vsync.rules.yml', 'utf8')) as {
      groups: { rules: { expr: string; annotations: Record<'summary' | 'action' | 'docs', string> }[] }[];
    };
    const rules = file.groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(5);
    for (const { expr, annotations } of rules) {
      for (const [name] of expr.matchAll(/vsync_\w+/g)) expect(names).toContain(name);
      expect(annotations.action).not.toBe('');
      const [page = '', heading = ''] = annotations.docs.split('#');
      const headings = [...(await readFile(page, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
        text
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings).toContain(heading);
    }
  });
});

describe('Health', () => {
  it('names what a cycle lacks and since when, and asks each server once in METRICS_REFRESH_MS', async () => {
    const health = new Health();
    const world = new PushWorld([A]);
    const clients = syncOf(world);
    const sealed = new VaultError('sealed', 'http://own', 'sys/health', 'the Vault is sealed: unseal it');
    const clusterId = jest.fn().mockRejectedValueOnce(sealed).mockResolvedValue('id');
    Object.assign(clients.deps.vault, { clusterId });
    if (clients.role === 'destination')
      Object.assign(clients.deps.originVault, { clusterId: () => Promise.resolve('o') });
    health.waits({ sync: 'd', role: 'destination', dependency: 'consul', since: 's', reason: 'away' });
    expect(await health.problems()).toHaveLength(1);
    health.add({ clients, askTemporal: () => Promise.resolve() });
    const problem = {
      sync: 'd',
      role: 'destination',
      dependency: 'destination vault',
      reason: sealed.message,
    };
    expect(await health.problems()).toEqual([
      expect.objectContaining({ ...problem, since: expect.stringMatching(/Z$/) as string }),
    ]);
    await health.problems();
    expect(clusterId).toHaveBeenCalledTimes(1);
    jest.spyOn(performance, 'now').mockReturnValue(performance.now() + METRICS_REFRESH_MS);
    expect(await health.problems()).toEqual([]);
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

  it('serves /metrics, /livez, /readyz and nothing else, and ends although a connection is open', async () => {
    const { metrics, address, url } = await world();
    const close = await serveMetrics(new Set([address]), metrics, log);
    const answer = await fetch(`${url}/metrics?a=b`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await answer.text()).toContain('vsync_replication_lag_seconds{sync="d"} 0');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, problems: [] }]);
    const waiting = { sync: 'x', role: 'origin', dependency: 'consul', since: 's', reason: 'away' } as const;
    metrics.health.waits(waiting);
    const late = await fetch(`${url}/readyz`);
    expect([late.status, await late.json()]).toEqual([503, { ready: false, problems: [waiting] }]);
    const other = await fetch(url);
    expect([other.status, await other.text()]).toEqual([404, 'there is only /metrics, /livez, /readyz\n']);
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

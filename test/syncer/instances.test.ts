import { pino } from 'pino';
import { createInstances, listProblem } from '../../src/syncer/instances/create';
import { DnsInstances } from '../../src/syncer/instances/dns';
import { StaticInstances, type Lookup } from '../../src/syncer/instances/static';
import { NAMES_EVERY_MS } from '../../src/syncer/limits';
import { steadyNowMs } from '../../src/syncer/steady-clock';
import { eventually } from '../support/eventually';
import { DnsServer } from './dns-server';

describe('StaticInstances', () => {
  it('has the list of the configuration, and is always fresh', async () => {
    const list = [{ name: 'a', address: '10.0.0.1' }];
    const source = new StaticInstances(list);
    await source.start();
    const before = steadyNowMs();
    expect(source.current().instances).toBe(list);
    expect(source.current().freshAtMs).toBeGreaterThanOrEqual(before);
    await source.close();
  });
});

describe('a host name in a fixed list', () => {
  const list = [
    { name: 'a', address: 'nginx.example.com' },
    { name: 'b', address: '10.0.0.1' },
  ];
  const v4 = (address: string) => ({ address, family: 4 });

  async function problemOf(lookup: Lookup): Promise<string | undefined> {
    const source = new StaticInstances(list, lookup);
    await source.start();
    await source.close();
    expect(source.current().instances).toBe(list);
    return listProblem(source, 30_000);
  }

  it('is one instance if it has one address of each version', async () => {
    const addresses = [v4('10.0.0.2'), v4('10.0.0.2'), { address: 'fd00::2', family: 6 }];
    expect(await problemOf(() => Promise.resolve(addresses))).toBeUndefined();
  });

  it('makes the list unusable if it has several, because it would count once', async () => {
    const problem = await problemOf(() => Promise.resolve([v4('10.0.0.2'), v4('10.0.0.3')]));
    expect(problem).toContain('the host name nginx.example.com has 2 addresses');
  });

  it('is left to the probes if it is not found', async () => {
    expect(await problemOf(() => Promise.reject(new Error('ENOTFOUND')))).toBeUndefined();
  });

  it('is looked up again', async () => {
    jest.useFakeTimers();
    let addresses = [v4('10.0.0.2'), v4('10.0.0.3')];
    const source = new StaticInstances(list, () => Promise.resolve(addresses));
    await source.start();
    expect(listProblem(source, 30_000)).toBeDefined();
    addresses = [v4('10.0.0.2')];
    await jest.advanceTimersByTimeAsync(NAMES_EVERY_MS);
    expect(listProblem(source, 30_000)).toBeUndefined();
    await source.close();
    jest.useRealTimers();
  });
});

describe('DnsInstances', () => {
  let server: DnsServer;
  const sources: DnsInstances[] = [];

  beforeEach(async () => {
    server = await DnsServer.start();
  });
  afterEach(async () => {
    for (const source of sources.splice(0)) await source.close();
    await server.close();
  });

  function sourceOf(options: Partial<ConstructorParameters<typeof DnsInstances>[0]> = {}): DnsInstances {
    const source = new DnsInstances({
      name: 'nginx.apigw.svc.cluster.local',
      everyMs: 20,
      servers: [server.address],
      ...options,
    });
    sources.push(source);
    return source;
  }

  it('has each address once, with the port of dns.port, and the address as its name', async () => {
    server.answer = ['10.0.0.2', '10.0.0.1', '10.0.0.2'];
    const source = sourceOf({ port: 81 });
    await source.start();
    expect(source.current().instances).toEqual([
      { name: '10.0.0.1', address: '10.0.0.1', port: 81 },
      { name: '10.0.0.2', address: '10.0.0.2', port: 81 },
    ]);
    expect(source.current().problem).toBeUndefined();
  });

  it('follows a change, and keeps the same list while nothing changes', async () => {
    server.answer = ['10.0.0.1'];
    const source = sourceOf();
    await source.start();
    const { instances } = source.current();
    const { queries } = server;
    await eventually(async () => {
      expect(server.queries).toBeGreaterThan(queries + 3);
      return Promise.resolve();
    }, 'another query');
    expect(source.current().instances).toBe(instances);
    server.answer = ['10.0.0.1', '10.0.0.9'];
    await eventually(async () => {
      expect(source.current().instances).toHaveLength(2);
      return Promise.resolve();
    }, 'the new instance');
  });

  it('takes an answer without addresses as an empty list', async () => {
    server.answer = [];
    const source = sourceOf();
    await source.start();
    expect(source.current()).toEqual({ instances: [], freshAtMs: expect.any(Number) as number });
  });

  it.each([
    ['no such name', 'there is no such name (ENOTFOUND); set dns.name'],
    ['server failure', 'the DNS server reports an error (ESERVFAIL)'],
    ['silence', 'no DNS server answers (ETIMEOUT)'],
  ] as const)('keeps the list after %s, lets it grow old, and reports why', async (failure, problem) => {
    server.answer = ['10.0.0.1'];
    const source = sourceOf();
    await source.start();
    server.answer = failure;
    const failed = await eventually(async () => {
      expect(source.current().problem).toContain(problem);
      return Promise.resolve(source.current());
    }, 'the problem');
    expect(failed.instances).toHaveLength(1);
    await eventually(async () => {
      expect(source.current().freshAtMs).toBe(failed.freshAtMs);
      return Promise.resolve();
    }, 'an old list');
    server.answer = ['10.0.0.2'];
    await eventually(async () => {
      expect(source.current()).toMatchObject({ instances: [{ name: '10.0.0.2' }] });
      expect(source.current().problem).toBeUndefined();
      return Promise.resolve();
    }, 'the new list');
  });

  it('has no list, and no time of one, before the first answer', async () => {
    server.answer = 'no such name';
    const source = sourceOf();
    expect(source.current()).toEqual({ instances: [] });
    await source.start();
    expect(source.current().freshAtMs).toBeUndefined();
  });
});

describe('listProblem', () => {
  const LIST = [{ name: 'a', address: '10.0.0.1' }];

  afterEach(() => {
    jest.restoreAllMocks();
  });

  function setClock(byMs: number): void {
    const setTo = Date.now() + byMs;
    jest.spyOn(Date, 'now').mockReturnValue(setTo);
  }

  it.each([3_600_000, -3_600_000])('does not depend on a clock that is set by %d ms', async (byMs) => {
    const server = await DnsServer.start();
    server.answer = ['10.0.0.1'];
    const dns = {
      kind: 'dns' as const,
      name: 'nginx.example',
      everyMs: 3_600_000,
      servers: [server.address],
    };
    const source = createInstances({ source: dns, maxListAgeMs: 1_000 }, pino({ level: 'silent' }));
    try {
      await source.start();
      expect(listProblem(source, 60_000)).toBeUndefined();
      setClock(byMs);
      expect(listProblem(source, 60_000)).toBeUndefined();
      const old = { kind: 'test', current: () => ({ instances: LIST, freshAtMs: steadyNowMs() - 90_000 }) };
      expect(listProblem(old, 60_000)).toContain('the list of instances is 90 s old');
    } finally {
      await source.close();
      await server.close();
    }
  });
});

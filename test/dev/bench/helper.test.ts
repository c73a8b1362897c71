import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Helper } from '../../../dev/bench/helper';
import { inParallel } from '../../../dev/shared/wait';

/** Each helper starts a process, and the machine may be busy. */
jest.setTimeout(60_000);

describe('Helper as the floor', () => {
  it('reports what failed, also after its end', async () => {
    const floor = new Helper('floor', { cleanUps: [] });
    try {
      const origin = { address: 'http://127.0.0.1:1', token: 'a-token' };
      const work = { origin, mounts: ['apps/'], inFlight: 2 };
      await expect(floor.do('scan', work)).rejects.toThrow(
        'the floor of the benchmark failed: connect ECONNREFUSED 127.0.0.1:1',
      );
      expect(await floor.do('scan', { ...work, mounts: [] })).toMatchObject({ requests: 0 });
      await floor.stop();
      await expect(floor.do('scan', work)).rejects.toThrow(
        'the floor of the benchmark ended before its work was done',
      );
    } finally {
      await floor.stop();
    }
  });
});

describe('Helper as the latency proxy', () => {
  it('passes every request and every answer whole, each proxy to its own server', async () => {
    const servers = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const server = http.createServer((request, response) => {
          let body = '';
          request.setEncoding('utf8').on('data', (text: string) => (body += text));
          request.on('end', () =>
            response.end(`${name} ${request.method ?? ''} ${request.url ?? ''} ${body}`),
          );
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return server;
      }),
    );
    const targets = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const proxy = new Helper('latency proxy', { cleanUps: [] });
    try {
      const [one = '', two = ''] = await proxy.do('proxy', { targets, delayMs: 2 });
      const large = 'x'.repeat(300_000);
      await inParallel([...Array(20).keys()], 5, async (number) => {
        const options = { method: 'PUT', body: large + String(number) };
        expect(await (await fetch(`${one}/a`, options)).text()).toBe(`one PUT /a ${large}${number}`);
        expect(await (await fetch(`${two}/b/${number}`)).text()).toBe(`two GET /b/${number} `);
      });
    } finally {
      await proxy.stop();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });
});

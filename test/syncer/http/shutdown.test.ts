import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Agent } from 'undici';
import { SYNCER_SHUTDOWN_MS } from '../../../src/syncer/limits';
import { makeCertificates, type Certificates } from '../../support/certificates';
import { eventually } from '../../support/eventually';
import { silence } from '../../support/tiny-server';
import { RunningSyncer } from './running-syncer';

// Shorter than a test may take, and longer than a shutdown without questions takes on a slow machine.
jest.mock('../../../src/syncer/limits', () => ({
  ...jest.requireActual<object>('../../../src/syncer/limits'),
  SYNCER_SHUTDOWN_MS: 4_000,
}));

const STILL = 'questions were still in progress';

let folder: string;
let certificates: Certificates;
let syncer: RunningSyncer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'syncer-tls-'));
  certificates = await makeCertificates(folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  await syncer.close();
});

const tls = (isOn: boolean) => ({ tls: isOn ? certificates.server : undefined });

/** A connection that sends nothing. */
async function silentConnection(): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(syncer.address).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Stops Syncer. @returns how long that took */
async function stop(): Promise<number> {
  const startedMs = performance.now();
  await syncer.stop();
  return performance.now() - startedMs;
}

describe('the HTTP API with the key tls', () => {
  it('answers over TLS with the certificate of the file, and not without TLS', async () => {
    syncer = await RunningSyncer.start(2, tls(true));
    syncer.answers(401, 200);
    expect(syncer.address).toMatch(/^https:/);
    const connect = { ca: readFileSync(certificates.caFile), servername: certificates.serverName };
    const client = new Agent({ connect });
    const headers = { 'X-Auth-Token': 'token', 'X-Nginx-Origin': 'pod-0' };
    const { address: origin } = syncer;
    const response = await client.request({ origin, path: '/v1/synced', method: 'GET', headers });
    await response.body.text();
    expect([response.statusCode, response.headers['x-token-status']]).toEqual([200, 'Synced']);
    await client.close();
    await expect(fetch(syncer.address.replace('https:', 'http:'))).rejects.toThrow();
  });
});

describe.each([false, true])('the end of the service (TLS: %s)', (isTls) => {
  it('does not wait for a connection that sends nothing', async () => {
    syncer = await RunningSyncer.start(2, tls(isTls));
    await silentConnection();
    expect(await stop()).toBeLessThan(SYNCER_SHUTDOWN_MS);
    expect(syncer.log.join('')).not.toContain(STILL);
  });
});

describe('the end of the service', () => {
  it('answers on an open connection that it is not ready, while a question is in progress', async () => {
    syncer = await RunningSyncer.start(2);
    syncer.pods[1]?.answers(silence);
    const socket = await silentConnection();
    const asked = syncer.ask().catch(() => 'closed');
    await eventually(async () => {
      expect(syncer.pods[1]?.requests).toHaveLength(1);
      return Promise.resolve();
    }, 'the first probe');
    const stopped = syncer.stop();
    await expect(syncer.get('/readyz')).rejects.toThrow();
    socket.write('GET /readyz HTTP/1.1\r\nHost: syncer\r\n\r\n');
    const received = await text(socket);
    expect(received).toMatch(/^HTTP\/1\.1 503 /);
    expect(received).toContain('it is stopping');
    await Promise.all([stopped, asked]);
  });

  it('closes the connections of questions that are in progress after the time, and says so', async () => {
    syncer = await RunningSyncer.start(2);
    syncer.pods[1]?.answers(silence);
    const asked = syncer.ask().catch(() => 'closed');
    await eventually(async () => {
      expect(syncer.pods[1]?.requests).toHaveLength(1);
      return Promise.resolve();
    }, 'the first probe');
    expect(await stop()).toBeLessThan(2 * SYNCER_SHUTDOWN_MS);
    await expect(asked).resolves.toBe('closed');
    expect(syncer.log.join('')).toContain(STILL);
  });
});

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { makeCertificates, type Certificates } from '../support/certificates';
import { eventually } from '../support/eventually';
import { RunningSyncer } from './http/running-syncer';
import { probeConfig } from './probe-config';

// Shorter than a test may take.
jest.mock('../../src/syncer/limits', () => ({
  ...jest.requireActual<object>('../../src/syncer/limits'),
  TLS_FILES_EVERY_MS: 50,
}));

let folder: string;
let before: Certificates;
let after: Certificates;
let syncer: RunningSyncer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'syncer-tls-files-'));
  [before, after] = (await Promise.all(
    ['before', 'after'].map(async (name) => makeCertificates(mkdtempSync(path.join(folder, name)))),
  )) as [Certificates, Certificates];
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  await syncer.close();
});

const at = (name: string): string => path.join(folder, name);

/** The certificate that a new connection gets. */
async function served(): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(syncer.address).port),
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const fingerprintOf = (file: string): string => new X509Certificate(readFileSync(file)).fingerprint256;

describe('the files of the key tls', () => {
  it('are used for new connections after they have changed, once they fit together', async () => {
    const [certFile, keyFile] = [at('tls.crt'), at('tls.key')];
    copyFileSync(before.server.certFile, certFile);
    copyFileSync(before.server.keyFile, keyFile);
    syncer = await RunningSyncer.start(1, { tls: { certFile, keyFile } });
    expect(await served()).toBe(fingerprintOf(before.server.certFile));
    copyFileSync(after.server.certFile, certFile);
    await eventually(async () => {
      expect(syncer.log.join('')).toContain('does not belong to the certificate');
      return Promise.resolve();
    }, 'the warning');
    expect(await served()).toBe(fingerprintOf(before.server.certFile));
    copyFileSync(after.server.keyFile, keyFile);
    await eventually(async () => {
      expect(await served()).toBe(fingerprintOf(after.server.certFile));
    }, 'the new certificate');
    expect(syncer.log.join('')).toContain('tls: the files have changed');
  });
});

describe('the files of probe.tls', () => {
  it('are used for new connections to the instances after they have changed', async () => {
    const { certFile, keyFile } = after.server;
    const pod = https.createServer(
      { cert: readFileSync(certFile), key: readFileSync(keyFile) },
      (_request, response) => {
        response.writeHead(200).end();
      },
    );
    await new Promise<void>((resolve) => pod.listen(0, '127.0.0.1', resolve));
    const { port } = pod.address() as AddressInfo;
    const caFile = at('ca.crt');
    writeFileSync(caFile, readFileSync(before.caFile));
    const tls = { verify: true, caFile, serverName: after.serverName };
    syncer = await RunningSyncer.start(1, probeConfig({}, { scheme: 'https', tls }));
    syncer.source.list = {
      ...syncer.source.list,
      instances: [{ name: 'pod-9', address: '127.0.0.1', port }],
    };
    const verdict = async (): Promise<string | null> => {
      const response = await syncer.ask();
      await response.text();
      return response.headers.get('x-token-status');
    };
    expect(await verdict()).toBe('NotSynced');
    copyFileSync(after.caFile, caFile);
    await eventually(async () => {
      expect(await verdict()).toBe('Synced');
    }, 'the new authority');
    pod.closeAllConnections();
    pod.close();
  });
});

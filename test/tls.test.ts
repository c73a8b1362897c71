import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConsulStore } from '../src/consul/client';
import { readTls } from '../src/tls';
import { UserError } from '../src/errors';
import { makeCertificates, type Certificates } from './support/certificates';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-tls-'));
const none = path.join(folder, 'none.pem');
const text = path.join(folder, 'text.pem');
let made: Certificates;

beforeAll(async () => {
  writeFileSync(text, 'planted-value-4711');
  made = await makeCertificates(folder);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const read =
  (files: Parameters<typeof readTls>[0]): (() => unknown) =>
  () =>
    readTls(files, 'Vault https://v: vault');

test('what is not given is left to Node', () => {
  expect(readTls({}, 'x')).toEqual({});
  expect(Object.keys(readTls({ caFile: made.caFile, ...made.client, serverName: 'v' }, 'x'))).toEqual([
    'ca',
    'cert',
    'key',
    'servername',
  ]);
});

test('each wrong file is named with its key, and never quoted', () => {
  const { client, server } = made;
  const cases: [files: Parameters<typeof readTls>[0], message: string][] = [
    [{ caFile: none }, `vault.caFile: cannot read ${none} (ENOENT); check the path and its permissions`],
    [{ caFile: text }, `vault.caFile: ${text} has no certificate in PEM form`],
    [{ certFile: none, keyFile: client.keyFile }, `vault.certFile: cannot read ${none} (ENOENT)`],
    [{ certFile: text, keyFile: client.keyFile }, `vault.certFile: ${text} has no certificate in PEM form`],
    [{ certFile: client.certFile, keyFile: none }, `vault.keyFile: cannot read ${none} (ENOENT)`],
    [{ certFile: client.certFile, keyFile: text }, `vault.keyFile: ${text} has no private key in PEM form`],
    [
      { certFile: client.certFile, keyFile: server.keyFile },
      `vault.keyFile: ${server.keyFile} does not belong to the certificate in ${client.certFile} (certFile)`,
    ],
  ];
  for (const [files, message] of cases) {
    expect(read(files)).toThrow(UserError);
    expect(read(files)).toThrow(`Vault https://v: ${message}`);
    expect(read(files)).not.toThrow('4711');
  }
});

test('Consul names its keys too', () => {
  expect(() => new ConsulStore({ address: 'https://c:8501', token: '', caFile: none })).toThrow(
    `Consul https://c:8501: consul.caFile: cannot read ${none} (ENOENT)`,
  );
});

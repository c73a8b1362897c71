import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Files of an authority, of a server certificate for a name without an address, and of a client certificate. */
export interface Certificates {
  caFile: string;
  serverName: string;
  server: { certFile: string; keyFile: string };
  client: { certFile: string; keyFile: string };
}

/** Makes certificates that live for a day, with openssl. */
export async function makeCertificates(
  folder: string,
  serverName = 'server.vsync.test',
): Promise<Certificates> {
  const at = (name: string): string => path.join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const caFile = at('ca.pem');
  await run('openssl', [
    ...['req', '-x509', ...key, '-days', '1', '-subj', '/CN=vsync test authority'],
    ...['-keyout', at('ca.key'), '-out', caFile],
  ]);
  const sign = async (name: string, subject: string, extensions: string): Promise<Certificates['server']> => {
    const keyFile = at(`${name}.key`);
    const certFile = at(`${name}.pem`);
    const request = at(`${name}.csr`);
    writeFileSync(at(`${name}.ext`), extensions);
    await run('openssl', ['req', ...key, '-subj', `/CN=${subject}`, '-keyout', keyFile, '-out', request]);
    await run('openssl', [
      ...['x509', '-req', '-days', '1', '-in', request, '-CA', caFile, '-CAkey', at('ca.key')],
      ...['-CAcreateserial', '-extfile', at(`${name}.ext`), '-out', certFile],
    ]);
    return { certFile, keyFile };
  };
  const server = await sign('server', serverName, `subjectAltName=DNS:${serverName}\n`);
  return {
    caFile,
    serverName,
    server,
    client: await sign('client', 'vsync', 'extendedKeyUsage=clientAuth\n'),
  };
}

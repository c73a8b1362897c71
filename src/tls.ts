import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UserError } from './errors';

/** The TLS keys of a section of the configuration. The files are PEM. */
export interface TlsFiles {
  /** Certificate authorities to trust instead of the system's. */
  caFile?: string | undefined;
  /** Certificate of the client; needs `keyFile`. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** Name expected in the server's certificate, instead of the host in the address. */
  serverName?: string | undefined;
}

/** The same for Node's `tls.connect`. */
export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
}

/**
 * Reads the files, and checks their content. Otherwise a mistake would show only at the first connection, as an OpenSSL
 * code.
 *
 * @param where beginning of the messages, up to the name of the key: "Vault https://…: vault"
 * @throws UserError with the key and the file
 */
export function readTls({ caFile, certFile, keyFile, serverName }: TlsFiles, where: string): TlsOptions {
  const ca = caFile === undefined ? {} : { ca: readPem(caFile, `${where}.caFile`, asCertificate).pem };
  const pair = certFile === undefined || keyFile === undefined ? {} : readPair(certFile, keyFile, where);
  return { ...ca, ...pair, ...(serverName === undefined ? {} : { servername: serverName }) };
}

function readPair(certFile: string, keyFile: string, where: string): { cert: string; key: string } {
  const cert = readPem(certFile, `${where}.certFile`, asCertificate);
  const key = readPem(keyFile, `${where}.keyFile`, asPrivateKey);
  if (!cert.parsed.checkPrivateKey(key.parsed)) {
    throw new UserError(
      `${where}.keyFile: ${keyFile} does not belong to the certificate in ${certFile} (certFile); give the key of that certificate`,
    );
  }
  return { cert: cert.pem, key: key.pem };
}

/** What a file must have, and the message if it does not. */
interface Content<T> {
  parse: (pem: string) => T;
  problem: string;
}

const asCertificate: Content<X509Certificate> = {
  parse: (pem) => new X509Certificate(pem),
  problem: 'has no certificate in PEM form; give a file that has one',
};
const asPrivateKey: Content<KeyObject> = {
  parse: createPrivateKey,
  problem: 'has no private key in PEM form, or one that needs a passphrase; give a file with a plain key',
};

function readPem<T>(file: string, key: string, { parse, problem }: Content<T>): { pem: string; parsed: T } {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new UserError(`${key}: cannot read ${file} (${code}); check the path and its permissions`);
  }
  try {
    return { pem, parsed: parse(pem) };
  } catch {
    throw new UserError(`${key}: ${file} ${problem}`);
  }
}

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UserError } from './errors';

/** What a section of the configuration may say about TLS. The files are PEM. */
export interface TlsFiles {
  /** Certificate authorities to trust instead of the system's. */
  caFile?: string | undefined;
  /** Certificate to show; comes with `keyFile`. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** Name to expect in the server's certificate, instead of the host in the address. */
  serverName?: string | undefined;
}

/** The same as Node's `tls.connect` takes it. */
export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
}

/**
 * Reads the files, and looks whether they hold what they should: else nobody would know before the first
 * connection, and then only an OpenSSL code.
 *
 * @param where begins the messages, up to the name of the key: "Vault https://…: vault"
 * @throws UserError that names the key and the file
 */
export function readTls({ caFile, certFile, keyFile, serverName }: TlsFiles, where: string): TlsOptions {
  const ca = caFile === undefined ? undefined : readPem(caFile, `${where}.caFile`);
  if (ca !== undefined && caFile !== undefined) certificateOf(ca, caFile, `${where}.caFile`);
  const pair = certFile === undefined || keyFile === undefined ? {} : readPair(certFile, keyFile, where);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...pair,
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

function readPair(certFile: string, keyFile: string, where: string): { cert: string; key: string } {
  const cert = readPem(certFile, `${where}.certFile`);
  const key = readPem(keyFile, `${where}.keyFile`);
  const certificate = certificateOf(cert, certFile, `${where}.certFile`);
  if (!certificate.checkPrivateKey(keyOf(key, keyFile, `${where}.keyFile`))) {
    throw new UserError(
      `${where}.keyFile: ${keyFile} does not belong to the certificate in ${certFile} (certFile)`,
    );
  }
  return { cert, key };
}

function readPem(file: string, key: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new UserError(`${key}: cannot read ${file} (${code}); check the path and its permissions`);
  }
}

function certificateOf(pem: string, file: string, key: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new UserError(`${key}: ${file} holds no certificate in PEM form`);
  }
}

function keyOf(pem: string, file: string, key: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new UserError(`${key}: ${file} holds no private key in PEM form, or one that needs a passphrase`);
  }
}

/**
 * What went wrong while a TLS connection was made.
 *
 * @param code of Node or OpenSSL
 * @param section where the keys for TLS stand: "vault"
 * @returns undefined if it is something else
 */
export function describeTlsError(code: unknown, section: string): string | undefined {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_UNTRUSTED':
    case 'INVALID_CA':
      return `its certificate is not trusted (${code}); give the authority that signed it as ${section}.caFile`;
    case 'CERT_SIGNATURE_FAILURE':
      return `its certificate was not signed by the authority of ${section}.caFile (${code}), but by another one of that name; give the right one`;
    case 'CERT_HAS_EXPIRED':
      return `its certificate, or that of the authority that signed it, has expired (${code}); renew it at the server, or correct the clock of this machine`;
    case 'CERT_NOT_YET_VALID':
      return `its certificate is not valid yet (${code}); correct the clock of this machine or of the one that signed it`;
    case 'CERT_REVOKED':
      return `its certificate is not trusted (${code}); give the server another one`;
    case 'INVALID_PURPOSE':
      return `its certificate is not for a server (${code}); give the server one with the extended key usage serverAuth`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return `its certificate is for another name (${code}); correct the address, or give the name as ${section}.serverName`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return 'it does not speak TLS there: is the address one with http:// and not https://?';
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
      return `it speaks no version of TLS that vsync takes (${code}): let it speak TLS 1.2 or later`;
    case 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME':
    case 'ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME':
      return `it has no certificate for the name that was asked for (${code}); correct the address, or give the name as ${section}.serverName`;
    case 'ERR_SSL_EE_KEY_TOO_SMALL':
    case 'ERR_SSL_CA_KEY_TOO_SMALL':
    case 'ERR_SSL_CA_MD_TOO_WEAK':
    case 'ERR_SSL_DH_KEY_TOO_SMALL':
      return `its certificate or key is too weak for TLS (${code}); give the server another one`;
  }
  if (typeof code !== 'string' || !/^ERR_SSL_.*ALERT/.test(code)) return undefined;
  return `it refused the connection (${code}): it may want a certificate, or another one, as ${section}.certFile and keyFile`;
}

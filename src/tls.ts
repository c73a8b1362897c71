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
      `${where}.keyFile: ${keyFile} does not belong to the certificate in ${certFile} (certFile); give the key of that certificate`,
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
    throw new UserError(`${key}: ${file} has no certificate in PEM form; give a file that has one`);
  }
}

function keyOf(pem: string, file: string, key: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new UserError(
      `${key}: ${file} has no private key in PEM form, or one that needs a passphrase; give a file with a plain key`,
    );
  }
}

/**
 * Explains why a TLS connection failed.
 *
 * @param code of Node or OpenSSL
 * @param section of the configuration with the TLS keys: "vault"
 * @returns undefined if the code is not one of TLS
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
      return `its certificate is not trusted (${code}); set ${section}.caFile to the authority that signed it`;
    case 'CERT_SIGNATURE_FAILURE':
      return `its certificate was signed by another authority with the name of the one in ${section}.caFile (${code}); give the right one`;
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
      return `its certificate is for another name (${code}); correct the address, or set ${section}.serverName to that name`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return 'it does not speak TLS there: is the address one with http:// and not https://?';
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
      return `it speaks no version of TLS that vsync accepts (${code}): enable TLS 1.2 or later there`;
    case 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME':
    case 'ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME':
      return `it has no certificate for the requested name (${code}); correct the address, or set ${section}.serverName`;
    case 'ERR_SSL_EE_KEY_TOO_SMALL':
    case 'ERR_SSL_CA_KEY_TOO_SMALL':
    case 'ERR_SSL_CA_MD_TOO_WEAK':
    case 'ERR_SSL_DH_KEY_TOO_SMALL':
      return `its certificate or key is too weak for TLS (${code}); give the server another one`;
  }
  if (typeof code !== 'string' || !/^ERR_SSL_.*ALERT/.test(code)) return undefined;
  return `it refused the connection (${code}): it may require a client certificate, or another one: set ${section}.certFile and keyFile`;
}

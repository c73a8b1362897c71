import { describeTlsError } from '../tls';

/** A server, as messages about the way to it need to name it. */
export interface Reached {
  /** What it should be: "Vault", "Consul agent". */
  readonly what: string;
  /** Section of the configuration with its keys for TLS: "vault". */
  readonly section: string;
  /** It was asked with TLS. */
  readonly tls: boolean;
}

/**
 * What happened on the way to a server, and what to do: DNS, TCP, TLS, or another protocol than HTTP.
 *
 * @param code of Node, undici, llhttp or OpenSSL; the error itself is left behind
 * @returns undefined if the code is not known
 */
export function describeNetworkError(code: unknown, { what, section, tls }: Reached): string | undefined {
  if (typeof code !== 'string') return undefined;
  const noTls = tls ? '' : '; or it speaks TLS there, and the address has to begin with https://';
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused: is it running, and is the address right?';
    case 'ENOTFOUND':
      return 'the host name cannot be resolved: check the address';
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved now (EAI_AGAIN), because no DNS server answered: check the address, and the DNS of this machine';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'no connection: check the address and the firewall';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EHOSTDOWN':
      return `no way to it (${code}): check the address, and the network and routes of this machine`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return `the connection was closed in the middle of the answer: look at the ${what}, and at any proxy or firewall in between${noTls}`;
    case 'EACCES':
    case 'EPERM':
      return `this machine does not let vsync connect (${code}): check its firewall, and its policies for processes`;
    case 'EMFILE':
    case 'ENFILE':
    case 'EADDRNOTAVAIL':
      return `this machine has no more connections to give (${code}): raise its limit of open files, or look what uses them up`;
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'HPE_HEADER_OVERFLOW':
      return `the headers of the answer are too large (${code}): is this the address of a ${what}, or a proxy or a login page in between?`;
  }
  if (code.startsWith('HPE_')) {
    return `it does not speak HTTP there (${code}): is this the address and the port of a ${what}?${tls ? '' : ' It may speak TLS: then the address has to begin with https://'}`;
  }
  return describeTlsError(code, section);
}

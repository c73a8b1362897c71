import { describeTlsError } from '../tls';

/** A server, as messages name it. */
export interface Reached {
  /** What it should be: "Vault", "Consul agent". */
  readonly what: string;
  /** Section of the configuration with its TLS keys: "vault". */
  readonly section: string;
  /** The request used TLS. */
  readonly tls: boolean;
}

/**
 * Explains why a server could not be reached, and what to do: DNS, TCP, TLS, or a protocol that is not HTTP.
 *
 * @param code of Node, undici, llhttp or OpenSSL; the error itself is dropped
 * @returns undefined if the code is unknown
 */
export function describeNetworkError(code: unknown, { what, section, tls }: Reached): string | undefined {
  if (typeof code !== 'string') return undefined;
  const noTls = tls ? '' : '; or it speaks TLS there, and the address must begin with https://';
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
      return `no route to it (${code}): check the address, and the network and routes of this machine`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return `the connection was closed in the middle of the answer: check the log of the ${what}, and of any proxy or firewall in between${noTls}`;
    case 'EACCES':
    case 'EPERM':
      return `this machine does not let vsync connect (${code}): check its firewall, and its policies for processes`;
    case 'EMFILE':
    case 'ENFILE':
    case 'EADDRNOTAVAIL':
      return `this machine has no free connections (${code}): raise its limit of open files, or find the process that uses them up`;
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'HPE_HEADER_OVERFLOW':
      return `the headers of the answer are too large (${code}): is this the address of a ${what}, or a proxy or a login page in between?`;
  }
  if (code.startsWith('HPE_')) {
    return `it does not speak HTTP there (${code}): is this the address and the port of a ${what}?${tls ? '' : ' It may speak TLS: then the address must begin with https://'}`;
  }
  return describeTlsError(code, section);
}

/** An answer that does not come from the server itself. Its text is never quoted: it may hold anything. */
export interface ForeignAnswer {
  readonly status: number;
  /** As text, if it is not JSON. */
  readonly body: unknown;
  /** URL of the server. */
  readonly address: string;
  /** What the server should be: "Vault", "Consul". */
  readonly what: string;
}

/** Explains what answered in between, or what is wrong with the address, and what to do there. */
export function explainForeignAnswer(answer: ForeignAnswer): string {
  const { status, body, address, what } = answer;
  if (isPlainHttpRefused(body)) return `it speaks TLS there (${status}): write the address with https://`;
  const words = STATUS_WORDS[status];
  if (words !== undefined) {
    return `${words.replace('$what', what)} (${status}); that is not ${what}'s answer${pathHint(address)}`;
  }
  if (status >= 300 && status < 400) {
    return (
      `it redirects (${status}), as a login page or a proxy in between does; vsync follows no redirect, which would send ` +
      `the token there; ${whose(what)}${pathHint(address)}`
    );
  }
  return `the answer (${status}) is not ${what}'s; ${whose(what)}${pathHint(address)}`;
}

/**
 * Explains the answer of a proxy whose server behind it does not answer.
 *
 * @returns undefined for other statuses
 */
export function explainGateway(status: number, what: string): string | undefined {
  if (![502, 503, 504].includes(status)) return undefined;
  return (
    `a proxy or load balancer in between cannot reach the ${what} (${status}): check its log, and whether the ${what} ` +
    'behind it is up'
  );
}

/** Explains a success that does not have the server's form. */
export function explainForeignPage(address: string, what: string): string {
  return `the answer is not in the form that ${what} sends; ${whose(what)}${pathHint(address)}`;
}

function whose(what: string): string {
  return `is this the address of a ${what === 'Consul' ? 'Consul agent' : what}, or a proxy or a login page in between?`;
}

const LET_PASS = 'let GET, PUT, POST, DELETE and LIST pass there';

/** Statuses with which a proxy or firewall answers itself. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: 'a proxy or gateway in between asks for a login of its own: let vsync pass there without one',
  403: 'a firewall (WAF), proxy or gateway in between refuses the request: check its log, and let the API of this $what pass there',
  405: `a proxy or gateway in between refuses the method of the request: ${LET_PASS}`,
  407: 'a proxy in between asks for a login of its own: let vsync reach the $what without that proxy',
  501: `a proxy or gateway in between does not know the method of the request: ${LET_PASS}`,
};

/** Answers of a TLS port to a request without TLS: Go (Vault, OpenBao, Consul), nginx, Apache, Tomcat. */
const PLAIN_HTTP_REFUSED =
  /HTTP request (was sent )?to (an )?HTTPS (server|port)|plain HTTP to an SSL-enabled|port requires TLS/i;

/** Whether this is the answer of a TLS port to a request without TLS. */
export function isPlainHttpRefused(body: unknown): boolean {
  return typeof body === 'string' && PLAIN_HTTP_REFUSED.test(body);
}

/** Some gateways need an address with a path; elsewhere it was copied from a browser or an API page. */
export function pathHint(address: string): string {
  const { pathname } = new URL(address);
  if (pathname === '/') return '';
  const rest = /\/(v1|ui)(\/.*)?$/.test(pathname)
    ? 'vsync adds /v1/ itself, so remove it'
    : 'is that path right?';
  return `; the address ends in ${pathname}: ${rest}`;
}

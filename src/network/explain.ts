/** A server, as messages name it: "Vault", with the section of the configuration that has its TLS keys. */
export interface Reached {
  readonly what: string;
  readonly section: string;
  /** The request used TLS. */
  readonly tls: boolean;
}

/** By codes of Node, undici, llhttp and OpenSSL. `fill` replaces the names after a "$". */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: is it running, and is the address right?',
  ENOTFOUND: 'the host name cannot be resolved: check the address',
  EAI_AGAIN:
    'the host name cannot be resolved now (EAI_AGAIN), because no DNS server answered: check the address, and the DNS of this machine',
  'UND_ERR_CONNECT_TIMEOUT ETIMEDOUT': 'no connection: check the address and the firewall',
  'EHOSTUNREACH ENETUNREACH ENETDOWN EHOSTDOWN':
    'no route to it ($code): check the address, and the network and routes of this machine',
  'ECONNRESET EPIPE UND_ERR_SOCKET':
    'the connection was closed in the middle of the answer: check the log of the $what, and of any proxy or firewall in between$orTls',
  'EACCES EPERM':
    'this machine does not let vsync connect ($code): check its firewall, and its policies for processes',
  'EMFILE ENFILE EADDRNOTAVAIL':
    'this machine has no free connections ($code): raise its limit of open files, or find the process that uses them up',
  'UND_ERR_HEADERS_OVERFLOW HPE_HEADER_OVERFLOW':
    'the headers of the answer are too large ($code): is this the address of a $what, or a proxy or a login page in between?',
  'DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_UNTRUSTED INVALID_CA':
    'its certificate is not trusted ($code); set $section.caFile to the authority that signed it',
  CERT_SIGNATURE_FAILURE:
    'its certificate was signed by another authority with the name of the one in $section.caFile ($code); give the right one',
  CERT_HAS_EXPIRED:
    'its certificate, or that of the authority that signed it, has expired ($code); renew it at the server, or correct the clock of this machine',
  CERT_NOT_YET_VALID:
    'its certificate is not valid yet ($code); correct the clock of this machine or of the one that signed it',
  CERT_REVOKED: 'its certificate is not trusted ($code); give the server another one',
  INVALID_PURPOSE:
    'its certificate is not for a server ($code); give the server one with the extended key usage serverAuth',
  'ERR_TLS_CERT_ALTNAME_INVALID HOSTNAME_MISMATCH':
    'its certificate is for another name ($code); correct the address, or set $section.serverName to that name',
  'ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_PACKET_LENGTH_TOO_LONG EPROTO':
    'it does not speak TLS there: is the address one with http:// and not https://?',
  'ERR_SSL_UNSUPPORTED_PROTOCOL ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
    'it speaks no version of TLS that vsync accepts ($code): enable TLS 1.2 or later there',
  'ERR_SSL_TLSV1_UNRECOGNIZED_NAME ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME':
    'it has no certificate for the requested name ($code); correct the address, or set $section.serverName',
  'ERR_SSL_EE_KEY_TOO_SMALL ERR_SSL_CA_KEY_TOO_SMALL ERR_SSL_CA_MD_TOO_WEAK ERR_SSL_DH_KEY_TOO_SMALL':
    'its certificate or key is too weak for TLS ($code); give the server another one',
};

const BY_CODE = new Map(
  Object.entries(EXPLANATIONS).flatMap(([codes, text]) => codes.split(' ').map((code) => [code, text])),
);

/** For all other codes. */
const BY_PATTERN: readonly (readonly [RegExp, string])[] = [
  [/^HPE_/, 'it does not speak HTTP there ($code): is this the address and the port of a $what?$mayBeTls'],
  [
    /^ERR_SSL_.*ALERT/,
    'it refused the connection ($code): it may require a client certificate, or another one: set $section.certFile and keyFile',
  ],
];

function fill(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\w+)/g, (_, name: string) => words[name] ?? '');
}

const TLS_CODE =
  /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_(CA|PURPOSE)|EPROTO|HOSTNAME)/;

/** Whether TLS failed, as opposed to the connection below it. */
export function isTlsCode(code: unknown): boolean {
  return typeof code === 'string' && TLS_CODE.test(code);
}

/**
 * Explains why a server could not be reached, and what to do. The error itself is dropped.
 *
 * @returns undefined if the code is unknown
 */
export function describeNetworkError(code: unknown, { what, section, tls }: Reached): string | undefined {
  if (typeof code !== 'string') return undefined;
  const text = BY_CODE.get(code) ?? BY_PATTERN.find(([pattern]) => pattern.test(code))?.[1];
  const orTls = tls ? '' : '; or it speaks TLS there, and the address must begin with https://';
  const mayBeTls = tls ? '' : ' It may speak TLS: then the address must begin with https://';
  return text && fill(text, { code, what, section, orTls, mayBeTls });
}

/** Like {@link describeNetworkError}, also for an unknown code. */
export function explainNoAnswer(code: unknown, reached: Reached): string {
  const why = typeof code === 'string' ? code : 'connection failed';
  const unknown = `no usable answer (${why}); is this the address of a ${reached.what}?`;
  return describeNetworkError(code, reached) ?? unknown;
}

/** An answer that does not come from the server itself. Its text is never quoted: it may hold anything. */
export interface ForeignAnswer {
  readonly status: number;
  /** As text, if it is not JSON. */
  readonly body: unknown;
  /** URL of the server, and what it should be: "Vault", "Consul". */
  readonly address: string;
  readonly what: string;
}

/** Explains what answered in between, or what is wrong with the address, and what to do there. */
export function explainForeignAnswer({ status, body, address, what }: ForeignAnswer): string {
  if (isPlainHttpRefused(body)) return `it speaks TLS there (${status}): write the address with https://`;
  const words = STATUS_WORDS[status];
  if (words !== undefined)
    return `${fill(words, { what })} (${status}); that is not ${what}'s answer${pathHint(address)}`;
  if (status >= 300 && status < 400) {
    return (
      `it redirects (${status}), as a login page or a proxy in between does; vsync follows no redirect, which would send ` +
      `the token there; ${whose(what)}${pathHint(address)}`
    );
  }
  return `the answer (${status}) is not ${what}'s; ${whose(what)}${pathHint(address)}`;
}

/** Explains the answer of a proxy whose server behind it does not answer; undefined for other statuses. */
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

/** The texts of Go (Vault, OpenBao, Consul), nginx, Apache and Tomcat. */
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

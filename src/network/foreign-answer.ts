/** An answer that is not the one of the server that was asked. Its text is never quoted: it may hold anything. */
export interface ForeignAnswer {
  readonly status: number;
  /** As text, if it is not JSON. */
  readonly body: unknown;
  /** URL of the server that was asked. */
  readonly address: string;
  /** What was asked: "Vault", "Consul". */
  readonly what: string;
}

/** Says what stands in between, or what is wrong with the address, and what to do there. */
export function explainForeignAnswer(answer: ForeignAnswer): string {
  const { status, body, address, what } = answer;
  if (isPlainHttpRefused(body)) return `it speaks TLS there (${status}): write the address with https://`;
  const words = STATUS_WORDS[status];
  if (words !== undefined) {
    return `${words.replace('$what', what)} (${status}); that is not ${what}'s answer${pathHint(address)}`;
  }
  if (status >= 300 && status < 400) {
    return (
      `it redirects (${status}), as a login page or a proxy in between does; no redirect is followed, because the token ` +
      `would go along; ${whose(what)}${pathHint(address)}`
    );
  }
  return `the answer (${status}) is not ${what}'s; ${whose(what)}${pathHint(address)}`;
}

/**
 * What a proxy answers when the server behind it does not.
 *
 * @returns undefined if it is another status
 */
export function explainGateway(status: number, what: string): string | undefined {
  if (![502, 503, 504].includes(status)) return undefined;
  return (
    `a proxy or load balancer in between cannot reach the ${what} (${status}): look at its log, and whether the ${what} ` +
    'behind it is up'
  );
}

/** A success in another form than that of the server. */
export function explainForeignPage(address: string, what: string): string {
  return `the answer is not in the form that ${what} sends; ${whose(what)}${pathHint(address)}`;
}

function whose(what: string): string {
  return `is this the address of a ${what === 'Consul' ? 'Consul agent' : what}, or a proxy or a login page in between?`;
}

const LET_PASS = 'let GET, PUT, POST, DELETE and LIST pass there';

/** Statuses by which something in between speaks for itself. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: 'a proxy or gateway in between asks for a login of its own: let vsync pass there without one',
  403: 'a firewall (WAF), proxy or gateway in between refuses the request: look at its log, and let the API of this $what pass there',
  405: `a proxy or gateway in between refuses the method of the request: ${LET_PASS}`,
  407: 'a proxy in between asks for a login of its own: let vsync reach the $what without that proxy',
  501: `a proxy or gateway in between does not know the method of the request: ${LET_PASS}`,
};

/** What servers say on a port for TLS to a request without it: Go's (Vault, OpenBao, Consul), nginx, Apache, Tomcat. */
const PLAIN_HTTP_REFUSED =
  /HTTP request (was sent )?to (an )?HTTPS (server|port)|plain HTTP to an SSL-enabled|port requires TLS/i;

/** Whether this is the answer of a port for TLS to a request without it. */
export function isPlainHttpRefused(body: unknown): boolean {
  return typeof body === 'string' && PLAIN_HTTP_REFUSED.test(body);
}

/** An address with a path is right behind some gateways; else it was copied from a browser or from an API page. */
export function pathHint(address: string): string {
  const { pathname } = new URL(address);
  if (pathname === '/') return '';
  const rest = /\/(v1|ui)(\/.*)?$/.test(pathname)
    ? 'vsync adds /v1/ itself, so remove it'
    : 'is that path right?';
  return `; the address ends in ${pathname}: ${rest}`;
}

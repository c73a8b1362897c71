import net from 'node:net';

/** A whole line at the beginning of what arrives: a LIST has no body, and requests on a connection take turns. */
const LIST_LINE = /^LIST (\S+) (HTTP\/1\.1\r\n)/;

/** What a LIST becomes: Vault takes it for the same. */
const LIST_PARAMETER = 'list=true';
const LISTED = /[?&]list=true$/;
/** The size of a listing's first page, which vsync always names. */
const FIRST_PAGE = /\?limit=\w+$/;

/** A request as its sender meant it: a LIST again, with its own query. */
export function asSent(method: string, url: string): { method: string; url: string } {
  return method === 'GET' && LISTED.test(url)
    ? { method: 'LIST', url: url.replace(LISTED, '') }
    : { method, url };
}

/** The same, as tests name it: a listing's first page is named by its folder alone. */
export function asNamed(method: string, url: string): { method: string; url: string } {
  const sent = asSent(method, url);
  return sent.method === 'LIST' ? { method: 'LIST', url: sent.url.replace(FIRST_PAGE, '') } : sent;
}

/**
 * Node's HTTP server refuses Vault's LIST verb. This proxy is in front of one, and turns `LIST <path>` into
 * `GET <path>?list=true`; everything else passes as it is.
 *
 * @param portOf port of the HTTP server behind it
 */
export function listFront(portOf: () => number): net.Server {
  return net.createServer((outer) => {
    const inner = net.connect(portOf(), '127.0.0.1');
    outer.on('data', (chunk: Buffer) => {
      const isList = chunk.subarray(0, 5).toString('latin1') === 'LIST ';
      inner.write(isList ? Buffer.from(chunk.toString('latin1').replace(LIST_LINE, asGet), 'latin1') : chunk);
    });
    outer.on('end', () => inner.end());
    inner.pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  });
}

function asGet(_line: string, url: string, version: string): string {
  return `GET ${url}${url.includes('?') ? '&' : '?'}${LIST_PARAMETER} ${version}`;
}

import net from 'node:net';

/** A whole line at the beginning of what arrives: a LIST has no body, and requests on a connection take turns. */
const LIST_LINE = /^LIST (\S+) (HTTP\/1\.1\r\n)/;

/** What a LIST becomes: Vault takes it for the same. */
export const LIST_QUERY = '?list=true';

/**
 * Node's HTTP server refuses Vault's LIST verb. This stands in front of one, and turns `LIST <path>` into
 * `GET <path>?list=true`; everything else passes as it is.
 *
 * @param portOf port of the HTTP server behind it
 */
export function listFront(portOf: () => number): net.Server {
  return net.createServer((outer) => {
    const inner = net.connect(portOf(), '127.0.0.1');
    outer.on('data', (chunk: Buffer) => {
      const isList = chunk.subarray(0, 5).toString('latin1') === 'LIST ';
      inner.write(
        isList
          ? Buffer.from(chunk.toString('latin1').replace(LIST_LINE, `GET $1${LIST_QUERY} $2`), 'latin1')
          : chunk,
      );
    });
    outer.on('end', () => inner.end());
    inner.pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  });
}

import type net from 'node:net';

/** The two ends of a connection that a proxy passes on: what comes at one goes out at the other, and they end together. */
export function join(outer: net.Socket, inner: net.Socket, open: Set<net.Socket>): void {
  for (const [one, other] of [
    [outer, inner],
    [inner, outer],
  ] as const) {
    open.add(one);
    one.on('error', () => other.destroy());
    one.on('close', () => {
      open.delete(one);
      other.destroy();
    });
    one.pipe(other);
  }
}

/** Port of a server that listens. */
export function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

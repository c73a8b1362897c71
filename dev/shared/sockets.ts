import type net from 'node:net';

/**
 * The two ends of a connection that a proxy passes on: what comes at one goes out at the other, and they end together.
 *
 * @param delayMs after which the bytes of the outer end are passed on
 */
export function join(outer: net.Socket, inner: net.Socket, open: Set<net.Socket>, delayMs = 0): void {
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
    if (delayMs === 0 || one === inner) one.pipe(other);
    // Timers of one length fire in the order in which they were set, so the bytes stay in order.
    else one.on('data', (bytes) => setTimeout(() => other.write(bytes), delayMs));
  }
}

/** Port of a server that listens. */
export function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

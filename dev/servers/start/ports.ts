import net from 'node:net';

/**
 * Free TCP ports on 127.0.0.1, all different. Free now: another process may take one before it is used, so
 * the caller must be ready to try again with others.
 */
export async function freePorts(count: number): Promise<number[]> {
  // All are held at once, else the same one could be given twice.
  const holders = await Promise.all(Array.from({ length: count }, hold));
  const ports = holders.map((holder) => (holder.address() as net.AddressInfo).port);
  await Promise.all(holders.map(release));
  return ports;
}

function hold(): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}

function release(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

import net from 'node:net';
import { connectionsOf, cpuMs, memoryMiB } from '../../../dev/bench/machine';
import { portOf } from '../../../dev/shared/sockets';

/** This process is measured by Linux and by Node. */
const { pid } = process;

test('cpuMs returns the user and system time of a process', () => {
  const { user, system } = process.cpuUsage();
  expect(Math.abs(cpuMs(pid) - (user + system) / 1000)).toBeLessThan(200);
});

test('memoryMiB returns the maximum of the resident memory of a process', () => {
  expect(memoryMiB(pid, 'VmHWM') / (process.resourceUsage().maxRSS / 1024)).toBeCloseTo(1, 1);
});

test('cpuMs and memoryMiB refuse a process that does not exist', () => {
  expect(() => cpuMs(2 ** 22 + 1)).toThrow('ENOENT');
  expect(() => memoryMiB(2 ** 22 + 1, 'VmHWM')).toThrow('ENOENT');
});

test('connectionsOf counts the connections of a process to a port', async () => {
  const accepted: net.Socket[] = [];
  const server = net.createServer((socket) => accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  expect(connectionsOf(pid, port)).toBe(0);
  const clients = [1, 2].map(() => net.connect(port, '127.0.0.1'));
  await Promise.all(clients.map((client) => new Promise((resolve) => client.once('connect', resolve))));
  expect(connectionsOf(pid, port)).toBe(2);
  for (const socket of [...clients, ...accepted]) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

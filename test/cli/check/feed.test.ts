import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { checkFeedListeners, devicesFinding } from '../../../src/cli/check/feed';
import type { Config } from '../../../src/config/schema';
import { loadConfig } from '../../../src/config/load';
import { configFile, removeConfigFiles, section } from '../../config/fixtures';

afterAll(removeConfigFiles);

function originWith(feed: object): Config {
  const content = { origin: { ...section(), feed } };
  return loadConfig('origin', { file: configFile(content), env: {} }).config;
}

type Devices = Parameters<typeof devicesFinding>[0];
const SOCKET = { listen: { host: '10.0.0.1', port: 8210 } };
const HTTP = { listen: { host: '10.0.0.1', port: 8211 }, token: 'planted-token-of-the-feed' };
const BOTH = { socket: SOCKET, http: HTTP, events: false, fullScanEveryMs: 900_000 };

const file = { name: 'file/', type: 'file', options: { file_path: '/var/log/vault.log' } };
const socket = (options: Record<string, string> = {}, name = 'vsync/') => {
  return { name, type: 'socket', options: { address: 'feed:8210', write_timeout: '100ms', ...options } };
};
const http = { name: 'feed/', type: 'http', options: { uri: 'http://feed:8211', headers: 'planted-token' } };

test.each<[what: string, devices: Devices, detail: string]>([
  ['a socket and a file', [socket(), file], 'vsync/ sends audit lines here, and 1 more can take them'],
  [
    'a socket with 1s',
    [socket({ write_timeout: '1' }), file],
    'vsync/ sends audit lines here, and 1 more can take them',
  ],
  ['the http device and a file', [http, file], 'feed/ sends audit lines here, and 1 more can take them'],
  [
    'two sockets, one of which sends elsewhere without a timeout',
    [socket(), { name: 'siem/', type: 'socket', options: { address: 'siem:514' } }],
    'vsync/ sends audit lines here, and 1 more can take them',
  ],
  [
    'a socket that sends to a load balancer',
    [socket({ address: 'balancer:9000' }), file],
    'vsync/ sends audit lines here, and 1 more can take them',
  ],
])('devicesFinding passes with %s', (_what, devices, detail) => {
  expect(devicesFinding(devices, BOTH)).toEqual({ detail });
});

test.each<[what: string, devices: Devices, detail: RegExp]>([
  [
    'no device',
    [],
    /^no device of type socket sends audit lines here; set one up as docs\/feed\.md describes$/,
  ],
  ['only a file', [file], /^no device of type socket sends/],
  [
    'the device of the feed alone',
    [socket()],
    /^vsync\/ alone takes the audit log: .*; add a device that always works/,
  ],
  ['two devices of the feed alone', [socket(), http], /^vsync\/, feed\/ alone takes the audit log/],
  [
    'no write_timeout',
    [socket({ write_timeout: '' }), file],
    /^vsync\/ has no write_timeout, which means 2s: /,
  ],
  [
    'a write_timeout in seconds',
    [socket({ write_timeout: '100' }), file],
    /^vsync\/ has a write_timeout of more than 1s/,
  ],
  [
    'a long write_timeout',
    [socket({ write_timeout: '1500ms' }), file],
    /^vsync\/ has a write_timeout of more than 1s/,
  ],
  ['an unreadable write_timeout', [socket({ write_timeout: 'x' }), file], /^vsync\/ has no write_timeout/],
  [
    'log_raw',
    [socket({ log_raw: 'true' }), file],
    /^vsync\/ has log_raw: its lines hold every value in plain/,
  ],
])('devicesFinding warns of %s', (_what, devices, detail) => {
  const finding = devicesFinding(devices, BOTH);
  expect(finding).toEqual({ outcome: 'warning', detail: expect.stringMatching(detail) as string });
  expect(finding.detail).not.toContain('planted');
});

test('checkFeedListeners reports a free address, one that is taken, and one of another machine', async () => {
  const taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const http = { listen: '192.0.2.1:18211', token: HTTP.token };
    const config = originWith({ socket: { listen: `127.0.0.1:${port}` }, http });
    expect(await checkFeedListeners(config)).toEqual([
      {
        what: 'feed: listener origin.feed.socket.listen',
        outcome: 'warning',
        detail: `another process listens on 127.0.0.1:${port}; that is right if it is a worker of this origin`,
      },
      {
        what: 'feed: listener origin.feed.http.listen',
        outcome: 'fail',
        detail: expect.stringMatching(
          /^cannot listen on 192\.0\.2\.1:18211 \(EADDRNOTAVAIL\); run/,
        ) as string,
      },
    ]);
    await new Promise((resolve) => taken.close(resolve));
    expect((await checkFeedListeners(config))[0]).toEqual({
      what: 'feed: listener origin.feed.socket.listen',
      outcome: 'pass',
      detail: `127.0.0.1:${port} is free on this machine`,
    });
  } finally {
    taken.close();
  }
});

test('checkFeedListeners checks nothing without a feed', async () => {
  expect(await checkFeedListeners(originWith({}))).toEqual([]);
});

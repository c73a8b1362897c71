import { fingerprint } from '../../src/config/fingerprint';
import { listenAddress } from '../../src/config/listen';
import { loadConfig } from '../../src/config/load';
import { configFile, removeConfigFiles, section } from './fixtures';

afterAll(removeConfigFiles);

const TOKEN = 'sixteen-letters-';

function origin(feed: object, env: NodeJS.ProcessEnv = {}) {
  const file = configFile({ origin: section({ feed }) });
  return loadConfig('origin', { file, env }).config;
}

describe('origin.feed', () => {
  it.each([{}, { events: false }, { socket: {}, http: {} }])('is off with %j', (feed) => {
    expect(origin(feed).origin).not.toHaveProperty('feed');
  });

  it('takes each listener', () => {
    const http = { listen: '[::1]:8211', token: TOKEN, certFile: 'c', keyFile: 'k' };
    const given = { socket: { listen: '127.0.0.1:8210' }, http, events: true, fullScanEvery: '1h' };
    expect(origin(given).origin.feed).toEqual({
      socket: { listen: { host: '127.0.0.1', port: 8210 } },
      http: { ...http, listen: { host: '::1', port: 8211 } },
      events: true,
      fullScanEveryMs: 3_600_000,
    });
  });

  it('is taken from the environment, with a full scan each 15 minutes', () => {
    expect(origin({}, { VSYNC_ORIGIN_FEED_SOCKET_LISTEN: 'localhost:1' }).origin.feed).toEqual({
      socket: { listen: { host: 'localhost', port: 1 } },
      events: false,
      fullScanEveryMs: 900_000,
    });
  });

  it.each([
    [{ fullScanEvery: '20m' }, 'origin.feed.fullScanEvery', 'give socket.listen, http.listen or events'],
    [{ events: true, fullScanEvery: '12h' }, 'origin.feed.fullScanEvery', 'at most 11h'],
    [{ events: true, fullScanEvery: '59s' }, 'origin.feed.fullScanEvery', 'at least 1m'],
    [{ http: { listen: 'a:1' } }, 'origin.feed.http.token', 'is missing'],
    [{ http: { token: TOKEN } }, 'origin.feed.http.listen', 'is missing'],
    [{ http: { listen: 'a:1', token: 'short' } }, 'origin.feed.http.token', 'at least 16 characters'],
    [{ http: { listen: 'a:1', token: TOKEN, certFile: 'c' } }, 'origin.feed.http.keyFile', 'is missing'],
    [{ socket: { listen: '8210' } }, 'origin.feed.socket.listen', 'must be host:port'],
  ])('refuses %j', (feed, key, message) => {
    expect(() => origin(feed)).toThrow(key);
    expect(() => origin(feed)).toThrow(message);
  });

  it('is ignored in the file of a destination if it is wrong, with a warning', () => {
    const feed = { socket: { listen: 'wrong' }, http: { listen: 'a:1', token: TOKEN } };
    const file = configFile({ origin: section({ feed }), destination: section() });
    const { config, warnings } = loadConfig('destination', { file, env: {} });
    expect(config.origin).not.toHaveProperty('feed');
    expect(warnings).toEqual([
      expect.stringMatching(/^origin\.feed\.socket\.listen must be host:port .*; origin\.feed is ignored/),
    ]);
  });

  it('changes the fingerprint of an origin, whatever its addresses', () => {
    const of = (feed: object) => fingerprint(origin(feed), { origin: 'a' });
    const socket = of({ socket: { listen: 'a:1' } });
    expect(socket).not.toBe(of({}));
    expect(socket).toBe(of({ events: true, fullScanEvery: '1h' }));
  });
});

describe('listenAddress', () => {
  it.each(['127.0.0.1:8210', '[::1]:1', 'vsync.example.com:65535', '0.0.0.0:8210'])('takes %s', (address) => {
    expect(listenAddress(address)).toEqual({ value: address });
  });

  it.each(['', ':8210', 'a', 'a:0', 'a:65536', '::1:8210', 'http://a:1', 'a b:1', 'a:1/'])(
    'refuses %j',
    (address) => {
      expect(listenAddress(address)).toHaveProperty('problem');
    },
  );
});

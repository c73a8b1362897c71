import { loadConfig } from '../../src/config/load';
import { configFile, problemsOf, removeConfigFiles, section } from './fixtures';

afterAll(removeConfigFiles);

const TLS = { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem', serverName: 'v.example' };

function load(server: 'vault' | 'consul', keys: object) {
  const origin = section();
  Object.assign(origin[server] as object, keys);
  return loadConfig('origin', { file: configFile({ origin }), env: {} }).config;
}

describe.each(['vault', 'consul'] as const)('loadConfig, for origin.%s,', (server) => {
  test('reads the TLS keys', () => {
    expect(load(server, TLS).origin[server]).toMatchObject(TLS);
    expect(load(server, {}).origin[server]).not.toHaveProperty('caFile');
  });

  test.each([
    ['certFile', 'keyFile'],
    ['keyFile', 'certFile'],
  ])('refuses %s without %s', (given, missing) => {
    expect(problemsOf(() => load(server, { [given]: 'file.pem' }))).toEqual([
      `origin.${server}.${missing}: is missing; give both certFile and keyFile`,
    ]);
  });
});

import { describeForeign, foreignVariables } from '../../src/migrate/foreign-environment';
import { allKeys } from '../../src/config/keys';
import { SECRET } from '../config/fixtures';

/** What the libraries of the original, of its own time and of today, read. */
const OBEYED = [
  ...['ADDR', 'AGENT_ADDR', 'PROXY_ADDR', 'TOKEN', 'NAMESPACE', 'CACERT', 'CACERT_BYTES', 'CAPATH'],
  ...['CLIENT_CERT', 'CLIENT_KEY', 'TLS_SERVER_NAME', 'SKIP_VERIFY', 'CLIENT_TIMEOUT', 'MAX_RETRIES'],
  ...['RATE_LIMIT', 'WRAP_TTL', 'MFA', 'HEADERS', 'SRV_LOOKUP', 'DISABLE_REDIRECTS', 'HTTP_PROXY'],
]
  .map((name) => `VAULT_${name}`)
  .concat(
    ['HTTP_ADDR', 'HTTP_TOKEN', 'HTTP_TOKEN_FILE', 'HTTP_AUTH', 'HTTP_SSL', 'HTTP_SSL_VERIFY', 'CACERT']
      .concat(['CAPATH', 'CLIENT_CERT', 'CLIENT_KEY', 'TLS_SERVER_NAME', 'NAMESPACE', 'PARTITION'])
      .map((name) => `CONSUL_${name}`),
  )
  .concat(['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']);

describe('foreignVariables', () => {
  it('returns each variable that is set, with its replacement, and without its value', () => {
    const env = Object.fromEntries(OBEYED.map((name) => [name, `${SECRET}-${name}`]));
    const found = foreignVariables({ ...env, VSYNC_NAME: 'x', TEMPORAL_ADDRESS: 't:1', PATH: '/bin' });
    expect(found.map(({ name }) => name)).toEqual(OBEYED);
    expect(JSON.stringify(found)).not.toContain('CAES');
    expect(found.filter(({ advice }) => advice === '')).toEqual([]);
  });

  it('ignores variables that are not set, or empty', () => {
    expect(foreignVariables({ VAULT_ADDR: '', CONSUL_HTTP_ADDR: undefined, NO_PROXY: 'x' })).toEqual([]);
  });

  it.each([
    ['VAULT_ADDR', 'write origin.vault.address and destination.vault.address'],
    ['VAULT_NAMESPACE', 'write origin.vault.namespace and destination.vault.namespace'],
    ['VAULT_CACERT', 'write origin.vault.caFile and destination.vault.caFile'],
    [
      'VAULT_SKIP_VERIFY',
      'certificates are always checked; for an authority of your own write origin.vault.caFile and destination.vault.caFile',
    ],
    ['CONSUL_HTTP_SSL', 'begin origin.consul.address and destination.consul.address with https://'],
    ['VAULT_RATE_LIMIT', 'write requestsPerSecond'],
  ])('gives advice for %s: %s', (name, advice) => {
    expect(foreignVariables({ [name]: SECRET })).toEqual([{ name, advice }]);
    expect(describeForeign({ name, advice })).toBe(`environment ${name} is not read: ${advice}`);
  });

  it('names only existing keys', () => {
    const known = new Set(allKeys().map(({ path }) => path));
    const named = foreignVariables(Object.fromEntries(OBEYED.map((name) => [name, 'x']))).flatMap(
      ({ advice }) => [...advice.matchAll(/\b(?:origin|destination)\.[\w.]*\w/g)].map(([key]) => key),
    );
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((key) => !known.has(key))).toEqual([]);
  });
});

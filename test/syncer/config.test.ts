import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConfigError } from '../../src/config/errors';
import { loadSyncerConfig, SYNCER_KEYS, type SyncerConfig } from '../../src/syncer/config';
import { startWarnings } from '../../src/syncer/warnings';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-syncer-config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function load(yaml: string): SyncerConfig {
  const file = path.join(folder, 'config.yaml');
  writeFileSync(file, yaml);
  return loadSyncerConfig(file);
}

function problemsOf(yaml: string): string[] {
  try {
    load(yaml);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key = '', message }) => `${key}: ${message}`);
  }
  return [];
}

/** As in the original's slides. */
const ORIGINAL = `
namespace: "apigw"
deployment: "ng-plus-apigw"
host: "api.example.com"
domain: "example.com"
path: "/check"
port: "8080"
sync_timeout: 200
connection_timeout: 200
retries: 5
request_deadline: 1000
`;

const STATIC = 'host: api.example.com\npath: /check\n';

describe('loadSyncerConfig', () => {
  it("reads the original's file as it is", () => {
    expect(load(ORIGINAL)).toMatchObject({
      source: { kind: 'kubernetes', namespace: 'apigw', deployment: 'ng-plus-apigw' },
      host: 'api.example.com',
      domain: 'example.com',
      path: '/check',
      port: 8080,
      syncTimeoutMs: 200,
      connectionTimeoutMs: 200,
      retries: 5,
      requestDeadlineMs: 1000,
    });
  });

  it("has the original's defaults", () => {
    const config = load('namespace: a\ndeployment: b\nhost: c\ndomain: d\npath: /e\n');
    expect(config).toMatchObject({
      port: 8443,
      syncTimeoutMs: 150,
      connectionTimeoutMs: 200,
      retries: 5,
      requestDeadlineMs: 1000,
      maxKeepalives: 512,
      hostKeepalives: 64,
      listen: { port: 8080 },
      probe: { mode: 'cookie', scheme: 'https', method: 'GET', cookie: 'auth_token', tls: { verify: false } },
    });
  });

  it('takes numbers as text, and durations', () => {
    const config = load(`${ORIGINAL}zone_sync_interval: 200ms\nmaxListAge: "45000"\nmax_keepalives: "7"\n`);
    expect(config).toMatchObject({ zoneSyncIntervalMs: 200, maxListAgeMs: 45_000, maxKeepalives: 7 });
  });

  it.each([
    ['10.0.0.1', { name: '10.0.0.1', address: '10.0.0.1' }],
    ['10.0.0.1:8443', { name: '10.0.0.1:8443', address: '10.0.0.1', port: 8443 }],
    ['pod-1=10.0.0.1', { name: 'pod-1', address: '10.0.0.1' }],
    ['"pod-1=[fd00::1]:8443"', { name: 'pod-1', address: 'fd00::1', port: 8443 }],
    ['"::1"', { name: '::1', address: '::1' }],
    ['"[::1]"', { name: '::1', address: '::1' }],
    ['nginx-0.nginx', { name: 'nginx-0.nginx', address: 'nginx-0.nginx' }],
    ['{ name: a, address: 10.0.0.1, port: 81 }', { name: 'a', address: '10.0.0.1', port: 81 }],
    ['{ address: 10.0.0.1 }', { name: '10.0.0.1', address: '10.0.0.1' }],
  ])('reads the instance %s', (text, instance) => {
    expect(load(`${STATIC}instances:\n  - ${text}\n`).source).toEqual({
      kind: 'static',
      instances: [instance],
    });
  });

  it.each([
    [':9000', { port: 9000 }],
    ['9000', { port: 9000 }],
    ['127.0.0.1:9000', { host: '127.0.0.1', port: 9000 }],
    ['"[::1]:9000"', { host: '::1', port: 9000 }],
  ])('listens on %s', (text, listen) => {
    expect(load(`${ORIGINAL}listen: ${text}\n`).listen).toEqual(listen);
  });

  it('prefers a fixed list to the Deployment of an original file', () => {
    expect(load(`${ORIGINAL}instances: [10.0.0.1]\n`).source.kind).toBe('static');
    expect(load(`${ORIGINAL}dns: { name: nginx.apigw.svc.cluster.local }\n`).source).toEqual({
      kind: 'dns',
      name: 'nginx.apigw.svc.cluster.local',
      everyMs: 10_000,
    });
  });

  it('needs neither host nor path in mode keyval', () => {
    const config = load('instances: [10.0.0.1]\nprobe: { mode: keyval, zone: tokens }\n');
    expect(config.probe).toMatchObject({ mode: 'keyval', zone: 'tokens', apiVersion: 9, apiPath: '/api' });
  });

  it('reports all problems at once', () => {
    expect(problemsOf('retries: 0\nport: 70000\nprobe: { mode: cooky }\n')).toEqual([
      'port: must be a whole number from 1 to 65535',
      'retries: must be a whole number from 1 to 1000',
      'probe.mode: must be cookie, header or keyval',
    ]);
    expect(problemsOf('retries: 5\n')).toEqual([
      'namespace: is missing; give namespace and deployment, or instances, or dns',
      'deployment: is missing; give namespace and deployment, or instances, or dns',
      'host: is missing; give the host name for the Host header',
      'path: is missing; give the path of the protected location',
    ]);
  });

  it.each([
    ['sync_timout: 1', 'sync_timout: is not a key of Syncer; did you mean "sync_timeout"?'],
    ['syncTimeout: 1', 'syncTimeout: is not a key of Syncer; did you mean "sync_timeout"?'],
    ['zone: a', 'zone: is not a key of Syncer; did you mean "probe.zone"?'],
    [
      'probe: { tls: { verfy: true } }',
      'probe.tls.verfy: is not a key of Syncer; did you mean "probe.tls.verify"?',
    ],
    ['color: red', 'color: is not a key of Syncer; remove it'],
    ['retries: many', 'retries: must be a whole number from 1 to 1000'],
    ['retries: 1.5', 'retries: must be a whole number from 1 to 1000'],
    ['sync_timeout: -5', 'sync_timeout: must be a whole number'],
    ['sync_timeout: 0', 'sync_timeout: must be at least 1 ms'],
    ['sync_timeout: 5x', 'sync_timeout: is not a duration; write a duration such as 500ms, 10s, 1m30s or 2h'],
    ['sync_timeout: 3600001', 'sync_timeout: must be at most 1h'],
    ['request_deadline: 600h', 'request_deadline: must be at most 1h'],
    ['path: check', 'path: must begin with "/", and have no spaces'],
    ['path: "/check/{token}"', 'path: must not have {}: a token in a path would be in access logs'],
    ['listen: here', 'listen: must be host:port, such as :8080, 127.0.0.1:8080 or [::1]:8080'],
    ['instances: []', 'instances: must name an instance'],
    [
      'instances: ["http://a"]',
      'instances[0]: must be an address, such as 10.0.0.1, 10.0.0.1:8443, [::1]:8443 or pod-1=10.0.0.1',
    ],
    ...['10.0.0.256', 'pod-1=10.1', '0x7f.1:8443', '10.0.0.1.', '[fe80::1%eth0]:8443'].map((place) => [
      `instances: ["${place}"]`,
      'instances[0]: must be a whole IP address, such as 10.0.0.1, or a host name: this one is read as another address, or as none',
    ]),
    ...[
      '["10.0.0.1:1", "a=10.0.0.1:1"]',
      '[10.0.0.1, "10.0.0.1:8080"]',
      '["[::1]", "a=[0:0::1]"]',
      '[a, b=A]',
    ].map((list) => [
      `instances: ${list}`,
      'instances[1]: has the address and port of another one, and would count twice; keep one of them',
    ]),
    [
      'instances: [a=10.0.0.1, A=10.0.0.2]',
      'instances[1]: has the name of another one (case does not count)',
    ],
    ['instances: [a]\ndns: { name: b }', 'dns: excludes "instances"; keep one of them'],
    [
      'probe: { mode: keyval }',
      'probe.zone: is missing; give the name of the key-value zone, for mode keyval',
    ],
    [
      'probe: { mode: header }',
      'probe.headers: must have a header with {token}, such as Authorization: "Bearer {token}"',
    ],
    [
      'probe: { headers: { X-A: "{tokn}" } }',
      'probe.headers.X-A: has an unknown word in {}; there are {token}, {domain} and {host}',
    ],
    ['probe: { headers: { "X A": a } }', 'probe.headers.X…: is not the name of a header'],
    [
      'probe: { headers: { Host: a } }',
      'probe.headers.Host: is set by Syncer itself; "host" and "probe.cookie" have keys',
    ],
    ['probe: { tls: { certFile: a } }', 'probe.tls.keyFile: is missing; give both certFile and keyFile'],
    [
      'probe: { tls: { caFile: a } }',
      'probe.tls.caFile: has no effect while certificates are not verified; set probe.tls.verify to true, or remove it',
    ],
    ['probe: { cookie: "a b" }', 'probe.cookie: is not the name of a cookie'],
  ])('refuses %s', (yaml, problem) => {
    const [key = ''] = yaml.split(':');
    const rest = ORIGINAL.split('\n').filter((line) => !line.startsWith(`${key}:`));
    expect(problemsOf(`${rest.join('\n')}\n${yaml}\n`)).toEqual([problem]);
  });

  it('quotes no value in a problem', () => {
    const canary = 'cAnArY0123456789';
    const problems = problemsOf(
      `${canary} : 1\nretries: ${canary}\npath: ${canary}\nlisten: "${canary}"\ninstances: ["${canary}//"]\n` +
        `probe: { headers: { "a ${canary}": "{${canary}}" }, mode: ${canary} }\n`,
    );
    expect(problems.length).toBeGreaterThan(4);
    // A name that could be a key is quoted, because it is more often a typo than a secret.
    expect(problems.slice(0, -1).join('\n')).not.toContain(`{${canary}}`);
    expect(problems.filter((problem) => problem.includes(canary))).toEqual([
      `${canary}: is not a key of Syncer; remove it`,
    ]);
  });

  it('reads the file that VSYNC_SYNCER_CONFIG names', () => {
    const file = path.join(folder, 'named.json');
    writeFileSync(file, JSON.stringify({ instances: ['a'], host: 'b', path: '/c' }));
    expect(loadSyncerConfig(undefined, { VSYNC_SYNCER_CONFIG: file }).host).toBe('b');
    expect(() => loadSyncerConfig(undefined, {})).toThrow('give -c FILE, or set VSYNC_SYNCER_CONFIG');
  });
});

describe('docs/syncer.md', () => {
  it('has a row for each key, in the order of the schema, and no other', () => {
    const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'syncer.md'), 'utf8');
    const [, section = ''] = page.split('## Keys\n');
    const [table = ''] = section.split('## Metrics');
    const rows = [...table.matchAll(/^\| `([\w.]+)`/gm)].map(([, key]) => key);
    expect(rows).toEqual(SYNCER_KEYS);
  });
});

describe('startWarnings', () => {
  it("warns of the original's defaults: TLS, and times below two intervals of zone_sync", () => {
    expect(startWarnings(load(ORIGINAL.replace('sync_timeout: 200', '')))).toEqual([
      expect.stringContaining('set probe.tls.verify and probe.tls.caFile'),
      expect.stringContaining('given up after 600ms ((retries − 1) × sync_timeout)'),
      expect.stringContaining('request_deadline is 1s'),
    ]);
  });

  it('proposes numbers that end the warnings', () => {
    const text = startWarnings(load(ORIGINAL)).join('\n');
    expect(text).toContain('Set retries to 11, or zone_sync_interval in NGINX and here to at most 400ms');
    const better = ORIGINAL.replace('retries: 5', 'retries: 11').replace('1000', '2000');
    expect(startWarnings(load(`${better}probe: { tls: { verify: true } }\n`))).toEqual([]);
    expect(
      startWarnings(load(`${ORIGINAL}zone_sync_interval: 400\nprobe: { tls: { verify: true } }\n`)),
    ).toEqual([]);
  });

  it('proposes no interval if each instance is asked once', () => {
    const text = startWarnings(load(ORIGINAL.replace('retries: 5', 'retries: 1'))).join('\n');
    expect(text).toContain('a token is given up after the first try (retries is 1)');
    expect(text).toContain('Set retries to 11\n');
  });

  it('has nothing against the times of the chart, and those of the documentation', () => {
    const root = path.join(__dirname, '..', '..');
    const chart = readFileSync(path.join(root, 'deploy/helm/syncer/values.yaml'), 'utf8');
    const times = [...chart.matchAll(/^(?:sync_timeout|retries|request_deadline): .*$/gm)].map(
      ([line]) => line,
    );
    expect(times).toHaveLength(3);
    const page = readFileSync(path.join(root, 'docs/syncer.md'), 'utf8');
    const [, example = ''] = /```yaml\n(host: [^`]*)```/.exec(page) ?? [];
    const tls = 'probe: { tls: { verify: true } }\n';
    expect(startWarnings(load(`${STATIC}instances: [a]\n${times.join('\n')}\n${tls}`))).toEqual([]);
    expect(startWarnings(load(`${example}${tls}`))).toEqual([]);
  });

  it('warns of tokens without TLS', () => {
    expect(startWarnings(load(`${ORIGINAL}probe: { scheme: http }\n`))[0]).toContain('without TLS');
  });
});

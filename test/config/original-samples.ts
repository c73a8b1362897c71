/*
 * The shapes of the configuration files that the original vsync 0.3.0 ships as samples, with made-up tokens. A
 * user's files look like them: they must stay valid.
 */

const log = { level: 'debug', type: 'console' };
const mounts = ['secret/'];
const syncPath = 'vsync/';
const times = { tick: '10s', timeout: '10s' };

/** Of the Vault sections: what the samples log in with. */
const TOKEN = { address: 'http://127.0.0.1:6200', token: 's.MadeUpOriginToken' };
const APPROLE = { role_id: '00000000-made-up-role', secret_id: 's.MadeUpSecretId' };

const transforms = [
  {
    name: 'v1->v2',
    from: '(?P<mount>secret)/(?P<meta>((meta)?data))?/(?P<platform>multipaas)/(?P<env>(dev|test|stage|prod))?/?(?P<app>\\w+)?/?',
    to: 'multipaas/meta/env/app/secrets',
  },
];

function origin(vault: object, overrides: object = {}): object {
  const consul = { dc: 'dc1', address: 'http://127.0.0.1:6500' };
  return { vault, consul, mounts, syncPath, numWorkers: 5, ...times, ...overrides };
}

function destination(vault: object, port: number, overrides: object = {}): object {
  const consul = { dc: 'dc2', address: `http://127.0.0.1:${port}` };
  return { vault, consul, mounts, syncPath, numWorkers: 10, ...times, ...overrides };
}

const DESTINATION_TOKEN = { address: 'http://127.0.0.1:7200', token: 's.MadeUpDestinationToken' };

/** By the name of the sample. The one of an origin has a token and an AppRole. */
export const ORIGINAL_SAMPLES = {
  'origin.json': {
    name: 'origin',
    log,
    numBuckets: 19,
    origin: origin({ ...TOKEN, approle: APPROLE }),
  },
  'dest.v2.json': {
    name: 'dest_v2',
    log,
    numBuckets: 19,
    origin: origin(TOKEN, { renewToken: false }),
    destination: destination(DESTINATION_TOKEN, 7500, { transforms }),
  },
  'dest.v3.json': {
    name: 'dest_v3',
    log,
    numBuckets: 19,
    origin: origin({ address: TOKEN.address, approle: APPROLE }, { renewToken: true }),
    destination: destination({ address: DESTINATION_TOKEN.address, approle: APPROLE }, 7500),
  },
  // One Vault and one Consul for both sides.
  'dest_loop.v2.json': {
    name: 'dest_loop_v2',
    log,
    numBuckets: 19,
    origin: origin(TOKEN, { renewToken: false }),
    destination: destination(TOKEN, 6500, { transforms }),
  },
} as const;

/** The oldest sample still has a key that 0.3.0 itself refuses. */
export const REFUSED_SAMPLE = {
  name: 'dest_v1',
  log,
  numBuckets: 19,
  origin: {
    dc: 'dc1',
    ...origin(TOKEN, { consul: { address: 'http://127.0.0.1:6500' }, renewToken: false }),
  },
  destination: destination(DESTINATION_TOKEN, 6500),
};

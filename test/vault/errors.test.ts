import { classify, VaultError, type VaultErrorKind } from '../../src/vault/errors';

type Row = [reason: string, status: number, errors: string[] | undefined, kind: VaultErrorKind];

const CAS = 'check-and-set parameter did not match the current version';

test.each<Row>([
  ['nothing is stored there: Vault says so without a text', 404, [], 'absent'],
  ["a 404 that is not Vault's is not evidence of absence", 404, undefined, 'malformed'],
  ['no engine at that path', 404, ["no handler for route 'x/data/a'. route entry not found."], 'no-mount'],
  ['an engine of another kind', 404, ['1 error occurred: * unsupported path'], 'no-mount'],
  ['a 404 with any other text is not "nothing is stored there"', 404, ['lease not found'], 'rejected'],
  ['a dead token, or a policy', 403, ['permission denied'], 'forbidden'],
  ["a firewall's page, which is not Vault's answer", 403, undefined, 'malformed'],
  ['a gateway with a login of its own', 401, undefined, 'malformed'],
  ['a gateway that does not know the method', 501, undefined, 'malformed'],
  ['a gateway that refuses a request in its own form', 400, undefined, 'malformed'],
  ['a quota', 429, ['rate limit quota exceeded'], 'throttled'],
  ['a quota without a text', 429, undefined, 'throttled'],
  ['the index has not reached this node yet', 412, ['required index state not present'], 'unavailable'],
  ['the body is over the limit of the listener', 413, undefined, 'too-large'],
  ['raft refuses an entry', 500, ['put failed due to value being too large; got 1049000'], 'too-large'],
  ['Consul as storage refuses an entry', 500, ['Value exceeds 524288 byte limit'], 'too-large'],
  ['the listener refuses a long text', 500, ['JSON string value exceeds allowed length'], 'too-large'],
  ['the listener refuses a deep value', 500, ['JSON input exceeds allowed nesting depth'], 'too-large'],
  ['the listener refuses many entries', 500, ['JSON object exceeds allowed entry count'], 'too-large'],
  [
    'OpenBao refuses many texts',
    400,
    ['refused JSON input due to high complexity: exceeded maximum number of strings'],
    'too-large',
  ],
  [
    'a request that took too long is not too large',
    500,
    ['context deadline exceeded, count 3'],
    'unavailable',
  ],
  ['sealed', 503, ['Vault is sealed'], 'sealed'],
  ['a proxy without a Vault behind it', 503, undefined, 'unavailable'],
  ['no leader', 500, ['local node not active but active cluster node not found'], 'unavailable'],
  ['storage trouble', 500, ['1 error occurred: * internal error'], 'unavailable'],
  ['a gateway that waited in vain', 504, undefined, 'unavailable'],
  ['another version is there', 400, [CAS], 'conflict'],
  ['OpenBao: the metadata were written since', 400, [`metadata ${CAS.replace('did', 'does')}`], 'conflict'],
  ['OpenBao: the metadata are gone', 400, ['metadata_cas must be 0 when creating new metadata'], 'conflict'],
  [
    'OpenBao: the version of the metadata is missing',
    400,
    ['metadata check-and-set parameter required for this call'],
    'rejected',
  ],
  [
    'a mount that upgrades itself is not missing',
    400,
    ['Upgrading from non-versioned to versioned data. …'],
    'unavailable',
  ],
  ['a mount that waits for its primary', 400, ['Waiting for the primary to upgrade from …'], 'unavailable'],
  ['a mistake of vsync', 400, ['invalid version'], 'rejected'],
  ['a method that is not allowed', 405, [], 'rejected'],
  ['a redirect is never followed: the token would go along', 302, undefined, 'malformed'],
  ['a standby that cannot reach the active node', 307, undefined, 'unavailable'],
])('classify: %s: %i %j is %4$s', (_reason, status, errors, kind) => {
  expect(classify(status, errors)).toBe(kind);
});

test('VaultError is transient only for kinds that may pass by themselves', () => {
  const kinds: VaultErrorKind[] = [
    'absent',
    'no-mount',
    'forbidden',
    'conflict',
    'throttled',
    'sealed',
    'unavailable',
    'too-large',
    'malformed',
    'rejected',
    'cancelled',
  ];
  const transient = kinds.filter((kind) => new VaultError(kind, 'http://v', 'kv/data/a', 'x').transient);
  expect(transient).toEqual(['throttled', 'sealed', 'unavailable']);
});

test('VaultError names the Vault and the path in its message', () => {
  const error = new VaultError('absent', 'http://v:8200', 'kv/data/a', 'nothing is stored there (404)');
  expect(error.message).toBe('Vault http://v:8200: kv/data/a: nothing is stored there (404)');
});

import { consulKind, consulWrites, countKinds, vaultKind } from '../../../dev/shared/request-kinds';

const seen = (request: string, body?: unknown) => {
  const [method = '', url = ''] = request.split(' ');
  return { method, url, body: body === undefined ? '' : JSON.stringify(body) };
};

const operation = (Verb: string, Key: string) => ({ KV: { Verb, Key, Value: '' } });

describe('vaultKind', () => {
  it.each([
    ['GET /v1/sys/internal/ui/mounts/apps', 'mount'],
    ['POST /v1/sys/capabilities-self', 'capabilities'],
    ['GET /v1/sys/health', 'server'],
    ['GET /v1/auth/token/lookup-self', 'token'],
    ['LIST /v1/apps/metadata/team', 'list'],
    ['GET /v1/apps/metadata/team/data', 'read metadata'],
    ['GET /v1/apps/data/team/metadata?version=3', 'read value'],
    ['POST /v1/apps/data/a', 'write value'],
    ['POST /v1/apps/metadata/a', 'write metadata'],
    ['DELETE /v1/apps/data/a', 'delete'],
  ])('of %s is %s', (request, kind) => {
    expect(vaultKind(seen(request))).toBe(kind);
  });
});

describe('consulKind', () => {
  it.each([
    ['GET /v1/kv/bench/origin/index?consistent', 'read index'],
    ['GET /v1/kv/bench%2Forigin%2F12?consistent=true', 'read bucket'],
    ['GET /v1/kv/bench/destination/state', 'read state'],
    ['GET /v1/kv/bench/origin/staging/abc/0', 'read staged value'],
    ['GET /v1/kv/bench/origin/index?index=7&wait=60s', 'watch'],
    ['GET /v1/kv/bench/?keys=true', 'keys'],
    ['PUT /v1/kv/bench/origin/0?cas=1', 'write'],
    ['DELETE /v1/kv/bench/origin/0', 'delete'],
    ['GET /v1/agent/self', 'agent'],
  ])('of %s is %s', (request, kind) => {
    expect(consulKind(seen(request))).toBe(kind);
  });

  it('distinguishes transactions that write from those that only read', () => {
    expect(consulKind(seen('PUT /v1/txn', [operation('get', 'a'), operation('cas', 'b')]))).toBe(
      'transaction',
    );
    expect(consulKind(seen('PUT /v1/txn', [operation('get', 'a')]))).toBe('read transaction');
  });
});

test('countKinds counts the requests of each kind, in alphabetical order', () => {
  const requests = ['LIST /v1/a/metadata/', 'GET /v1/a/data/x', 'LIST /v1/a/metadata/b'].map((url) =>
    seen(url),
  );
  expect(Object.entries(countKinds(requests, vaultKind))).toEqual([
    ['list', 2],
    ['read value', 1],
  ]);
});

describe('consulWrites', () => {
  it('counts transactions that change the sync info, their keys, and staged values', () => {
    const writes = consulWrites([
      seen('GET /v1/kv/p/origin/index'),
      seen('PUT /v1/txn', [operation('cas', 'p/origin/staging/abc/0')]),
      seen('PUT /v1/txn', [operation('cas', 'p/origin/staging/abc/1')]),
      seen('PUT /v1/txn', [operation('cas', 'p/origin/staging/abc')]),
      seen('PUT /v1/txn', [operation('check-index', 'p/origin/7'), operation('get', 'p/origin/8')]),
      seen('PUT /v1/txn', [operation('cas', 'p/origin/3'), operation('cas', 'p/origin/index')]),
    ]);
    expect(writes).toEqual({ transactions: 1, keys: ['p/origin/3', 'p/origin/index'], staged: 1 });
  });

  it('counts each single write and delete as a transaction', () => {
    const writes = consulWrites([seen('PUT /v1/kv/p%2Forigin%2F0?cas=4'), seen('DELETE /v1/kv/p/origin/1')]);
    expect(writes).toEqual({ transactions: 2, keys: ['p/origin/0', 'p/origin/1'], staged: 0 });
  });

  it('counts nothing if nothing was written', () => {
    expect(consulWrites([seen('GET /v1/kv/p/origin/index')])).toEqual({
      transactions: 0,
      keys: [],
      staged: 0,
    });
  });
});

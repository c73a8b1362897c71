import { explainFailure, KubernetesError } from '../../../src/syncer/instances/kubernetes/errors';

const ASKED = { verb: 'watch', resource: 'replicasets', namespace: 'gateway' } as const;
const TOKEN = 'Bearer canary-token';

/** As the client library reports it: a list has the status as `code`, a watch as `statusCode`. */
function failure(parts: object): Error {
  return Object.assign(new Error(TOKEN), parts);
}

describe('explainFailure', () => {
  test.each<[string, object, RegExp]>([
    [
      'a verb that the Role lacks',
      { statusCode: 403 },
      /does not permit "watch" on replicasets in namespace gateway/,
    ],
    ['a token that is not accepted', { code: 401 }, /does not accept the token \(401\)/],
    ['an address of another server', { code: 404 }, /is this the address of a Kubernetes API/],
    ['a version that is gone', { statusCode: 410 }, /no longer has the version .* \(410\)/],
    ['an API in trouble', { statusCode: 500 }, /answers 500 to watch replicasets/],
    ['a refused connection', { code: 'ECONNREFUSED' }, /connection refused/],
    ['an unknown host', { code: 'ENOTFOUND' }, /host name cannot be resolved/],
    [
      'a foreign certificate',
      { code: 'SELF_SIGNED_CERT_IN_CHAIN' },
      /correct certificate-authority in the kubeconfig/,
    ],
    ['a timeout of the library', { type: 'request-timeout' }, /no answer in time to watch replicasets/],
    ['an aborted request', { name: 'AbortError' }, /no answer in time/],
    ['a connection that breaks off', { code: 'ERR_STREAM_PREMATURE_CLOSE' }, /connection ended \(ERR_STREAM/],
    ['an error without a code', {}, /connection ended \(unknown reason\)/],
  ])('explains %s, without the text of the error', (_, parts, expected) => {
    const text = explainFailure(failure(parts), ASKED);
    expect(text).toMatch(expected);
    expect(text).not.toContain('canary');
  });

  test('keeps the text of an error that is written for users', () => {
    expect(explainFailure(new KubernetesError('cannot read the file'), ASKED)).toBe('cannot read the file');
  });
});

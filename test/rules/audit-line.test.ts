import { feedScope, readAuditLine, type LineResult } from '../../src/rules/audit-line';
import { allLines, PLANTED_NUMBERS, RECORDED, type RecordedRequest } from './audit-lines/recorded';

const SCOPE = feedScope('', ['secret/'], true);
const read = (line: string | object, scope = SCOPE): LineResult =>
  readAuditLine(Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)), scope);

/** The results of both lines of a request, without the id. */
function resultsOf({ lines }: RecordedRequest, scope = SCOPE): string[] {
  return lines.map((line) => {
    const result = read(line, scope);
    if (!('rel' in result)) return result.is;
    return `${result.is} ${result.kind} ${result.mount} ${result.rel}`;
  });
}

const change = (kind: string, rel: string): string[] => [
  `asked ${kind} secret/ ${rel}`,
  `hint ${kind} secret/ ${rel}`,
];
const nothing = ['nothing', 'nothing'];
/** By `what` of a recorded request: its request line and its response line. */
const MEANINGS: Readonly<Record<string, string[]>> = {
  'first write': change('value', 'team/app'),
  'second write': change('value', 'team/app'),
  'second write, device with a prefix': change('value', 'team/app'),
  'patch of the value': change('value', 'team/app'),
  // Without an error: only the answer's data has the status. The metadata then show that nothing is there.
  'patch of a missing secret': change('value', 'team/none'),
  'write with a wrong check-and-set': ['asked value secret/ team/app', 'failed'],
  'read of the value': nothing,
  'read of the metadata': nothing,
  list: nothing,
  'detailed list': nothing,
  scan: nothing,
  'soft delete of the latest version': change('removed', 'team/app'),
  'read of a deleted value': nothing,
  undelete: change('value', 'team/app'),
  'delete of versions': change('removed', 'team/app'),
  destroy: change('removed', 'team/app'),
  'metadata write': change('settings', 'team/app'),
  'metadata patch': change('settings', 'team/app'),
  'metadata write of a new secret': change('settings', 'team/only-metadata'),
  'first data write to a metadata-only secret': change('value', 'team/only-metadata'),
  'metadata delete': change('removed', 'team/only-metadata'),
  'odd name': change('value', 'ä "b" \\c/50%'),
  'config of the mount': nothing,
  'mount question': ['nothing', 'own-proof'],
  'new mount': nothing,
  'tuned mount': nothing,
  'moved mount': ['nothing', 'mounts'],
  'removed mount': nothing,
  // Its request line has the error too.
  'forbidden write': ['failed', 'failed'],
  snapshot: nothing,
  // This server has another storage.
  'restored snapshot': ['restored', 'nothing'],
  'new namespace': ['nothing', 'mounts'],
  'new inner namespace': ['nothing', 'mounts'],
  'removed namespace': ['nothing', 'mounts'],
  'new mount in a namespace': nothing,
  'mount in inner namespace': nothing,
  'write in a namespace by header': nothing,
  'write in a namespace by path': nothing,
  'write in an inner namespace': nothing,
  'mount question in a namespace by header': nothing,
  'mount question in a namespace by path': nothing,
  'mount question with the namespace in the mount': nothing,
};

describe.each(Object.entries(RECORDED))('readAuditLine with lines of %s', (_server, requests) => {
  test.each(requests.map((request) => [request.what, request] as const))(
    'reads what both lines mean: %s',
    (what, request) => {
      expect(request.lines).toHaveLength(2);
      expect(resultsOf(request)).toEqual(MEANINGS[what]);
    },
  );

  test('gives both lines of a request the same id', () => {
    const [asked, hint] = (requests[0]?.lines ?? []).map((line) => read(line)) as { id: string }[];
    expect(asked?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(hint?.id).toBe(asked?.id);
  });

  test('leaves settings out unless they are published', () => {
    const scope = feedScope('', ['secret/'], false);
    const of = (what: string) => requests.filter((request) => request.what === what);
    for (const request of [...of('metadata write'), ...of('metadata patch')])
      expect(resultsOf(request, scope)).toEqual(nothing);
    expect(of('metadata delete').map((request) => resultsOf(request, scope))).toEqual([
      change('removed', 'team/only-metadata'),
    ]);
  });
});

describe('readAuditLine in namespaces', () => {
  const [, bao] = Object.values(RECORDED);
  const of = (what: string): RecordedRequest => {
    const found = bao?.find((request) => request.what === what);
    if (found === undefined) throw new Error(`${what} was not recorded`);
    return found;
  };
  const change = (mount: string, rel: string): string[] => [
    `asked value ${mount} ${rel}`,
    `hint value ${mount} ${rel}`,
  ];

  test('finds the mount by the namespace of the line, however the request named it', () => {
    const byHeader = feedScope('A', ['secret/'], false);
    const byPath = feedScope('', ['A/secret/'], false);
    for (const what of ['write in a namespace by header', 'write in a namespace by path']) {
      expect(resultsOf(of(what), byHeader)).toEqual(change('secret/', 'team/app'));
      expect(resultsOf(of(what), byPath)).toEqual(change('A/secret/', 'team/app'));
    }
    expect(resultsOf(of('write in an inner namespace'), feedScope('A/B', ['kv/'], false))).toEqual(
      change('kv/', 'x'),
    );
    expect(resultsOf(of('first write'), byHeader)).toEqual(nothing);
  });

  test('takes the answer about the own mount as proof, however the request named it', () => {
    for (const scope of [feedScope('A', ['secret/'], false), feedScope('', ['A/secret/'], false)]) {
      for (const way of [
        'in a namespace by header',
        'in a namespace by path',
        'with the namespace in the mount',
      ])
        expect(resultsOf(of(`mount question ${way}`), scope)).toEqual(['nothing', 'own-proof']);
      expect(resultsOf(of('mount question'), scope)).toEqual(nothing);
    }
  });

  test('reports a new mount only if it is one of the scope', () => {
    expect(resultsOf(of('new mount in a namespace'), feedScope('A', ['secret/'], false))).toEqual([
      'nothing',
      'mounts',
    ]);
    expect(resultsOf(of('mount in inner namespace'), feedScope('A', ['kv/'], false))).toEqual(nothing);
  });

  test.each(['', 'root', '/', 'root/'])('takes the path "%s" for the root', (path) => {
    const request = { id: '1', operation: 'update', path: 'secret/data/a', namespace: { path } };
    expect(read({ type: 'response', request })).toMatchObject({ is: 'hint', rel: 'a' });
  });
});

/** A response line of the scope with these fields. */
const response = (path: string, operation = 'update', more: object = {}): object => ({
  type: 'response',
  request: { id: '1', operation, path, namespace: { id: 'root' } },
  ...more,
});

test.each([
  ['sys/mounts/secret', 'mounts'],
  ['sys/mounts/secret/tune', 'mounts'],
  ['sys/mounts/secret2', 'nothing'],
  ['sys/remount', 'mounts'],
  ['sys/storage/raft/snapshot', 'restored'],
  ['sys/storage/raft/snapshot-force', 'restored'],
  ['sys/storage/raft/snapshot-auto/config/daily', 'nothing'],
  ['sys/replication/performance/primary/enable', 'restored'],
  ['sys/policies/acl/x', 'nothing'],
  ['auth/token/create', 'nothing'],
  ['secret/config', 'nothing'],
  ['secret/data', 'nothing'],
  ['secret/data/', 'nothing'],
  ['secret/data/team/', 'nothing'],
  ['secret/data/a//b', 'nothing'],
  ['secret/data/../b', 'nothing'],
  ['secret2/data/a', 'nothing'],
  ['secret/metadataX/a', 'nothing'],
])('readAuditLine reads an answered update of %s as: %s', (path, is) => {
  expect(read(response(path))).toEqual({ is });
});

test('readAuditLine takes the longest mount that fits', () => {
  const scope = feedScope('', ['a/', 'a/b/'], false);
  expect(read(response('a/b/data/c'), scope)).toMatchObject({ mount: 'a/b/', rel: 'c' });
});

test.each<[what: string, line: string]>([
  ['text', 'hello'],
  ['an empty line', ''],
  ['blanks', '  '],
  ['the beginning of a line', JSON.stringify(response('secret/data/a')).slice(0, 40)],
  ['the end of a line', JSON.stringify(response('secret/data/a')).slice(10)],
  ['a cut object', '{"type":"response","request":{"operation":"update"}'],
  ['another object', '{"update":true,"operation":"update"}'],
  ['an object without a path', '{"type":"response","request":{"id":"1","operation":"update"}}'],
  [
    'an id that no server gives',
    JSON.stringify(response('secret/data/a')).replace('"id":"1"', `"id":"${'1'.repeat(129)}"`),
  ],
  ['an object after too many characters', `${'x'.repeat(65)}${JSON.stringify(response('secret/data/a'))}`],
  ['the request line of HTTP', 'POST /v1/sys/audit HTTP/1.1'],
  ['bytes', String.fromCharCode(0, 1, 2, 255)],
])('readAuditLine cannot parse %s', (_what, line) => {
  expect(read(line)).toEqual({ is: 'unparsable' });
});

test('readAuditLine takes a prefix of 64 characters, and blanks and a carriage return at the end', () => {
  const line = JSON.stringify(response('secret/data/a'));
  expect(read(`${'x'.repeat(64)}${line} \t\r`)).toMatchObject({ is: 'hint', rel: 'a' });
});

test('readAuditLine takes the presence of an error, also of one that is not text, and nothing else of it', () => {
  expect(read(response('secret/data/a', 'update', { error: { text: 'x' } }))).toEqual({
    is: 'failed',
    id: '1',
  });
  expect(read(response('secret/data/a', 'update', { error: '' }))).toMatchObject({ is: 'hint' });
});

test('readAuditLine lets no value of a recorded line through, also where the line is cut', () => {
  const lines = allLines();
  expect(lines.some((line) => PLANTED_NUMBERS.some((number) => line.includes(number)))).toBe(true);
  const results = lines.flatMap((line) => {
    const cuts = Array.from({ length: 40 }, (_, at) => Math.floor((line.length * at) / 40));
    return [line, ...cuts.flatMap((at) => [line.slice(at), line.slice(0, at), `${line.slice(0, at)}}`])].map(
      (part) => JSON.stringify(read(part)),
    );
  });
  expect(results.length).toBeGreaterThan(10_000);
  for (const number of [...PLANTED_NUMBERS, 'hmac-sha256'])
    expect(results.filter((result) => result.includes(number))).toEqual([]);
});

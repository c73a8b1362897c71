import { VaultError } from '../../src/vault/errors';
import { askHealth } from '../../src/vault/circuit-breaker';
import type { TransportResponse } from '../../src/vault/transport';

const HEALTHY = { initialized: true, sealed: false, standby: false };
const NO_ANSWER = new VaultError('unavailable', 'http://v', 'sys/health', 'connection refused');

type Answers = Record<string, [status: number, body?: unknown] | VaultError>;

/** A Vault that answers so to each path; the query is left out. @returns what it was asked */
function vault(answers: Answers): { asked: string[]; ask: (path: string) => Promise<TransportResponse> } {
  const asked: string[] = [];
  const ask = (pathAndQuery: string): Promise<TransportResponse> => {
    const [path = ''] = pathAndQuery.split('?');
    asked.push(path);
    const answer = answers[path] ?? [404];
    if (answer instanceof VaultError) return Promise.reject(answer);
    const [statusCode, body] = answer;
    return Promise.resolve({ statusCode, body, request: { path } });
  };
  return { asked, ask };
}

test.each<[what: string, answers: Answers]>([
  ['an active node', { 'sys/health': [200, HEALTHY] }],
  [
    'a standby that knows its active node',
    {
      'sys/health': [200, { ...HEALTHY, standby: true }],
      'sys/leader': [200, { leader_address: 'https://b:8200' }],
    },
  ],
  ['a standby that does not tell', { 'sys/health': [200, { ...HEALTHY, standby: true }] }],
  ['a gateway that keeps sys/ to itself', { 'sys/health': [403, '<html>forbidden</html>'] }],
  ['a quota on the question itself', { 'sys/health': [429, { errors: ['quota'] }] }],
])('askHealth takes %s for up', async (_what, answers) => {
  expect(await askHealth(vault(answers).ask)).toEqual({ up: true });
});

test.each<[what: string, answer: Answers[string], kind: string, words: string]>([
  ['sealed', [503, { ...HEALTHY, sealed: true }], 'sealed', 'the Vault is sealed (503): unseal it'],
  [
    'not initialised',
    [501, { ...HEALTHY, initialized: false, sealed: true }],
    'unavailable',
    'operator init',
  ],
  ['a recovery secondary', [472, HEALTHY], 'unavailable', 'until it is promoted'],
  ['a standby without its active node', [474, HEALTHY], 'unavailable', 'cannot reach its active node'],
  ['something new', [599, HEALTHY], 'unavailable', 'the Vault is not healthy (599)'],
  ['away behind a gateway', [502, '<html>'], 'unavailable', 'answered with 502, but not by a Vault'],
  ['not there', NO_ANSWER, 'unavailable', 'connection refused'],
])('askHealth explains why a Vault that is %s is down', async (_what, answer, kind, words) => {
  const health = await askHealth(vault({ 'sys/health': answer }).ask);
  expect(health).toMatchObject({ up: false, kind, detail: expect.stringContaining(words) as unknown });
});

test('askHealth takes a standby without an active node for down', async () => {
  const { ask, asked } = vault({
    'sys/health': [200, { ...HEALTHY, standby: true }],
    'sys/leader': [200, { leader_address: '' }],
  });
  expect(await askHealth(ask)).toMatchObject({ up: false, kind: 'unavailable' });
  expect(asked).toEqual(['sys/health', 'sys/leader']);
});

test('askHealth throws when it is cancelled', async () => {
  const cancelled = new VaultError('cancelled', 'http://v', 'sys/health', 'x');
  await expect(askHealth(vault({ 'sys/health': cancelled }).ask)).rejects.toBe(cancelled);
});

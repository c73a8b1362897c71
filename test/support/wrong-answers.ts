import type { Fault } from './fault-proxy';

/** A wrong answer, and how vsync must treat it. */
export interface WrongAnswer {
  fault: Fault;
  /** Class of a path after such an answer of Vault. */
  vault: string;
  /** Failure type of a step after such an answer of Consul, and words of its message. */
  consul: [type: string, words: string];
}

/** An error as Vault words it. */
export const vaultError = (status: number, text: string, headers = {}): Fault => ({
  status,
  body: JSON.stringify({ errors: [text] }),
  headers,
});
const NOT_CONSULS = 'the answer is not in the form that Consul sends';
const NO_ANSWER = 'no usable answer (';

/** Every kind of answer that is not evidence about a secret, by name. */
export const WRONG_ANSWERS: Readonly<Record<string, WrongAnswer>> = {
  'a 404 with a foreign body': {
    fault: { status: 404, body: '<html>not found</html>' },
    vault: 'malformed',
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
  'a 403': {
    fault: vaultError(403, 'permission denied'),
    vault: 'forbidden',
    consul: ['ConsulForbidden', 'permission denied (403)'],
  },
  'a 429 with Retry-After': {
    fault: vaultError(429, 'rate limit quota exceeded', { 'retry-after': '1' }),
    vault: 'throttled',
    consul: ['ConsulUnavailable', 'it refuses more requests or connections from this machine (429)'],
  },
  'a 412': {
    fault: vaultError(412, 'required index state not present'),
    vault: 'unavailable',
    consul: ['ConsulRejected', 'the request was refused (412)'],
  },
  'a 500': {
    fault: vaultError(500, 'internal error'),
    vault: 'unavailable',
    consul: ['ConsulUnavailable', 'Consul cannot answer now (500)'],
  },
  'a 503 of a sealed Vault': {
    fault: vaultError(503, 'Vault is sealed'),
    vault: 'sealed',
    consul: ['ConsulUnavailable', 'Consul cannot answer now (503)'],
  },
  'no answer at all': {
    fault: 'hang',
    vault: 'unavailable',
    consul: ['ConsulUnavailable', 'no answer within 10 s'],
  },
  'a closed connection': { fault: 'reset', vault: 'unavailable', consul: ['ConsulUnavailable', NO_ANSWER] },
  'half an answer': {
    fault: 'truncated',
    vault: 'unavailable',
    // The consul package returns the received part as if it were complete.
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
  'truncated JSON': {
    fault: { status: 200, body: '{"data":{"keys":["a"', headers: { 'content-type': 'application/json' } },
    vault: 'malformed',
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
  'HTML with status 200': {
    fault: { status: 200, body: '<html>log in</html>', headers: { 'content-type': 'text/html' } },
    vault: 'malformed',
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
};

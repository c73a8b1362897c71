import {
  isFinal,
  isNotYet,
  verdictOfSecret,
  type SecretAnswer,
  type SecretState,
} from '../../../src/syncer/secrets/answer';

const answerOf = (...states: SecretState[]): SecretAnswer => ({
  path: 'secret/data/app',
  verdict: verdictOfSecret(states),
  destinations: states.map((state, number) => ({ name: `site${number}`, state, detail: '' })),
});

describe('verdictOfSecret', () => {
  test.each<[SecretState[], string]>([
    [['synced'], 'Synced'],
    [['synced', 'synced'], 'Synced'],
    [['behind'], 'NotSynced'],
    [['synced', 'behind'], 'Partialy'],
    [['synced', 'behind', 'behind'], 'NotSynced'],
    [['synced', 'synced', 'failed'], 'Partialy'],
    [['synced', 'excluded'], 'Synced'],
    [['behind', 'excluded'], 'NotSynced'],
    [['excluded', 'excluded'], 'NotSynced'],
    [[], 'NotSynced'],
    [['deleted'], 'NotSynced'],
    [['deleted', 'deleted', 'held'], 'NotSynced'],
    [['refused', 'synced'], 'Partialy'],
    [['differs'], 'NotSynced'],
    [['synced', 'synced', 'synced', 'timeout'], 'Timeout'],
  ])('counts %j as %s', (states, verdict) => {
    expect(verdictOfSecret(states)).toBe(verdict);
  });
});

describe('isNotYet', () => {
  test.each<[boolean, SecretState[]]>([
    [true, ['behind']],
    [true, ['synced', 'behind', 'excluded']],
    [false, ['synced']],
    [false, ['behind', 'failed']],
    [false, ['behind', 'timeout']],
    [false, ['behind', 'refused']],
    [false, ['deleted']],
    [false, ['held']],
    [false, ['excluded']],
  ])('is %s for %j', (isIt, states) => {
    expect(isNotYet(answerOf(...states))).toBe(isIt);
  });
});

describe('isFinal', () => {
  test.each<[boolean, SecretState[]]>([
    [true, ['synced', 'excluded']],
    [true, ['excluded']],
    [true, ['behind', 'refused']],
    [true, ['differs']],
    [false, ['behind']],
    [false, ['deleted']],
    [false, ['synced', 'held']],
    [false, ['synced', 'failed']],
    [false, ['timeout']],
  ])('is %s for %j', (isIt, states) => {
    expect(isFinal(answerOf(...states))).toBe(isIt);
  });
});

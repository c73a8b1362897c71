import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ActivityError, type FailureType } from '../../../src/contract/failures';
import { PathError, pathFailureClass, toFailure } from '../../../src/activities/shared/failures';
import { ConsulError, StoredInfoError, type ConsulErrorKind } from '../../../src/consul/errors';
import { MetadataError } from '../../../src/rules/insight';
import { TimeError } from '../../../src/rules/time';
import { VaultError, type VaultErrorKind } from '../../../src/vault/errors';
import { exposed } from '../../support/exposed';

const vault = (kind: VaultErrorKind): VaultError => new VaultError(kind, 'http://v', 'kv/data/a', 'detail');
const consul = (kind: ConsulErrorKind): ConsulError =>
  new ConsulError(kind, 'http://c', 'vsync/index', 'detail');

type Row = [reason: string, error: Error, type: FailureType, retryable: boolean];

test.each<Row>([
  ['absence is handled where it may happen', vault('absent'), 'VaultRejected', false],
  ['a person has to correct the mounts', vault('no-mount'), 'MountMissing', false],
  ['a person has to look at token or policy', vault('forbidden'), 'VaultForbidden', false],
  ['the next cycle looks again', vault('conflict'), 'Conflict', false],
  ['a quota passes', vault('throttled'), 'VaultUnavailable', true],
  ['a seal passes', vault('sealed'), 'VaultUnavailable', true],
  ['an outage passes', vault('unavailable'), 'VaultUnavailable', true],
  ['a secret does not shrink by itself', vault('too-large'), 'VaultRejected', false],
  ["a proxy's page passes", vault('malformed'), 'VaultUnavailable', true],
  ['a mistake of ours', vault('rejected'), 'VaultRejected', false],
  ['another worker goes on', vault('cancelled'), 'WorkerShutdown', true],
  ['a person has to look at the ACL', consul('forbidden'), 'ConsulForbidden', false],
  ['an outage of Consul passes', consul('unavailable'), 'ConsulUnavailable', true],
  ['a person has to raise numBuckets', consul('too-large'), 'BucketTooLarge', false],
  ["a proxy's page instead of Consul passes", consul('malformed'), 'ConsulUnavailable', true],
  ['a mistake of ours at Consul', consul('rejected'), 'ConsulRejected', false],
  ['another worker goes on with Consul', consul('cancelled'), 'WorkerShutdown', true],
  ['a person has to restore it', new StoredInfoError('http://c', 'k', 'x'), 'StoredInfoDamaged', false],
  ['our own, final', new ActivityError('ConfigChanged', 'x'), 'ConfigChanged', false],
  ['our own, that passes', new ActivityError('MountChanged', 'x', true), 'MountChanged', true],
])('%s', (_reason, error, type, retryable) => {
  const failure = toFailure(error);
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ type, nonRetryable: !retryable, message: error.message });
  expect(failure.cause).toBeUndefined();
  expect(failure.stack).toBe('');
});

test.each([
  ['an error', new Error('planted-4711')],
  ['an error with a cause', new Error('x', { cause: new Error('planted-4711') })],
  ['an error with a request in it', Object.assign(new Error('x'), { request: { token: 'planted-4711' } })],
  ['a text', 'planted-4711'],
  ['an object', { token: 'planted-4711' }],
  ['nothing', undefined],
])('of a foreign error only its kind passes: %s', (_what, error) => {
  const failure = toFailure(error);
  expect(failure).toMatchObject({ type: 'Internal', nonRetryable: false });
  expect(exposed(failure)).not.toContain('4711');
  expect(failure.cause).toBeUndefined();
});

test('toFailure drops the cause of an error', () => {
  const error = vault('unavailable');
  error.cause = new Error('planted-4711');
  expect(exposed(toFailure(error))).not.toContain('4711');
});

test('toFailure passes cancellations and failures unchanged', () => {
  for (const failure of [new CancelledFailure('x'), ApplicationFailure.create({ type: 'Conflict' })]) {
    expect(toFailure(failure)).toBe(failure);
  }
});

test.each<[unknown, string]>([
  [vault('too-large'), 'too-large'],
  [vault('unavailable'), 'unavailable'],
  [new PathError('outside-mounts', 'a'), 'outside-mounts'],
  [new PathError('mount-changed', 'a'), 'mount-changed'],
  [new TimeError('soon'), 'malformed'],
  [new MetadataError('x'), 'malformed'],
])('what concerns one path has a class: %s', (error, expected) => {
  expect(pathFailureClass(error)).toBe(expected);
});

test.each([[consul('unavailable')], [new ActivityError('Conflict', 'x')], [new TypeError('x')]])(
  'what does not concern a path ends the activity: %s',
  (error) => {
    expect(() => pathFailureClass(error)).toThrow(error);
  },
);

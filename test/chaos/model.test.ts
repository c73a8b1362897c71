import { Model, type OriginStep } from './model';

const A = 'one/a';
const at = (ms: number): { beganMs: number; endedMs: number } => ({ beganMs: ms, endedMs: ms + 5 });

function after(...steps: [OriginStep, string?][]): Model {
  const model = new Model();
  steps.forEach(([step, value], position) => {
    model.apply(A, step, at(100 * (position + 1)), value);
  });
  return model;
}

test.each<[string, [OriginStep, string?][], string | undefined, number]>([
  ['nothing', [], undefined, 0],
  ['a put', [['put', 'red']], 'red', 1],
  ['the same again', [['put', 'red'], ['put-same']], 'red', 2],
  ['a delete', [['put', 'red'], ['delete']], undefined, 1],
  ['an undelete', [['put', 'red'], ['delete'], ['undelete']], 'red', 1],
  ['a destroy of the newest of two', [['put', 'red'], ['put', 'blue'], ['destroy']], undefined, 2],
  ['a delete of the metadata', [['put', 'red'], ['put', 'blue'], ['forget']], undefined, 0],
  ['a new secret of the same name', [['put', 'red'], ['forget'], ['put', 'blue']], 'blue', 1],
])('Model serves what Vault would serve after %s', (_what, steps, value, version) => {
  const model = after(...steps);
  expect([model.value(A), model.version(A)]).toEqual([value, version]);
});

test('Model.can refuses a step that Vault would accept without an effect', () => {
  const model = after(['put', 'red'], ['delete']);
  const steps = ['put-same', 'delete', 'undelete', 'destroy', 'forget', 'set'] as const;
  expect(steps.filter((step) => model.can(A, step))).toEqual(['undelete', 'destroy', 'forget', 'set']);
  expect(steps.filter((step) => model.can('one/b', step))).toEqual([]);
});

test('Model.wasAbsent counts from the beginning of a delete to the end of the step that restores the secret', () => {
  const model = after(['put', 'red'], ['delete'], ['put', 'blue']);
  const between = (fromMs: number, toMs: number): boolean => model.wasAbsent(A, fromMs, toMs);
  expect([between(0, 50), between(106, 199), between(106, 200)]).toEqual([true, false, true]);
  expect([between(305, 400), between(306, 400)]).toEqual([true, false]);
  expect(model.wasAbsent('one/never put', 0, 1)).toBe(true);
  expect([...model.ever(A)]).toEqual(['red', 'blue']);
});

test('Model keeps settings after a soft delete, and drops them with the metadata', () => {
  const model = after(['put', 'red'], ['set', 'owned'], ['delete']);
  expect(model.settings(A)).toBe('owned');
  model.apply(A, 'forget', at(900));
  expect(model.settings(A)).toBeUndefined();
});

test('Model.everSince returns every value that a claim of a version can mean', () => {
  const model = after(['put', 'red'], ['put', 'green'], ['forget'], ['put', 'blue']);
  expect([1, 2, 3].map((version) => [...model.everSince(A, version)])).toEqual([
    ['red', 'green', 'blue'],
    ['green', 'blue'],
    [],
  ]);
});

test('Model.wasAbsent counts nothing that a re-created mount lacks before it is approved', () => {
  const model = after(['put', 'red']);
  model.recreate('one', at(200));
  expect([model.value(A), model.wasAbsent(A, 206, 299)]).toEqual([undefined, false]);
  // Puts and deletes in the new engine prove nothing either.
  model.apply(A, 'put', at(300), 'blue');
  model.apply(A, 'delete', at(310));
  expect(model.wasAbsent(A, 206, 399)).toBe(false);
  model.approve('one', at(400));
  expect([model.wasAbsent(A, 206, 399), model.wasAbsent(A, 206, 400)]).toEqual([false, true]);
});

test('Model.wasAbsent counts a delete before the re-creation of its mount for a cycle that began before', () => {
  const model = after(['put', 'red'], ['delete']);
  model.recreate('one', at(300));
  expect([model.wasAbsent(A, 250, 400), model.wasAbsent(A, 306, 400)]).toEqual([true, false]);
});

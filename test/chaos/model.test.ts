import { Model, type OriginStep } from './model';

const at = (ms: number): { beganMs: number; endedMs: number } => ({ beganMs: ms, endedMs: ms + 5 });

function after(...steps: [OriginStep, string?][]): Model {
  const model = new Model();
  steps.forEach(([step, value], position) => {
    model.apply('a', step, at(100 * (position + 1)), value);
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
])('after %s the origin serves what Vault would', (_what, steps, value, version) => {
  const model = after(...steps);
  expect([model.value('a'), model.version('a')]).toEqual([value, version]);
});

test('a step that Vault would take without an effect is none', () => {
  const model = after(['put', 'red'], ['delete']);
  const steps = ['put-same', 'delete', 'undelete', 'destroy', 'forget'] as const;
  expect(steps.filter((step) => model.can('a', step))).toEqual(['undelete', 'destroy', 'forget']);
  expect(steps.filter((step) => model.can('b', step))).toEqual([]);
});

test('an absence lasts from the beginning of a delete to the end of what brings the secret back', () => {
  const model = after(['put', 'red'], ['delete'], ['put', 'blue']);
  const between = (fromMs: number, toMs: number): boolean => model.wasAbsent('a', fromMs, toMs);
  expect([between(0, 50), between(106, 199), between(106, 200)]).toEqual([true, false, true]);
  expect([between(305, 400), between(306, 400)]).toEqual([true, false]);
  expect(model.wasAbsent('never put', 0, 1)).toBe(true);
  expect([...model.ever('a')]).toEqual(['red', 'blue']);
});

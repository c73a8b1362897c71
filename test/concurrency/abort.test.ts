import { getEventListeners } from 'node:events';
import { onAbort } from '../../src/concurrency/abort';

test('onAbort calls each listener that was not removed', () => {
  const controller = new AbortController();
  const called: string[] = [];
  const listener = (name: string) => (reason: Error) => {
    called.push(`${name}: ${reason.message}`);
  };
  onAbort(controller.signal, listener('a'));
  const remove = onAbort(controller.signal, listener('b'));
  onAbort(controller.signal, listener('c'));
  remove();
  controller.abort(new Error('why'));
  expect(called).toEqual(['a: why', 'c: why']);
});

test('onAbort adds one event listener for all, and removes it with the last', () => {
  const { signal } = new AbortController();
  const listeners = (): number => getEventListeners(signal, 'abort').length;
  const removers = [1, 2, 3].map(() => onAbort(signal, () => undefined));
  expect(listeners()).toBe(1);
  for (const remove of removers) remove();
  expect(listeners()).toBe(0);
  for (const remove of removers) remove();
  const again = onAbort(signal, () => undefined);
  expect(listeners()).toBe(1);
  again();
  expect(listeners()).toBe(0);
});

import { getEventListeners } from 'node:events';
import { onAbort } from '../../src/concurrency/on-abort';

test('tells all that want it, and nobody who took it back', () => {
  const controller = new AbortController();
  const told: string[] = [];
  const tell = (name: string) => (reason: Error) => {
    told.push(`${name}: ${reason.message}`);
  };
  onAbort(controller.signal, tell('a'));
  const takeBack = onAbort(controller.signal, tell('b'));
  onAbort(controller.signal, tell('c'));
  takeBack();
  controller.abort(new Error('why'));
  expect(told).toEqual(['a: why', 'c: why']);
});

test('has one listener for all, and none when nobody wants it any more', () => {
  const { signal } = new AbortController();
  const listeners = (): number => getEventListeners(signal, 'abort').length;
  const back = [1, 2, 3].map(() => onAbort(signal, () => undefined));
  expect(listeners()).toBe(1);
  for (const takeBack of back) takeBack();
  expect(listeners()).toBe(0);
  for (const takeBack of back) takeBack();
  const again = onAbort(signal, () => undefined);
  expect(listeners()).toBe(1);
  again();
  expect(listeners()).toBe(0);
});

import pLimit from 'p-limit';
import { beside } from '../../src/activities/destination/deps';

test('a cycle does not wait behind the comparisons of a verify', async () => {
  const limits = { secretLimit: pLimit(4), verifyLimit: pLimit(2) };
  const order: string[] = [];
  const step = (what: string) => async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push(what);
  };
  const verify = Array.from({ length: 100 }, () => beside(limits, step('verify')));
  const cycle = Array.from({ length: 10 }, () => limits.secretLimit(step('cycle')));
  await Promise.all([...verify, ...cycle]);
  expect(order.lastIndexOf('cycle')).toBeLessThan(30);
  expect(order.filter((what) => what === 'verify')).toHaveLength(100);
});

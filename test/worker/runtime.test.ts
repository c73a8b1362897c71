import { execFileSync } from 'node:child_process';
import { HEAP_GROWING_FLAG } from '../../src/worker/runtime';

test('this Node.js knows the flag that keeps the heap of a worker small', () => {
  // One that does not know it says so on stderr only, and goes on without.
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(known).toContain(HEAP_GROWING_FLAG);
});

import { execFileSync } from 'node:child_process';
import { HEAP_GROWING_FLAG } from '../../src/limits';

test('installRuntime uses a flag for the heap that this Node.js supports', () => {
  // A Node.js without it only warns on stderr.
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(known).toContain(HEAP_GROWING_FLAG);
});

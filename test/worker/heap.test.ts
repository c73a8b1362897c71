import { execFileSync } from 'node:child_process';
import path from 'node:path';
import {
  HEAP_GROWING_FLAG,
  MAX_YOUNG_GENERATION_BYTES,
  YOUNG_GENERATION_FACTOR_FLAG,
} from '../../src/limits';

test.each([HEAP_GROWING_FLAG, YOUNG_GENERATION_FACTOR_FLAG])('this Node.js supports the flag %s', (flag) => {
  // A Node.js without it only warns on stderr.
  expect(execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })).toContain(flag);
});

/** Runs a script beside `heap.ts` in a process of its own. @returns the size of its young generation at the end */
function youngGenerationAfter(script: string): number {
  const heap = path.join(__dirname, '..', '..', 'src', 'worker', 'heap.ts');
  const program = `
    const heap = require(${JSON.stringify(heap)});
    const { Worker } = require('node:worker_threads');
    /** Makes much that lives for a while, so that V8 lets the young generation grow. */
    const work = async () => {
      let kept = [];
      for (let n = 0; n < 600_000; n++) {
        kept.push({ n, text: 'x' + n });
        if (kept.length > 30_000) kept = kept.slice(5_000);
        if (n % 1_000 === 0) await new Promise(setImmediate);
      }
    };
    const thread = () => new Promise((ready) => {
      new Worker('setInterval(() => {}, 1000)', { eval: true }).once('online', ready);
    });
    (async () => {
      ${script}
      process.stdout.write(String(heap.youngGenerationBytes()));
      process.exit(0);
    })();`;
  return Number(execFileSync(process.execPath, ['--import', 'tsx', '-e', program], { encoding: 'utf8' }));
}

test('the young generation of a worker grows to its bound, and no further', () => {
  expect(youngGenerationAfter('await thread(); heap.boundYoungGeneration(); await work();')).toBe(
    MAX_YOUNG_GENERATION_BYTES,
  );
});

test('without the bound it grows further', () => {
  expect(youngGenerationAfter('await work();')).toBeGreaterThan(MAX_YOUNG_GENERATION_BYTES);
});

test('while it is held it does not grow', () => {
  const before = youngGenerationAfter('');
  expect(youngGenerationAfter('heap.holdYoungGeneration(); await work();')).toBeLessThanOrEqual(before);
});

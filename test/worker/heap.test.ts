import { execFileSync } from 'node:child_process';
import path from 'node:path';
import {
  HEAP_GROWING_FLAG,
  MAX_YOUNG_GENERATION_BYTES,
  WASM_BASELINE_FLAGS,
  YOUNG_GENERATION_FACTOR_FLAG,
} from '../../src/limits';

const FLAGS = [HEAP_GROWING_FLAG, YOUNG_GENERATION_FACTOR_FLAG, ...WASM_BASELINE_FLAGS];

test.each(FLAGS)('this Node.js supports the flag %s', (flag) => {
  // A Node.js without it only warns on stderr. The list has only the positive form of flags.
  const options = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(options).toContain(flag.replace('--no-', '--'));
});

const HEAP = path.join(__dirname, '..', '..', 'src', 'worker', 'heap.ts');

/** Runs a script in a process of its own. @returns the number that it prints */
function numberFrom(program: string): number {
  return Number(execFileSync(process.execPath, ['--import', 'tsx', '-e', program], { encoding: 'utf8' }));
}

/** Runs a script beside `heap.ts` in a process of its own. @returns the size of its young generation at the end */
function youngGenerationAfter(script: string): number {
  return numberFrom(`
    const heap = require(${JSON.stringify(HEAP)});
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
    })();`);
}

test('the young generation of a worker grows to its bound, and no further', () => {
  expect(youngGenerationAfter('await thread(); heap.boundYoungGeneration(); await work();')).toBe(
    MAX_YOUNG_GENERATION_BYTES,
  );
});

test('without the bound it grows further', () => {
  expect(youngGenerationAfter('await work();')).toBeGreaterThan(MAX_YOUNG_GENERATION_BYTES);
});

test('the young generation of a thread does not grow while the thread loads its packages', () => {
  const inThread = `
    const v8 = require('node:v8');
    let kept = [];
    for (let n = 0; n < 600_000; n++) {
      kept.push({ n, text: 'x' + n });
      if (kept.length > 30_000) kept = kept.slice(5_000);
    }
    const young = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    require('node:worker_threads').parentPort.postMessage(young.space_size);`;
  const sizeWith = (first: string): number =>
    numberFrom(`
      const { Worker } = require('node:worker_threads');
      ${first}
      const wait = 'require("node:worker_threads").parentPort.once("message", () => {' + ${JSON.stringify(inThread)} + '})';
      const thread = new Worker(wait, { eval: true });
      thread.once('online', () => setImmediate(() => thread.postMessage('go')));
      thread.once('message', (size) => { process.stdout.write(String(size)); process.exit(0); });`);
  const held = sizeWith(`require(${JSON.stringify(HEAP)}).prepareHeap();`);
  expect(held).toBeLessThan(MAX_YOUNG_GENERATION_BYTES / 2);
  expect(sizeWith('')).toBeGreaterThan(held);
});

test('while it is held it does not grow', () => {
  const before = youngGenerationAfter('');
  expect(youngGenerationAfter('heap.holdYoungGeneration(); await work();')).toBeLessThanOrEqual(before);
});

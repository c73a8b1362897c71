#!/usr/bin/env bash
# Temporal's UpdateSchedule takes a conflict token, so that an update is made only if the schedule has
# not changed since it was described. An update with an old token is not made, which is right, but the
# server answers OK: it forwards the update as a signal and compares the token later. A program that
# trusts the answer loses the update silently; read it back. (Temporal CLI 1.5.1, which is server 1.29.1)
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod GOBIN=$work/bin

echo 'Building Temporal: takes some minutes if it is not in the build cache of Go.'
go install github.com/temporalio/cli/cmd/temporal@v1.5.1 >setup.log 2>&1 || { cat setup.log; exit 2; }
echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact @temporalio/client@1.24.0 >setup.log 2>&1 ||
  { cat setup.log; exit 2; }

port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
bin/temporal server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >server.log 2>&1 &
server=$!

cat >see.cjs <<'JS'
const { setTimeout: sleep } = require('node:timers/promises');
const { Client, Connection } = require('@temporalio/client');

async function connected(address) {
  for (let attempt = 1; ; attempt++) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 5000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      return connection;
    } catch (error) {
      if (attempt === 60) throw error;
      await sleep(1000);
    }
  }
}

/** A schedule is described, then paused; then an update sends the schedule as it was described first. */
async function updateAfterPause(connection, scheduleId, tokenOf) {
  const client = new Client({ connection });
  const handle = await client.schedule.create({
    scheduleId,
    spec: { intervals: [{ every: '24h' }] },
    action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none', workflowId: `${scheduleId}-run` },
  });
  const described = () => connection.workflowService.describeSchedule({ namespace: 'default', scheduleId });
  const before = await described();
  await handle.pause('by somebody else');
  const paused = await described();
  if (!paused.schedule.state.paused) throw new Error('the pause itself is not there');
  const answer = await connection.workflowService
    .updateSchedule({
      namespace: 'default',
      scheduleId,
      schedule: before.schedule,
      requestId: `${scheduleId}-update`,
      conflictToken: tokenOf(before, paused),
    })
    .then((message) => `OK ${JSON.stringify(message)}`, (error) => `error ${error.code}: ${error.details}`);
  // Ten looks in five seconds: an update that is made is there at the first or the second.
  let still = true;
  for (let look = 0; look < 10 && still; look++) {
    await sleep(500);
    still = (await described()).schedule.state.paused;
  }
  return { answer, still };
}

(async () => {
  const connection = await connected(process.argv[2]);
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  console.log(`Server ${serverVersion}`);
  for (const [what, scheduleId, tokenOf, expected] of [
    ['the token from before the pause', 'old-token', (before) => before.conflictToken, true],
    ['the token from after the pause ', 'new-token', (_before, paused) => paused.conflictToken, false],
    ['no token                       ', 'no-token', () => undefined, false],
  ]) {
    const { answer, still } = await updateAfterPause(connection, scheduleId, tokenOf);
    console.log(`  ${what}: answer ${answer}; the schedule is ${still ? 'still paused' : 'updated, not paused any more'}`);
    if (answer !== 'OK {}' || still !== expected) {
      console.log('    CHANGED');
      process.exitCode = 1;
    }
  }
  await connection.close();
})();
JS

echo "Versions: $(go version -m bin/temporal | awk '$1 == "mod" { print $2, $3 }'), @temporalio/client $(node -p 'require("./node_modules/@temporalio/client/package.json").version'), Node $(node --version)"
echo 'Guess: an update with an old token is refused, for instance with FAILED_PRECONDITION.'
echo 'Seen:'
timeout 300 node see.cjs "127.0.0.1:$port"
echo 'All three get the same answer. The update with the old token was dropped, and no error was reported.'

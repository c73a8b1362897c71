#!/usr/bin/env bash
# A pause of a Temporal schedule can get lost if a trigger is sent at the same moment. Both are
# answered OK. The server forwards both as a signal to the workflow behind the schedule, which keeps
# only the last one that arrives before its next step. If other programs trigger a schedule, read a
# pause back and send it again. (Temporal CLI 1.5.1, which is server 1.29.1)
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

const COUNT = 30;

async function schedule(client, scheduleId) {
  return client.schedule.create({
    scheduleId,
    spec: { intervals: [{ every: '24h' }] },
    action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none', workflowId: `${scheduleId}-run` },
  });
}

/** Whether the schedule is paused, looked at six times in three seconds. */
async function isPaused(handle) {
  for (let look = 0; look < 6; look++) {
    if ((await handle.describe()).state.paused) return true;
    await sleep(500);
  }
  return false;
}

async function lostOf(client, name, send) {
  const handles = [];
  for (let i = 0; i < COUNT; i++) {
    const handle = await schedule(client, `${name}-${i}`);
    await send(handle); // throws if one of the requests is not answered OK
    handles.push(handle);
  }
  const paused = await Promise.all(handles.map(isPaused));
  return paused.filter((is) => !is).length;
}

(async () => {
  const connection = await connected(process.argv[2]);
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  console.log(`Server ${serverVersion}`);
  const client = new Client({ connection });
  const alone = await lostOf(client, 'alone', (handle) => handle.pause('wanted'));
  console.log(`  a pause alone:                       ${alone} of ${COUNT} pauses lost`);
  const after = await lostOf(client, 'after', async (handle) => {
    await handle.pause('wanted');
    await isPaused(handle);
    await handle.trigger('BUFFER_ONE');
  });
  console.log(`  a pause, seen, and then a trigger:   ${after} of ${COUNT} pauses lost`);
  const beside = await lostOf(client, 'beside', (handle) =>
    Promise.all([handle.pause('wanted'), handle.trigger('BUFFER_ONE')]),
  );
  console.log(`  a pause and a trigger side by side:  ${beside} of ${COUNT} pauses lost, all answered OK`);
  if (alone > 0 || after > 0 || beside === 0) {
    console.log('    CHANGED');
    process.exitCode = 1;
  }
  await connection.close();
})();
JS

echo "Versions: $(go version -m bin/temporal | awk '$1 == "mod" { print $2, $3 }'), @temporalio/client $(node -p 'require("./node_modules/@temporalio/client/package.json").version'), Node $(node --version)"
echo 'Guess: a trigger does not touch the pause; both are applied, in one order or the other.'
echo 'Seen:'
timeout 300 node see.cjs "127.0.0.1:$port"
echo 'The trigger replaced the pause: the schedules continue, and no error was reported.'

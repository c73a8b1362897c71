#!/usr/bin/env bash
# Temporal has two connections for Node.js, and only one reports why it failed. If nothing listens on
# the port, NativeConnection (@temporalio/worker) fails at once with the reason. Connection
# (@temporalio/client) waits for its timeout and then reports only the timeout: no "connection refused",
# no cause. A program that wants to show the reason has to find it in another way.
# (1.24.0 of both; no server is needed)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact @temporalio/client@1.24.0 @temporalio/worker@1.24.0 \
  >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >connect.cjs <<'JS'
const net = require('node:net');
const { Connection } = require('@temporalio/client');
const { NativeConnection } = require('@temporalio/worker');

const TIMEOUT = 3000;

/** All that an error says: its message, its other fields, and the same of its causes. */
function told(error) {
  const parts = [];
  for (let e = error; e; e = e.cause) parts.push(e.message, ...Object.values(e).filter((v) => typeof v === 'string'));
  return parts.join(' | ');
}

async function failure(connect) {
  const start = Date.now();
  const error = await connect().then(() => new Error('connected'), (e) => e);
  return { text: told(error), took: Date.now() - start };
}

(async () => {
  const listener = net.createServer();
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));

  const address = `127.0.0.1:${port}`;
  const socket = await failure(
    () => new Promise((resolve, reject) => net.connect(port, '127.0.0.1', resolve).on('error', reject)),
  );
  const native = await failure(() => NativeConnection.connect({ address }));
  const client = await failure(() => Connection.connect({ address, connectTimeout: TIMEOUT }));
  for (const [what, { text, took }] of [
    ['a bare socket', socket],
    ['NativeConnection', native],
    [`Connection, timeout of ${TIMEOUT} ms`, client],
  ]) {
    console.log(`  ${what}, after ${took} ms:\n    ${text}`);
  }
  if (!/ECONNREFUSED/.test(socket.text) || !/refused/i.test(native.text)) {
    console.log('  CHANGED: expected that the first two name the reason');
    process.exitCode = 1;
  }
  if (!/deadline/i.test(client.text) || /refused/i.test(client.text) || client.took < TIMEOUT * 0.9) {
    console.log('  CHANGED: expected that Connection waits, and speaks of its deadline alone');
    process.exitCode = 1;
  }
})();
JS

version() { node -p "require('./node_modules/$1/package.json').version"; }
echo "Versions: Node $(node --version), @temporalio/client $(version @temporalio/client), @temporalio/worker $(version @temporalio/worker), @grpc/grpc-js $(version @grpc/grpc-js)"
echo 'Guess: connecting to a port where nothing listens fails with "connection refused", in the message or as the cause.'
echo 'Seen:'
timeout 120 node connect.cjs
echo 'Connection does not say that the connection was refused.'

#!/usr/bin/env bash
# A probe by HEAD costs no body, so it should be the cheapest question over a kept connection. undici closes the
# connection after each HEAD, because some servers send a body nevertheless; every question then pays for a connection.
# With "reset: false" it keeps it. (undici 7.30.2)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact undici@7.30.2 >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >ask.mjs <<'JS'
import http from 'node:http';
import { Pool } from 'undici';

const server = http.createServer((_request, response) => response.end());
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const origin = `http://127.0.0.1:${server.address().port}`;

const connectionsOf = async (request) => {
  let opened = 0;
  const count = () => (opened += 1);
  server.on('connection', count);
  const pool = new Pool(origin, { connections: 1 });
  for (let nth = 0; nth < 10; nth++) {
    const { body } = await pool.request({ path: '/', ...request });
    await body.dump();
  }
  await pool.close();
  server.off('connection', count);
  return opened;
};

const seen = [
  ['10 times GET', await connectionsOf({ method: 'GET' }), 1],
  ['10 times HEAD', await connectionsOf({ method: 'HEAD' }), 10],
  ['10 times HEAD with reset: false', await connectionsOf({ method: 'HEAD', reset: false }), 1],
];
server.close();
for (const [what, was, expected] of seen) {
  console.log(`  ${what.padEnd(34)}${was} connections`);
  if (was !== expected) {
    console.log(`    CHANGED: expected ${expected}`);
    process.exitCode = 1;
  }
}
JS

echo "Versions: Node $(node --version), undici $(node -p 'require("./node_modules/undici/package.json").version')"
echo 'Guess: HEAD keeps its connection as GET does.'
echo 'Seen:'
timeout 60 node ask.mjs
echo 'Whoever probes by HEAD has to set "reset: false" for each request.'

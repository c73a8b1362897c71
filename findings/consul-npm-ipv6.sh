#!/usr/bin/env bash
# The npm package consul cannot reach an agent at an IPv6 address. It passes the host of the URL to the
# resolver with its brackets, and the name "[::1]" cannot be resolved. The error (ENOTFOUND) looks like
# a fault of DNS. fetch reaches the same URL. (consul 2.0.1)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

node -e '
  const server = require("node:net").createServer();
  server.on("error", () => process.exit(1));
  server.listen(0, "::1", () => server.close());
' || { echo 'This machine has no ::1, so nothing can be shown here.'; exit 2; }

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact consul@2.0.1 >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >ask.cjs <<'JS'
const http = require('node:http');
const Consul = require('consul');

const server = http.createServer((_request, response) => {
  response.setHeader('Content-Type', 'application/json');
  response.end('"10.0.0.1:8300"');
});

server.listen(0, '::1', async () => {
  const url = `http://[::1]:${server.address().port}/v1`;
  const bare = Object.defineProperty(new URL(url), 'hostname', { value: '::1' });
  const outcome = (ask) => ask().then((answer) => `answer ${answer}`, (error) => `${error.code}: ${error.message}`);
  const seen = [
    ['fetch of the URL', await outcome(() => fetch(`${url}/status/leader`).then((r) => r.json())), /^answer/],
    ['consul, the URL as a text', await outcome(() => new Consul({ baseUrl: url }).status.leader()), /^ENOTFOUND.*\[::1\]/],
    ['consul, a URL object', await outcome(() => new Consul({ baseUrl: new URL(url) }).status.leader()), /^ENOTFOUND.*\[::1\]/],
    ['consul, hostname without brackets', await outcome(() => new Consul({ baseUrl: bare }).status.leader()), /^answer/],
  ];
  for (const [what, was, expected] of seen) {
    console.log(`  ${what.padEnd(35)}${was}`);
    if (!expected.test(was)) {
      console.log(`    CHANGED: expected ${expected}`);
      process.exitCode = 1;
    }
  }
  server.close();
  server.closeAllConnections();
});
JS

echo "Versions: Node $(node --version), consul $(node -p 'require("./node_modules/consul/package.json").version')"
echo 'Guess: a base URL of http://[::1]:PORT/v1 works as any other.'
echo 'Seen:'
timeout 60 node ask.cjs
echo 'The package works only if the brackets are taken from the hostname before.'

#!/usr/bin/env bash
# A client that checks one server by its own name and asks it for the site of another name sets "servername" of the
# connection, and a Host header. undici sends the name in the Host header as the server name of TLS (SNI), and checks the
# certificate against that one: the option has no effect. (undici 7.30.2)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact undici@7.30.2 >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >ask.mjs <<'JS'
import tls from 'node:tls';
import { Pool, buildConnector } from 'undici';

const names = [];
// It needs no certificate: the name is seen before the handshake fails.
const server = tls.createServer({
  SNICallback: (name, done) => {
    names.push(name);
    done(new Error('seen'));
  },
});
server.on('tlsClientError', () => undefined);
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const origin = `https://127.0.0.1:${server.address().port}`;

const nameSent = async (connect, headers) => {
  const pool = new Pool(origin, { connect });
  await pool.request({ method: 'GET', path: '/', headers }).catch(() => undefined);
  await pool.destroy();
  return names.pop() ?? 'none';
};

const option = { servername: 'instance.example.com' };
const connector = buildConnector(option);
const atLast = (options, callback) => connector({ ...options, ...option }, callback);
const host = { host: 'site.example.com' };
const seen = [
  ['servername alone', await nameSent(option, {}), 'instance.example.com'],
  ['servername, and a Host header', await nameSent(option, host), 'site.example.com'],
  ['the same, servername set inside a connector', await nameSent(atLast, host), 'instance.example.com'],
];
server.close();
for (const [what, was, expected] of seen) {
  console.log(`  ${what.padEnd(46)}${was}`);
  if (was !== expected) {
    console.log(`    CHANGED: expected ${expected}`);
    process.exitCode = 1;
  }
}
JS

echo "Versions: Node $(node --version), undici $(node -p 'require("./node_modules/undici/package.json").version')"
echo 'Guess: the option "servername" decides about the server name of TLS.'
echo 'Seen:'
timeout 60 node ask.mjs
echo 'The name has to be set in a connector of its own, which is the last step before the handshake.'

#!/usr/bin/env bash
# A kubeconfig names a file with the token as "tokenFile". @kubernetes/client-node knows only "token-file",
# which kubectl does not have, and reads it once. With "tokenFile" it sends no token, without a warning: the API
# answers as to an anonymous client. (@kubernetes/client-node 1.4.0)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact @kubernetes/client-node@1.4.0 >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >ask.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

const file = path.resolve('token');
const sent = async (config) => {
  const options = { headers: {} };
  await config.applyToHTTPSOptions(options);
  return options.headers.Authorization ?? 'no token';
};
const load = (key) => {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: { [key]: file } }],
    }),
  );
  return config;
};

writeFileSync(file, 'first');
const [camel, dashed] = [load('tokenFile'), load('token-file')];
const seen = [
  ['tokenFile, as kubectl reads it', await sent(camel), 'no token'],
  ['token-file', await sent(dashed), 'Bearer first'],
];
writeFileSync(file, 'second');
seen.push(['token-file, after the token was renewed', await sent(dashed), 'Bearer first']);
for (const [what, was, expected] of seen) {
  console.log(`  ${what.padEnd(42)}${was}`);
  if (was !== expected) {
    console.log(`    CHANGED: expected ${expected}`);
    process.exitCode = 1;
  }
}
JS

echo "Versions: Node $(node --version), @kubernetes/client-node $(node -p 'require("./node_modules/@kubernetes/client-node/package.json").version')"
echo 'Guess: tokenFile is read as kubectl reads it, again and again.'
echo 'Seen:'
timeout 60 node ask.mjs
echo 'A kubeconfig with tokenFile needs an authenticator of its own, which reads the file for each request.'

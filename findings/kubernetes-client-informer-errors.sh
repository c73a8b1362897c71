#!/usr/bin/env bash
# The informer of @kubernetes/client-node drops an error that the API sends as an event of a watch, unless it is
# a 410. No callback reports it, and the next watch begins at once, without a pause: an API in trouble gets
# hundreds of watches a second from each client. (@kubernetes/client-node 1.4.0)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' >package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact @kubernetes/client-node@1.4.0 >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >ask.mjs <<'JS'
import http from 'node:http';
import { KubeConfig, makeInformer } from '@kubernetes/client-node';

const SECONDS = 2;
const status = { kind: 'Status', status: 'Failure', code: 500, message: 'etcdserver: leader changed' };
let watches = 0;

// Answers each watch as the API does when its storage fails: status 200, one event of type ERROR, the end.
const server = http.createServer((_request, response) => {
  watches += 1;
  response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
});

server.listen(0, '127.0.0.1', async () => {
  const config = new KubeConfig();
  const address = `http://127.0.0.1:${server.address().port}`;
  config.loadFromClusterAndUser({ name: 'c', server: address, skipTLSVerify: true }, { name: 'u' });
  const list = async () => ({ items: [], metadata: { resourceVersion: '1' } });
  const informer = makeInformer(config, '/api/v1/namespaces/default/pods', list);
  let errors = 0;
  informer.on('error', () => (errors += 1));
  await informer.start();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  await informer.stop();
  console.log(`  ${watches} watches in ${SECONDS} s, ${errors} errors reported`);
  if (errors > 0 || watches < 20) {
    console.log('    CHANGED: expected no reported error, and a watch without a pause after each event');
    process.exitCode = 1;
  }
  server.close();
  server.closeAllConnections();
});
JS

echo "Versions: Node $(node --version), @kubernetes/client-node $(node -p 'require("./node_modules/@kubernetes/client-node/package.json").version')"
echo 'Guess: the informer calls the error callback, or waits before the next watch.'
echo 'Seen:'
timeout 60 node ask.mjs
echo 'A watch needs a wrapper that ends with an error at such an event, and a pause before the next one.'

#!/usr/bin/env bash
# npm-shrinkwrap.json pins the dependencies of a package for its users, but not if they install the
# tarball as a file: `npm install ./x.tgz` takes the newest dependencies that package.json allows. npm
# reads the shrinkwrap only if the registry's description of the package has _hasShrinkwrap, and a
# tarball has no such description. A test of the packed tarball before publishing therefore does not
# test what users will get. (npm 11.19.1)
set -euo pipefail

work=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

mkdir tool pinned
echo '{ "private": true }' >tool/package.json
npm install --prefix tool --no-audit --no-fund --ignore-scripts --save-exact npm@11.19.1 >setup.log 2>&1 ||
  { cat setup.log; exit 2; }
npm() { node "$work/tool/node_modules/npm/bin/npm-cli.js" --no-audit --no-fund --no-update-notifier --ignore-scripts "$@"; }

# A package that allows ms ^2.0.0, whose shrinkwrap (written by npm itself) says 2.0.0.
(
  cd pinned
  cat >package.json <<'JSON'
{ "name": "@finding/pinned", "version": "1.0.0", "main": "index.js", "dependencies": { "ms": "2.0.0" } }
JSON
  echo 'module.exports = require("ms");' >index.js
  npm install
  sed -i 's/"ms": "2.0.0"/"ms": "^2.0.0"/' package.json package-lock.json
  npm shrinkwrap
  npm ci # the two files agree
  npm pack --pack-destination "$work"
) >setup.log 2>&1 || { cat setup.log; exit 2; }
tarball=$work/finding-pinned-1.0.0.tgz
tar -tzf "$tarball" | grep -qx package/npm-shrinkwrap.json || { echo 'The tarball holds no shrinkwrap.'; exit 2; }

# A registry of one package, that tarball: under /said/ it says _hasShrinkwrap, under /unsaid/ it does not.
cat >registry.cjs <<'JS'
const { createHash } = require('node:crypto');
const { readFileSync, writeFileSync } = require('node:fs');
const tarball = readFileSync(process.argv[2]);
const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
const server = require('node:http').createServer((request, response) => {
  if (request.url.endsWith('.tgz')) return response.end(tarball);
  const base = `http://127.0.0.1:${server.address().port}${request.url.startsWith('/said/') ? '/said' : '/unsaid'}`;
  const version = {
    name: '@finding/pinned',
    version: '1.0.0',
    dependencies: { ms: '^2.0.0' },
    ...(request.url.startsWith('/said/') ? { _hasShrinkwrap: true } : {}),
    dist: { tarball: `${base}/@finding/pinned/-/pinned-1.0.0.tgz`, integrity },
  };
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ name: '@finding/pinned', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }));
});
server.listen(0, '127.0.0.1', () => writeFileSync('port', String(server.address().port)));
JS
node registry.cjs "$tarball" &
registry=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
port=$(cat port)

echo "Versions: Node $(node --version), npm $(npm --version), lockfileVersion $(node -p 'require("./pinned/npm-shrinkwrap.json").lockfileVersion') of the shrinkwrap"
echo 'Guess: an install of the tarball gets ms 2.0.0, as in its npm-shrinkwrap.json.'
echo 'Seen:'
changed=0
see() { # what, whether ms is to be 2.0.0, arguments of npm install
  local what=$1 pinned=$2 seen
  shift 2
  rm -rf app && mkdir app && echo '{ "private": true }' >app/package.json
  (cd app && npm install "$@") >setup.log 2>&1 || { cat setup.log; exit 2; }
  seen=$(cd app && node -p '
    const { createRequire } = require("node:module");
    const { dirname } = require("node:path");
    const main = require.resolve("@finding/pinned", { paths: ["."] });
    JSON.parse(require("node:fs").readFileSync(dirname(createRequire(main).resolve("ms")) + "/package.json")).version')
  echo "  $what: ms $seen"
  if { [ "$seen" = 2.0.0 ] && [ "$pinned" = no ]; } || { [ "$seen" != 2.0.0 ] && [ "$pinned" = yes ]; }; then
    echo '    CHANGED'
    changed=1
  fi
}
see 'npm install ./finding-pinned-1.0.0.tgz            ' no "$tarball"
see 'from a registry that says _hasShrinkwrap          ' yes @finding/pinned@1.0.0 "--@finding:registry=http://127.0.0.1:$port/said/"
see 'from a registry that does not, with the same bytes' no @finding/pinned@1.0.0 "--@finding:registry=http://127.0.0.1:$port/unsaid/"
echo 'The shrinkwrap inside the tarball counts only if the registry speaks of it.'
exit "$changed"

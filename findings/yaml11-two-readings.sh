#!/usr/bin/env bash
# Two YAML 1.1 readers disagree about YAML 1.1: the npm package yaml with version 1.1, and Go's
# gopkg.in/yaml.v2, whose readme says "most of YAML 1.1 and 1.2". A program that moves from Go to Node.js
# and chooses 1.1 to keep the meaning of old files gets other types for times, dates and numbers. It gets
# other values where "<<" is below a key of its own. None of it is an error.
# (yaml 2.9.1, gopkg.in/yaml.v2 v2.2.2)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

{
  echo '{ "private": true }' >package.json
  npm install --no-audit --no-fund --ignore-scripts --save-exact yaml@2.9.1
  go mod init finding.example/two-readings
  go get gopkg.in/yaml.v2@v2.2.2
} >setup.log 2>&1 || { cat setup.log; exit 2; }

# A document, how yaml reads its key "x", how yaml.v2 reads it. The last four are the controls: both agree.
cat >cases.json <<'JSON'
[
  ["x: 1:30", "number 90", "text 1:30"],
  ["x: 2020-01-01", "date 2020-01-01T00:00:00Z", "text 2020-01-01"],
  ["x: 1e3", "number 1000", "text 1e3"],
  ["x: 0o14", "text 0o14", "number 12"],
  ["x: 12345678901234567890", "number 12345678901234567000", "number 12345678901234567890"],
  ["base: &base {k: base}\nx:\n  k: own\n  <<: *base", "k = own", "k = base"],
  ["base: &base {k: base}\nx:\n  <<: *base\n  k: own", "k = own", "k = own"],
  ["x: yes", "bool true", "bool true"],
  ["x: 0777", "number 511", "number 511"],
  ["x: 1.0e+3", "number 1000", "number 1000"]
]
JSON

cat >read.cjs <<'JS'
const { parse } = require('yaml');
const described = (x) =>
  x instanceof Date ? `date ${x.toISOString().replace('.000', '')}`
  : typeof x === 'object' ? `k = ${x.k}`
  : `${{ string: 'text', boolean: 'bool' }[typeof x] ?? typeof x} ${x}`;
for (const [text] of require('./cases.json')) console.log(described(parse(text, { version: '1.1' }).x));
JS

cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"gopkg.in/yaml.v2"
)

func described(x interface{}) string {
	switch x := x.(type) {
	case string:
		return "text " + x
	case bool:
		return fmt.Sprint("bool ", x)
	case time.Time:
		return "date " + x.Format(time.RFC3339)
	case map[interface{}]interface{}:
		return fmt.Sprint("k = ", x["k"])
	}
	return fmt.Sprint("number ", x)
}

func main() {
	bytes, err := os.ReadFile("cases.json")
	if err != nil {
		panic(err)
	}
	var cases [][]string
	if err := json.Unmarshal(bytes, &cases); err != nil {
		panic(err)
	}
	for _, c := range cases {
		var document map[string]interface{}
		if err := yaml.Unmarshal([]byte(c[0]), &document); err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(described(document["x"]))
	}
}
GO

node read.cjs >node.txt
go run . >go.txt

echo "Versions: Node $(node --version), yaml $(node -p 'require("./node_modules/yaml/package.json").version'); $(go env GOVERSION), $(go list -m gopkg.in/yaml.v2)"
echo 'Guess: two readers of YAML 1.1 give the same values.'
echo 'Seen:'
node -e '
  const lines = (file) => require("node:fs").readFileSync(file, "utf8").trimEnd().split("\n");
  const [node, go] = [lines("node.txt"), lines("go.txt")];
  require("./cases.json").forEach(([text, wantNode, wantGo], i) => {
    console.log(`  ${JSON.stringify(text)}`);
    console.log(`    yaml: ${node[i]}; yaml.v2: ${go[i]}${node[i] === go[i] ? " (alike)" : ""}`);
    if (node[i] !== wantNode || go[i] !== wantGo) {
      console.log(`    CHANGED: expected ${wantNode}; ${wantGo}`);
      process.exitCode = 1;
    }
  });
'
echo 'Six of ten documents are read as something else, all without an error.'

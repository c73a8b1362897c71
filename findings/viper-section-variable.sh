#!/usr/bin/env bash
# With viper's AutomaticEnv, an environment variable named like a section hides the whole section:
# APP_ORIGIN=x makes every key below "origin" empty, from the file and from the defaults, without an
# error. It matters where another program may set a variable with that name.
# (Go programs on viper v1.4.0)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod
unset APP_ORIGIN APP_ORIGIN_ADDRESS APP_ORIGIN_TIMEOUT APP_OTHER

{
  go mod init finding.example/section-variable
  go get github.com/spf13/viper@v1.4.0
} >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/viper"
)

func main() {
	v := viper.New()
	v.SetEnvPrefix("app")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	v.SetConfigType("json")
	v.SetDefault("origin.timeout", "5s")
	if err := v.ReadConfig(strings.NewReader(`{"origin": {"address": "from-file"}}`)); err != nil {
		fmt.Println("not read:", err)
		os.Exit(1)
	}
	fmt.Printf("address=%q timeout=%q all=%v\n", v.GetString("origin.address"), v.GetString("origin.timeout"), v.AllSettings())
}
GO
go build -o read .

echo "Versions: $(go env GOVERSION), $(go list -m github.com/spf13/viper)"
echo 'Guess: APP_ORIGIN=x sets at most a key named "origin"; origin.address and origin.timeout stay.'
changed=0
see() { # what is set, what is expected; the rest is the command
  local what=$1 expected=$2 seen
  shift 2
  seen=$("$@")
  echo "  $what: $seen"
  [ "$seen" = "$expected" ] || { echo "    CHANGED: expected $expected"; changed=1; }
}
echo 'Seen:'
see 'no variable             ' 'address="from-file" timeout="5s" all=map[origin:map[address:from-file timeout:5s]]' ./read
see 'APP_OTHER=x             ' 'address="from-file" timeout="5s" all=map[origin:map[address:from-file timeout:5s]]' env APP_OTHER=x ./read
see 'APP_ORIGIN_ADDRESS=x    ' 'address="x" timeout="5s" all=map[origin:map[address:x timeout:5s]]' env APP_ORIGIN_ADDRESS=x ./read
see 'APP_ORIGIN=x            ' 'address="" timeout="" all=map[]' env APP_ORIGIN=x ./read
echo 'The variable of the section empties both keys, and AllSettings.'
exit "$changed"

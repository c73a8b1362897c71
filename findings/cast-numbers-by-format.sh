#!/usr/bin/env bash
# The same number can mean different things in different file formats. viper lets each decoder choose
# its own type for a number, and cast (v1.3.0) converts only some of these types. For the others it
# returns false or another number, without an error. So a file in JSON, YAML or TOML cannot be
# translated one to one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

{
  go mod init finding.example/numbers
  go get github.com/spf13/viper@v1.4.0 github.com/spf13/cast@v1.3.0 gopkg.in/yaml.v2@v2.2.2
} >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/viper"
)

var changed bool

func see(what, seen, expected string) {
	fmt.Printf("  %-56s %s\n", what, seen)
	if seen != expected {
		fmt.Printf("    CHANGED: expected %s\n", expected)
		changed = true
	}
}

func read(format, text string) *viper.Viper {
	v := viper.New()
	v.SetConfigType(format)
	if err := v.ReadConfig(strings.NewReader(text)); err != nil {
		fmt.Println("not read:", err)
		os.Exit(1)
	}
	return v
}

func main() {
	for _, c := range [][3]string{
		{"yaml", "flag: 1\n", "true"},
		{"json", `{"flag": 1}`, "false"},
		{"toml", "flag = 1\n", "false"},
	} {
		v := read(c[0], c[1])
		see(fmt.Sprintf("%s %s GetBool (a %T):", c[0], strings.TrimSpace(c[1]), v.Get("flag")), fmt.Sprint(v.GetBool("flag")), c[2])
	}
	for _, c := range [][3]string{
		{"yaml", "id: 12345678901234567890\n", "-6101065172474983726"},
		{"json", `{"id": 12345678901234567890}`, "12345678901234567000"},
	} {
		v := read(c[0], c[1])
		see(fmt.Sprintf("%s %s GetString (a %T):", c[0], strings.TrimSpace(c[1]), v.Get("id")), v.GetString("id"), c[2])
	}
	v := read("json", `{"wait": "10", "wait2": "10s"}`)
	see(`json {"wait": "10"} GetDuration:`, v.GetDuration("wait").String(), "10ns")
	see(`json {"wait": "10s"} GetDuration:`, v.GetDuration("wait2").String(), "10s")
	if changed {
		os.Exit(1)
	}
}
GO

echo "Versions: $(go env GOVERSION), $(go list -m github.com/spf13/viper), $(go list -m github.com/spf13/cast), $(go list -m gopkg.in/yaml.v2)"
echo 'Guess: 1 is true in every format, a long number keeps its digits as a text,'
echo '       and a duration without a unit is an error, as it is for time.ParseDuration.'
echo 'Seen:'
go run .
echo '1 is true in YAML alone. The YAML number becomes a negative one, the JSON number a rounded one. "10" is 10 ns.'

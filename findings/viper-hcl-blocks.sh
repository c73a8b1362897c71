#!/usr/bin/env bash
# viper reads an HCL block as a list of maps, so no key inside a block is found. Worse, the defaults
# below the block's name are hidden too, and every read returns the zero value without an error. A
# program that accepts HCL, JSON, YAML and TOML has nested keys in the last three only.
# (Go programs on viper v1.4.0, hcl v1.0.0)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

{
  go mod init finding.example/hcl-blocks
  go get github.com/spf13/viper@v1.4.0 github.com/hashicorp/hcl@v1.0.0
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
	changed := false
	for _, c := range []struct{ format, text, port, path string }{
		{"json", `{"target": {"port": 7}}`, "7", "apps/"},
		{"yaml", "target:\n  port: 7\n", "7", "apps/"},
		{"toml", "[target]\nport = 7\n", "7", "apps/"},
		{"hcl", "target {\n  port = 7\n}\n", "", ""},
		{"hcl", "target = {\n  port = 7\n}\n", "", ""},
		{"hcl", "\"target.port\" = 7\n", "7", "apps/"},
	} {
		v := viper.New()
		v.SetConfigType(c.format)
		v.SetDefault("target.path", "apps/")
		if err := v.ReadConfig(strings.NewReader(c.text)); err != nil {
			fmt.Println("not read:", err)
			os.Exit(1)
		}
		port, path := v.GetString("target.port"), v.GetString("target.path")
		fmt.Printf("  %-4s %-30q port from the file: %-4q path by default: %-8q target is a %T\n",
			c.format, c.text, port, path, v.Get("target"))
		if port != c.port || path != c.path {
			fmt.Printf("       CHANGED: expected port %q and path %q\n", c.port, c.path)
			changed = true
		}
	}
	if changed {
		os.Exit(1)
	}
}
GO

echo "Versions: $(go env GOVERSION), $(go list -m github.com/spf13/viper), $(go list -m github.com/hashicorp/hcl)"
echo 'Guess: target.port is read from a block of HCL as from an object of JSON, and the default of target.path holds.'
echo 'Seen:'
go run .
echo 'In HCL both are empty, without an error. Only the flat form, "target.port" = 7, is read.'

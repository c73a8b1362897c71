#!/usr/bin/env bash
# Consul's Go client accepts an address with a slash at its end, and then dials another one. The slash
# becomes part of the host, so the port is lost. NewClient returns no error; each request fails later.
# An address copied from a browser often has its slash. (github.com/hashicorp/consul/api v1.1.0)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

{
  go mod init finding.example/trailing-slash
  go get github.com/hashicorp/consul/api@v1.1.0
} >setup.log 2>&1 || { cat setup.log; exit 2; }

cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/hashicorp/consul/api"
)

// ask says which TCP address the client dials for an address, and what it answers. Nothing but the
// server of this program is really dialled.
func ask(server *httptest.Server, address string) (dialled, leader string, err error) {
	config := api.DefaultConfig()
	config.Address = address
	config.Transport.Proxy = nil
	config.Transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		dialled = to
		if to != server.Listener.Addr().String() {
			return nil, errors.New("not the server's address")
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return dialled, "", fmt.Errorf("NewClient: %w", err)
	}
	leader, err = client.Status().Leader()
	return dialled, leader, err
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `"10.0.0.1:8300"`)
	}))
	defer server.Close()
	real := server.Listener.Addr().String()

	dialled, leader, err := ask(server, server.URL)
	fmt.Printf("  %s  dials %q, answer %q, error %v\n", server.URL, dialled, leader, err)
	plain := dialled == real && leader != "" && err == nil

	dialled, leader, err = ask(server, server.URL+"/")
	fmt.Printf("  %s/ dials %q, answer %q, error %v\n", server.URL, dialled, leader, err)
	slash := dialled == "["+real+"/]:80" && leader == "" && err != nil && !strings.HasPrefix(err.Error(), "NewClient")

	if !plain || !slash {
		fmt.Println("  CHANGED: expected an answer for the first, and port 80 of another host for the second")
		os.Exit(1)
	}
}
GO
go build -o ask .

echo "Versions: $(go env GOVERSION), $(go list -m github.com/hashicorp/consul/api)"
echo 'Guess: a slash at the end of the address changes nothing, or NewClient refuses it.'
echo 'Seen:'
env -u CONSUL_HTTP_ADDR -u CONSUL_HTTP_SSL -u CONSUL_HTTP_AUTH -u CONSUL_HTTP_TOKEN -u CONSUL_NAMESPACE ./ask
echo 'With the slash, the host is all of "127.0.0.1:PORT/", and the port is 80.'

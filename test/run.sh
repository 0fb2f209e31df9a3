#!/usr/bin/env bash
# Everything that must hold before a change is kept, in the order in which it fails fastest. "make test" runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

step=
begin() {
	step=$1
	printf '== %s (%d s so far)\n' "$step" "$SECONDS"
}
finish() {
	local status=$?
	if ((status != 0)); then
		echo "make test: FAILED: $step"
	fi
	exit "$status"
}
trap finish EXIT

begin "the version of Go"
test/check-go.sh
begin "the programs that the tests start"
test/install.sh
begin "go vet"
go vet ./...
go vet -tags crashpoints ./...
begin "gofmt"
unformatted=$(gofmt -l .)
if [[ -n $unformatted ]]; then
	printf 'not formatted as gofmt does:\n%s\n' "$unformatted"
	exit 1
fi
begin "go test, with the race detector"
go test -race -timeout 8m ./...
begin "what the race detector would falsify"
go test -count=1 -run TestNoAllocations ./acctstack
begin "every fuzz target for a moment"
test/fuzz.sh 2
begin "a short run of the benchmark"
go run ./bench -short
echo "make test: all passed in $SECONDS s"

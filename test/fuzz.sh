#!/usr/bin/env bash
# Runs every fuzz target of the module for some seconds, one after the other: test/fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-30}

# The fuzzing engine of Go now and then reports the end of the time as a failure (go.dev/issue/75804). That message
# without a failing input is no finding.
fuzz() {
	local out
	if out=$(go test -run '^$' -fuzz "^$1\$" -fuzztime "${seconds}s" "$2" 2>&1); then
		return 0
	fi
	if [[ $out == *"context deadline exceeded"* && $out != *"Failing input"* ]]; then
		return 0
	fi
	printf '%s\n' "$out"
	return 1
}

count=0
while IFS=: read -r file line; do
	name=${line#func }
	name=${name%%(*}
	package=$(dirname "$file")
	echo "fuzzing $name in $package"
	fuzz "$name" "$package"
	count=$((count + 1))
done < <(find . -name '*_test.go' -exec grep -H '^func Fuzz' {} + | sort)
echo "fuzzed $count targets, $seconds s each"

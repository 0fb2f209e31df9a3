#!/usr/bin/env bash
# Says clearly what is wrong if Go is missing or older than go.mod asks for.
set -euo pipefail
cd "$(dirname "$0")/.."

want=$(sed -n 's/^go //p' go.mod)
if ! command -v go >/dev/null; then
	echo "Tollgate needs Go $want or newer, and there is no go in PATH. Get it from https://go.dev/dl/" >&2
	exit 1
fi
have=$(go env GOVERSION 2>/dev/null || GOTOOLCHAIN=local go version | awk '{print $3}')
have=${have#go}
have=${have%% *}
if [[ $(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1) != "$want" ]]; then
	echo "Tollgate needs Go $want or newer, and this is Go $have ($(command -v go)). Get it from https://go.dev/dl/" >&2
	exit 1
fi

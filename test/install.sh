#!/usr/bin/env bash
# Installs the Debian packages of packages.txt that are missing. None of their services is started on this machine: the
# tests start the programs themselves, on private ports of the loopback interface.
set -euo pipefail
cd "$(dirname "$0")"

policy=/usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive

missing=()
while read -r name use; do
	[[ -z $name || $name == \#* ]] && continue
	status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
	[[ $status == installed ]] && continue
	missing+=("$name")
	echo "missing: $name ($use)"
done <packages.txt
if ((${#missing[@]} == 0)); then
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "The tests need the Debian packages above, and this machine has no apt-get." >&2
	echo "Install sipp, freeradius, rsyslog, sqlite3 and kamailio by other means, or use Debian 12." >&2
	exit 1
fi
if ((EUID != 0)); then
	echo "The tests need the packages above, and only root may install them. As root, run:" >&2
	echo "    test/install.sh" >&2
	exit 1
fi

# apt-get asks policy-rc.d whether it may start a service; 101 is no. A policy that is there already stays in charge.
placed=
cleanup() {
	if [[ -n $placed ]]; then
		rm -f "$policy"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [[ ! -e $policy ]]; then
	placed=1
	printf '#!/bin/sh\n# Put here by the tests of Tollgate while they install packages.\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

update() { apt-get -o DPkg::Lock::Timeout=300 -qq update; }
install() {
	apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qq -y install --no-install-recommends "${missing[@]}"
}
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
	update
fi
echo "installing ${missing[*]}"
if ! install; then
	echo "trying again with new package lists"
	update
	install
fi

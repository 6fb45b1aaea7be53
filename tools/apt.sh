#!/bin/sh
# Installs Debian packages. Usage: apt.sh [OPTION…] PACKAGE…
# The package manager of a new machine is often busy in its first minutes: the script waits for at most ten minutes.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
said=$(mktemp)
trap 'rm -f "$said"' EXIT
tries=60

# Runs a command; while another program holds the package manager's lock, waits and runs it again.
insist() {
    while ! "$@" >"$said" 2>&1; do
        if [ "$tries" = 0 ] || ! grep -q "Could not get lock\|is another process using it\|held by process" "$said"; then
            cat "$said" >&2
            return 1
        fi
        [ "$tries" != 60 ] || echo "waiting for the package manager, which another program uses" >&2
        tries=$((tries - 1))
        sleep 10
    done
}

insist apt-get -qq update
insist apt-get -qqy -o DPkg::Lock::Timeout=10 install "$@"

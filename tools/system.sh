#!/bin/sh
# Installs the system programs that tests use, where it may: a browser, a speech synthesiser for call audio, a real SIP
# client, and what shows that nothing leaves the machine.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v baresip >/dev/null || missing="$missing baresip-core"
command -v espeak-ng >/dev/null || missing="$missing espeak-ng"
command -v strace >/dev/null || missing="$missing strace"
command -v git >/dev/null || missing="$missing git"
command -v ip >/dev/null || missing="$missing iproute2"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "callguard: not installed and can't be installed here:$missing (tests that need them are skipped)" >&2
    exit 0
fi
echo "installing$missing" >&2
# shellcheck disable=SC2086
sh "$(dirname "$0")/apt.sh" --no-install-recommends $missing

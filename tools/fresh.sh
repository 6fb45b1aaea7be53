#!/bin/sh
# Makes a bare root of a Debian or Ubuntu suite and runs make targets in it, as on a new machine: Python, make and
# nothing else. Usage: fresh.sh SUITE [TARGET…]     TARGET: "demo", "test", "unit TESTS=tests/rules"; default: demo test
#
# The root lies in $TMPDIR, needs some 3 GB, and is removed at the end; with KEEP=1 it stays. Needs root and mmdebstrap,
# which is installed where it is missing. MIRROR=… names a mirror; default: the one that this machine's apt uses.
set -eu
suite=${1:?usage: fresh.sh SUITE [TARGET…]}
shift
[ $# -gt 0 ] || set -- demo test
here=$(cd "$(dirname "$0")" && pwd)

say() { echo "fresh: $*" >&2; }

[ "$(id -u)" = 0 ] || { say "needs root, to make a root folder and to change into it"; exit 2; }
command -v mmdebstrap >/dev/null || { say "installing mmdebstrap"; sh "$here/apt.sh" --no-install-recommends mmdebstrap; }

mirror() {
    apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1
}
MIRROR=${MIRROR:-$(mirror)}
components=main
case $MIRROR in *ubuntu*) components=main,universe ;; esac

root=$(mktemp -d "${TMPDIR:-/tmp}/fresh-$suite.XXXXXX")
trap '[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM

say "making a root of $suite in $root"
mmdebstrap --quiet --variant=apt --components="$components" --include=python3,make,ca-certificates \
    --aptopt='Acquire::Check-Valid-Until "false"' "$suite" "$root" "$MIRROR" ||
    { say "no root of $suite: $MIRROR does not have it, or can't be reached"; exit 3; }
# The working tree as it is, without what git ignores.
mkdir "$root/work"
git -C "$here/.." ls-files -z --cached --others --exclude-standard | (cd "$here/.." && xargs -0 -r ls -d 2>/dev/null) |
    tar -C "$here/.." --no-recursion -cf - -T - | tar -C "$root/work" -xf -
# What a machine's administrator sets up before anything else: names, trusted certificates, proxies.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
settings=$(env | grep -iE '^(https?|no|all)_proxy=|^PIP_(INDEX_URL|DEFAULT_TIMEOUT)=' | tr '\n' ' ')

inside() {
    # A namespace of its own: the mounts go with it, and every process that is left ends with it.
    # shellcheck disable=SC2016,SC2086
    unshare --mount --pid --fork --kill-child sh -c '
        mount --make-rprivate / && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys"
        exec chroot "$0" "$@"' "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt $settings "$@" </dev/null
}

failed=""
for target in "$@"; do
    say "make $target on $suite, $(inside python3 -V)"
    eval "inside make -C /work $target" || failed="$failed $target"  # its words, with quotes, as on a command line
done
[ -z "$failed" ] || { say "failed on $suite:$failed"; exit 1; }
say "passed on $suite: $*"

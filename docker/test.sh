#!/usr/bin/env bash
# Builds and starts docker/compose.yaml for real, with podman and without an image registry: the images' bases are
# made from the distribution's packages. All its files are in one folder, which is deleted at the end. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "docker/test.sh: needs root" >&2; exit 1; }
tools="podman buildah runc netavark aardvark-dns iptables mmdebstrap"
missing=""
for tool in $tools; do dpkg -s "$tool" >/dev/null 2>&1 || missing="$missing $tool"; done
if [ -n "$missing" ]; then
    echo "installing$missing" >&2
    # shellcheck disable=SC2086
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends $missing; } >/dev/null
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/callguard-docker-XXXXXX")
say() { echo "[$(($(date +%s) - started)) s] $*"; }
started=$(date +%s)
composed=""

tear_down() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$composed" ]; then
        [ $status = 0 ] || compose logs --tail 40 >&2 || true
        compose down -v >/dev/null 2>&1 || true
    fi
    podman rm -fa >/dev/null 2>&1 || true
    podman network rm -f callguard_default >/dev/null 2>&1 || true
    umount "$work/storage/overlay" 2>/dev/null || true
    rm -rf "$work"
    exit $status
}
trap tear_down EXIT INT TERM

# Storage, networks and settings of our own.
export CONTAINERS_CONF="$work/containers.conf" CONTAINERS_STORAGE_CONF="$work/storage.conf"
export BUILDAH_ISOLATION=chroot
cat > "$CONTAINERS_STORAGE_CONF" <<EOF
[storage]
driver = "${STORAGE_DRIVER:-overlay}"
graphroot = "$work/storage"
runroot = "$work/run"
EOF
cat > "$CONTAINERS_CONF" <<EOF
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/tmp"
volume_path = "$work/volumes"
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
EOF

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check 'podman-compose>=1.5,<2'
compose() { timeout "${COMPOSE_TIMEOUT:-900}" "$work/venv/bin/podman-compose" -f docker/compose.yaml "$@"; }

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
base() { # base SUITE IMAGE PACKAGES: an image from the distribution's packages
    mmdebstrap --quiet --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' --include="$3" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' "$1" - "$mirror" \
        | podman import -q - "$2" >/dev/null
}
# shellcheck source=/dev/null
python_suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
base forky localhost/base-asterisk adduser
say "made the Asterisk image's base"
base "$python_suite" localhost/base-python python3,python3-venv,ca-certificates
say "made CallGuard's base ($python_suite)"
printf 'FROM localhost/base-asterisk\nRUN export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qqy install --no-install-recommends valkey-server\n' \
    | podman build -q --pull=never -t localhost/valkey - >/dev/null
say "made Valkey's image"

export ASTERISK_BASE=localhost/base-asterisk PYTHON_BASE=localhost/base-python VALKEY_IMAGE=localhost/valkey
CALLGUARD_ARI_PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
CALLGUARD_AMI_SECRET=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
PHONE_PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
export CALLGUARD_ARI_PASSWORD CALLGUARD_AMI_SECRET PHONE_PASSWORD
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
SIP_PORT=$(free_port) CONSOLE_PORT=$(free_port)
export SIP_PORT CONSOLE_PORT

# The machine's certificates and pip settings, for a network that reaches the package index through a proxy of its own.
build="--pull=never --volume /etc/ssl/certs:/etc/ssl/certs:ro --build-arg PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
composed=yes
compose --podman-build-args="--format docker $build" build >"$work/build.log" 2>&1 || { tail -40 "$work/build.log" >&2; exit 1; }
say "built the images: $(podman images --format '{{.Repository}} {{.Size}}' | grep -E 'callguard' | tr '\n' ';')"
COMPOSE_TIMEOUT=120 compose up -d --no-build >"$work/up.log" 2>&1 || { tail -40 "$work/up.log" >&2; exit 1; }
say "started"

in_service() { local service=$1; shift; podman exec "callguard_${service}_1" "$@"; }
retry() { # retry SECONDS COMMAND…
    local until=$(($(date +%s) + $1)); shift
    until "$@" >"$work/last.log" 2>&1; do
        [ "$(date +%s)" -lt "$until" ] || { echo "failed: $*" >&2; cat "$work/last.log" >&2; return 1; }
        sleep 0.5
    done
}

retry 30 in_service asterisk asterisk -rx 'core waitfullybooted'
say "Asterisk: $(in_service asterisk asterisk -rx 'core show version' | cut -d' ' -f1-2)"
shows() { # shows COMMAND PATTERN: what Asterisk's console says to a command
    in_service asterisk asterisk -rx "$1" >"$work/last.log" 2>&1
    grep -q "$2" "$work/last.log" || { echo "asterisk -rx '$1' does not show '$2':" >&2; cat "$work/last.log" >&2; exit 1; }
}
shows 'module show like bridge_native_rtp' '^0 modules loaded'
shows 'module show like res_ari.so' Running
shows 'dialplan show callguard-tap' AudioSocket
shows 'manager show user callguard' 'read perm: agent'
shows 'pjsip show endpoints' supervisor1
shows 'queue show support' agent2
say "Asterisk runs our snippets"
retry 20 in_service valkey valkey-cli ping
say "Valkey: $(in_service valkey valkey-cli ping)"
[ "$(in_service callguard id -u)" = 10001 ] || { echo "CallGuard does not run as its own user" >&2; exit 1; }
say "CallGuard: $(in_service callguard callguard --version)"
in_service callguard callguard check
retry 30 in_service callguard callguard doctor
cat "$work/last.log"
retry 30 python3 -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:$CONSOLE_PORT/healthz', timeout=2)"
retry 30 python3 -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:$CONSOLE_PORT/readyz', timeout=2)"
say "console and health page answer on the host's loopback; the node is ready"
in_service callguard callguard status >"$work/status"
say "$(cat "$work/status")"
[ "$(wc -l <"$work/status")" = 1 ] || { echo "a part of CallGuard is away" >&2; exit 1; }
say "ok"

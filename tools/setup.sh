#!/bin/sh
# Makes the virtual environment from the lock. Usage: setup.sh VENV
set -eu
venv=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "callguard: $python is $("$python" -V 2>&1); Python 3.11 or newer is needed (PYTHON=… names another)" >&2
    exit 1
}
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    # Debian and Ubuntu ship venv apart from python3.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing python3-venv" >&2
        sh "$(dirname "$0")/apt.sh" python3-venv
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
echo "installing the locked dependencies into $venv" >&2
"$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .

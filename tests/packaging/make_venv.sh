#!/bin/sh
# make_venv.sh PYTHON VENV: makes the environment of the tests, or brings it up to date.
set -eu
python=${1-} venv=${2:?where}

if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "agentchan needs Python 3.11 or later. On Debian 12: apt-get install -y python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv, which makes environments."
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-venv
    else
        echo "This Python cannot make environments. Run this first: sudo apt-get install -y python3-venv" >&2
        exit 1
    fi
fi
# One that was moved here, or whose Python is gone, is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
"$venv/bin/python" -m pip install --quiet --upgrade --editable . --group test --group check

#!/bin/sh
# make_venv.sh PYTHON VENV: makes the environment of the tests, or brings it up to date: the releases of requirements/ci.lock.
set -eu
python=${1-} venv=${2:?where}
export PIP_DISABLE_PIP_VERSION_CHECK=1

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
echo "Setting up $venv: some 50 packages, which takes a minute or two, once."
# One that was moved here, or whose Python is gone, is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi
# -qq: errors are shown, and no more.
"$venv/bin/python" -m pip install -qq --upgrade 'pip>=25.1'
"$venv/bin/python" -m pip install -qq --require-hashes --requirement requirements/ci.lock
"$venv/bin/python" -m pip install -qq --no-deps --editable .
"$venv/bin/python" -m pip check >/dev/null || "$venv/bin/python" -m pip check

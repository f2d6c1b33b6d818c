#!/bin/bash
# audit.sh PYTHON: looks for published weaknesses in the releases of requirements/*.lock.
# Ends with 1 if there are some. Where nobody can be asked, that is said, and is no failure.
set -euo pipefail
python=$(realpath -s "${1:?which Python}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/venv"
PIP_DISABLE_PIP_VERSION_CHECK=1 "$work/venv/bin/pip" install -qq pip-audit
for lock in requirements/run.lock requirements/ci.lock; do
    status=0
    "$work/venv/bin/pip-audit" --strict --require-hashes --disable-pip --progress-spinner off --requirement "$lock" \
        >"$work/said" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        echo "$lock: no known weaknesses"
    elif grep -q "known vulnerabilit" "$work/said"; then
        cat "$work/said" >&2
        exit 1
    else
        echo "$lock: not checked, since the data on weaknesses cannot be had here: $(tail -n 1 "$work/said")"
    fi
done

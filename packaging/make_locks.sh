#!/bin/bash
# make_locks.sh PYTHON: makes requirements/*.lock from pyproject.toml anew: what the packages are built with, and what the
# tests run with, each file by its hash.
set -euo pipefail
python=$(realpath -s "${1:?which Python}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/venv"
# No settings of this machine's get into the files.
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL PIP_CONSTRAINT
"$work/venv/bin/pip" install -qq pip-tools

"$python" - "$work" <<'END'
import sys
import tomllib
from pathlib import Path

work = Path(sys.argv[1])
with open("pyproject.toml", "rb") as file:
    metadata = tomllib.load(file)
run = [*metadata["project"]["dependencies"]]
groups = metadata["dependency-groups"]
for name, lines in {"run": run, "ci": ["-c run.lock", *run, *groups["test"], *groups["check"]]}.items():
    (work / f"{name}.in").write_text("\n".join(lines) + "\n")
END

for name in run ci; do
    echo "== requirements/$name.lock; some minutes, since every file's hash is asked for"
    (cd "$work" && venv/bin/pip-compile --quiet --no-config --generate-hashes --allow-unsafe --strip-extras --upgrade \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-header --no-annotate \
        --output-file "$name.lock" "$name.in")
    { echo "# Made by \"make lock\"; not to be edited."; cat "$work/$name.lock"; } >"requirements/$name.lock"
done

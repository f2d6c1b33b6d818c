#!/bin/bash
# check.sh PYTHON: what is shipped, installed in an empty environment, works from another directory.
# PYTHON has the package "build".
set -euo pipefail
python=$(realpath -s "${1:?which Python}")
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== building the sdist, and the wheel from it"
"$python" -m build --outdir "$work/dist" "$source" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
tar -tzf "$work"/dist/*.tar.gz >"$work/files"
for file in etc/agentchan.toml systemd/agentchan.service systemd/agentchan.socket LICENSE CHANGELOG.md README.md Makefile \
    packaging/nfpm.yaml requirements/run.lock systemd/agentchan@.socket \
    tests/config/test_sample.py twisted/plugins/agentchan_plugin.py; do
    grep -q "^[^/]*/$file\$" "$work/files" || { echo "the sdist has no $file" >&2; exit 1; }
done

echo "== installing the wheel"
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check "$work"/dist/*.whl
cp "$source/etc/agentchan.toml" "$work/agentchan.toml"
mkdir "$work/elsewhere"
cd "$work/elsewhere"

run() {
    echo "== $*"
    "$work/venv/bin/$@" >"$work/output" 2>&1 </dev/null || { cat "$work/output" >&2; exit 1; }
}
run twistd agentchan --help
grep -q -- --config "$work/output" || { cat "$work/output" >&2; echo "twistd agentchan has no --config" >&2; exit 1; }
echo "== twistd agentchan, with a faulty configuration"
printf '[ivr]\nnam = "ivr1"\n' >"$work/faulty.toml"
status=0
"$work/venv/bin/twistd" --nodaemon --pidfile= agentchan --config "$work/faulty.toml" >"$work/output" 2>&1 || status=$?
if [ "$status" != 78 ] || ! grep -q 'faulty.toml:2: ivr.nam: ' "$work/output"; then
    cat "$work/output" >&2
    echo "status $status; expected 78, and the fault with its line" >&2
    exit 1
fi
run agentchan --help
export AGENTCHAN_CONFIG="$work/agentchan.toml"
run agentchan config check
run agentchan config show
for profile in reference minimum; do
    run python -c "from agentchan.ce.profile_loader import load_profile; assert load_profile('$profile').name == '$profile'"
done
echo "The wheel is fit: $(basename "$work"/dist/*.whl)"

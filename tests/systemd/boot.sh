#!/bin/bash
# boot.sh NAME [OPTION...]: becomes a systemd-nspawn that boots a throw-away overlay of this machine's own root.
# To be run as root in a mount namespace of its own, with control groups called NAME.
set -euo pipefail
name=${1:?which name}
shift
for folder in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
    if [ -e "$folder/$name/cgroup.procs" ]; then echo $$ >"$folder/$name/cgroup.procs"; fi
done
# The tmpfs covers a folder that is empty in the overlay too; what is below is the real root.
work=/mnt
mount -t tmpfs -o size=3g,mode=755 "$name" "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$name" "$work/root"
# Services of this machine that have nothing to do with it.
for unit in postgresql.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer \
    haproxy.service kamailio.service; do
    ln -sf /dev/null "$work/root/etc/systemd/system/$unit"
done
exec systemd-nspawn --register=no --keep-unit --private-network --console=pipe --quiet --directory="$work/root" \
    --machine="$name" "$@" --boot systemd.show_status=no systemd.unit=multi-user.target

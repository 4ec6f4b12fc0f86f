#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# systemd_init.sh ROOT DIR: the first process of the namespaces that systemd.bash makes. Lays ROOT, what `make
# install DESTDIR=ROOT` has made, and the configuration and drop-in in DIR over this host's files, makes the group and the
# directories by the installed sysusers.d and tmpfiles.d, and becomes systemd.
set -euo pipefail
root=$1 dir=$2

mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/over
for path in /etc /usr/local; do
	upper=/run/over$path
	mkdir -p "$upper" "$upper.work"
	cp -a "$root$path/." "$upper/"
	mount -t overlay overlay -o "lowerdir=$path,upperdir=$upper,workdir=$upper.work" "$path"
done
cp "$dir/etc/weir.yaml" /etc/weir/weir.yaml
mkdir -p /etc/systemd/system/weir.service.d
cp "$dir/drop-in" /etc/systemd/system/weir.service.d/test.conf
systemd-sysusers weir.conf
systemd-tmpfiles --create weir.conf

umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# One that wants nothing is what is booted into
printf '[Unit]\nDefaultDependencies=no\n' > /run/systemd/system/nothing.target
exec /lib/systemd/systemd --system --unit=nothing.target --log-target=console --show-status=no

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Runs a command on a host for a reader of the docs: called in namespaces of mounts, processes and network of its own,
#   unshare --mount --net --pid --fork --propagation private docs_world.sh SCRATCH COMMAND...
# What is written to /etc, /usr/local, /root, /var and the repository stays in memory and goes with it. There are an
# interface eth0, 10.0.0.5/24, whose other end is a namespace of its own, and a BPF file system.
set -euo pipefail
scratch=$1
shift
here=$(cd "$(dirname "$0")/../.." && pwd)

mount -t proc proc /proc
mount -t tmpfs -o mode=755 docs "$scratch"
for path in /etc /usr/local /root /var "$here"; do
	upper=$scratch/over$path
	mkdir -p "$upper" "$scratch/work$path"
	mount -t overlay overlay -o "lowerdir=$path,upperdir=$upper,workdir=$scratch/work$path" "$path"
done
mount -t tmpfs -o mode=755 run /run
mount -t sysfs sysfs /sys
mount -t bpf -o mode=700 bpf /sys/fs/bpf
mkdir -p "$scratch/bin" /run/lock
# The caller is root already, and an editor saves what it was given
# shellcheck disable=SC2016 # the script's own
printf '#!/bin/sh\nexec env "$@"\n' > "$scratch/bin/sudo"
# shellcheck disable=SC2016
printf '#!/bin/sh\nexec touch "$1"\n' > "$scratch/bin/editor"
cp "$(dirname "$0")/docs_systemctl.sh" "$scratch/bin/systemctl"
chmod 755 "$scratch/bin/sudo" "$scratch/bin/editor"
export PATH=$scratch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root DOCS_SCRATCH=$scratch
unset WEIR_SOCKET

ip link set lo up
ip netns add docs-outside
ip link add eth0 type veth peer name eth0 netns docs-outside
ip addr add 10.0.0.5/24 dev eth0
ip link set eth0 up
ip -n docs-outside addr add 10.0.0.1/24 dev eth0
ip -n docs-outside link set eth0 up

cd "$here"
# Not exec: the first process here has to bury the orphans, or pgrep finds them for ever
"$@"

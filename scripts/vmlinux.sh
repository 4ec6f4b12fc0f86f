#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Renews vmlinux/vmlinux.h, the kernel's types, from the kernel that runs.
#
# Rarely needed: what we read of the kernel is relocated at load time (CO-RE), so one file serves
# every kernel. Do it when a type or a field is wanted that the present file lacks, on the newest
# kernel at hand, and commit the result by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

btf=${1:-/sys/kernel/btf/vmlinux}
bpftool=$(PATH=$PATH:/usr/sbin command -v bpftool) || { echo "bpftool is missing: run 'make deps' as root" >&2; exit 1; }
[ -r "$btf" ] || { echo "$btf cannot be read: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)" >&2; exit 1; }

"$bpftool" btf dump file "$btf" format c > vmlinux/vmlinux.h.new
for type in 'struct xdp_md ' 'struct __sk_buff ' 'struct tcphdr '; do
	grep -q "^$type{" vmlinux/vmlinux.h.new ||
		{ echo "no $type in $btf, left vmlinux/vmlinux.h as it was" >&2; rm vmlinux/vmlinux.h.new; exit 1; }
done
mv vmlinux/vmlinux.h.new vmlinux/vmlinux.h
echo "vmlinux/vmlinux.h is of kernel $(uname -r), $(wc -l < vmlinux/vmlinux.h) lines"

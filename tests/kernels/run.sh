#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Boots other kernels under software emulation and lets weir limit pings there: loads, attaches in each
# mode, holds the limit, leaves nothing. Kernels are Debian packages, fetched with apt.
#
#   tests/kernels/run.sh [PACKAGE...]     default: linux-image-cloud-amd64 of this release
#
# Prints TAP. Needs qemu-system-x86, busybox-static and cpio (scripts/deps.sh kernels).
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
weir=${WEIR:-build/weir}

newest() { # META-PACKAGE -> the image package it stands for
	apt-cache depends "$1" | awk '/Depends: linux-image-/ { print $2; exit }'
}

# Everything the root needs: busybox, weir with its libraries, the modules of veth and TC
make_root() { # MODULES ROOT
	local library
	mkdir -p "$2"/{bin,usr/sbin,proc,sys,dev,lib/modules}
	cp /bin/busybox "$2/bin/"
	cp "$weir" "$2/usr/sbin/weir"
	cp build/tools/gate "$2/usr/sbin/gate"
	cp tests/kernels/init.sh "$2/init"
	chmod +x "$2/init"
	cp "$(command -v ip)" "$(command -v tc)" "$2/usr/sbin/"
	ldd "$weir" "$2/usr/sbin/ip" "$2/usr/sbin/tc" | grep -o '/lib[^ ]*' | sort -u | while read -r library; do
		mkdir -p "$2$(dirname "$library")"
		cp -L "$library" "$2$library"
	done
	(cd "$1/lib" && find modules -name 'veth.ko*' -o -name 'sch_ingress.ko*' -o -name 'cls_bpf.ko*' | cpio -pdm --quiet "$2/lib")
}

plan=0 failed=0
for package in "${@:-linux-image-cloud-amd64}"; do
	image=$(newest "$package")
	rm -rf "$work/deb" "$work/root"
	mkdir -p "$work/deb/tree"
	chmod 755 "$work" "$work/deb"
	(cd "$work/deb" && apt-get download -qq "${image:-$package}" 2>/dev/null && dpkg-deb -x ./*.deb tree)
	make_root "$work/deb/tree" "$work/root"
	(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1 >"$work/initrd")
	timeout 300 qemu-system-x86_64 -M microvm,acpi=off,rtc=on,pit=on,pic=on -cpu max -smp 2 -m 1024 -nographic \
		-no-reboot -kernel "$work"/deb/tree/boot/vmlinuz-* -initrd "$work/initrd" \
		-append "console=ttyS0 quiet panic=-1 reboot=t" </dev/null >"$work/console" 2>&1 || true
	tr -d '\r' <"$work/console" >"$work/lines"
	if ! grep -qx "done" "$work/lines"; then
		echo "not ok - $package: the kernel did not get to the end"
		sed 's/^/# /' "$work/lines" | tail -40
		failed=1
	fi
	while read -r line; do
		plan=$((plan + 1))
		echo "${line%% - *} $package"
		[[ $line = ok* ]] || failed=1
	done < <(grep -E '^(ok|not ok) ' "$work/lines")
	grep -q '^not ok ' "$work/lines" && sed 's/^/# /' "$work/lines"
done
echo "1..$plan"
exit $failed

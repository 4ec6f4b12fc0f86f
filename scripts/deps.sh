#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs what is missing for the groups named: build, test, check, bench, demo, kernels, debian13. Debian 12 or later.
#   scripts/deps.sh build test       install
#   scripts/deps.sh --list build     print what is missing, install nothing
# Does nothing, and needs neither root nor a network, when nothing is missing.
set -euo pipefail

# "a|b": either will do; where neither is installed the first that can be had is.
declare -A packages=(
[build]='clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev libmicrohttpd-dev libyaml-dev
	libjansson-dev libcurl4-gnutls-dev|libcurl4-openssl-dev libsystemd-dev libcap-dev libgnutls28-dev
	libprotobuf-c-dev protobuf-c-compiler libhiredis-dev libssl-dev libc6-dev gcc make pkg-config|pkgconf'
[test]='bats libcmocka-dev libclang-rt-dev python3 python3-scapy python3-prometheus-client python3-protobuf python3-yaml
	nginx-light|nginx-core|nginx-full|nginx curl jq iproute2 nftables iptables ethtool tcpdump prometheus procps
	psmisc util-linux socat strace faketime openssl redis-server redis-sentinel redis-tools systemd libcap2-bin runc
	kubectl|kubernetes-client python3-yaml'
[check]='clang-format cppcheck shellcheck mandoc python3 libcmocka-dev'
[bench]='iproute2 ethtool nftables iptables jq curl procps util-linux python3 python3-scapy
	iperf3'
[demo]='iproute2 curl ethtool jq nftables nginx-light|nginx procps util-linux python3'
[kernels]='qemu-system-x86 busybox-static cpio iproute2'
[debian13]='debootstrap buildah tar util-linux'
)

# Packages that would start a service: a test wants the program, not a server on this host
services='nginx nginx-light prometheus redis-server redis-sentinel'

say() { printf 'deps: %s\n' "$*" >&2; }
die() {
	say "$@"
	exit 1
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

can_be_had() {
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# One line a package (or choice of packages) that is wanted and not there
missing() {
	local group want choice
	for group in "$@"; do
		for want in ${packages[$group]}; do
			for choice in ${want//|/ }; do
				is_installed "$choice" && continue 2
			done
			echo "$want"
		done
	done | sort -u
}

# Of each choice the first that apt knows; the first of all when it knows none, for apt to complain about
choose() {
	local want choice
	for want in "$@"; do
		for choice in ${want//|/ }; do
			can_be_had "$choice" && break
			choice=
		done
		echo "${choice:-${want%%|*}}"
	done
}

# While this file says 101, Debian's maintainer scripts start no service. Put back whatever happens.
policy=/usr/sbin/policy-rc.d
policy_mark='# written by weir scripts/deps.sh, safe to remove'
hold_services() {
	trap release_services EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ -e $policy ] && ! grep -q "$policy_mark" $policy; then
		[ -e $policy.weir ] || mv $policy $policy.weir
	fi
	printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" > $policy
	chmod 755 $policy
}

release_services() {
	grep -qs "$policy_mark" $policy && rm -f $policy
	[ ! -e $policy.weir ] || mv $policy.weir $policy
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 "$@" \
		< /dev/null >&2
}

twice() {
	"$@" && return
	say "that failed, trying once more in 5 seconds: $*"
	sleep 5
	"$@"
}

main() {
	local list=false group os
	if [ "${1-}" = --list ]; then
		list=true
		shift
	fi
	[ $# -gt 0 ] || die "which groups? scripts/deps.sh build test check bench demo kernels debian13"
	for group in "$@"; do
		case $group in
		build | test | check | bench | demo | kernels | debian13) ;;
		*) die "no group is called '$group'; there are: build test check bench demo kernels debian13" ;;
		esac
	done

	# shellcheck source=/dev/null
	os=$(. /etc/os-release && echo "${PRETTY_NAME-this system}")
	if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
		local wanted=
		for group in "$@"; do wanted+=" ${packages[$group]}"; done
		die "$os is not Debian. Install by hand what Debian calls: $(tr -s '\n\t ' ' ' <<< "$wanted")"
	fi

	local -a lack
	mapfile -t lack < <(missing "$@")
	if $list; then
		[ ${#lack[@]} -eq 0 ] || printf '%s\n' "${lack[@]}"
		return
	fi
	[ ${#lack[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || die "run this as root, or install by hand: ${lack[*]}"

	say "installing ${lack[*]}"
	twice apt update
	mapfile -t lack < <(choose "${lack[@]}")
	hold_services
	twice apt install --no-install-recommends "${lack[@]}" ||
		die "apt-get could not install: ${lack[*]}"

	# What was not started now must not start at the next boot either. Without systemctl (a container)
	# there is Debian's own helper, which wants to be told for which package.
	local package
	for package in "${lack[@]}"; do
		[[ " $services " == *" $package "* ]] || continue
		if systemctl disable --quiet "${package%-light}.service" 2> /dev/null ||
			DPKG_MAINTSCRIPT_PACKAGE=$package deb-systemd-helper disable "${package%-light}.service" > /dev/null 2>&1; then
			say "$package is installed for tests; its service is neither started nor enabled"
		else
			say "$package is installed for tests; its service was not started, but may start at the next boot"
		fi
	done
}

main "$@"

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Sourced by the scripts of this folder: two namespaces with a veth between them, the generator on
# processor 0, everything that happens to a received packet in one kernel thread on processor 1.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

net=wb$$
work=$(mktemp -d)
weir_pid=
flood=build/tools/flood
weir=build/weir
# shellcheck disable=SC2034
started_ms= # from the start of weir until it enforced, for those who source this

here() { nsenter --net="/run/netns/${net}a" "$@"; }
there() { nsenter --net="/run/netns/${net}b" "$@"; }

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# make_veth: the namespaces and the wire
make_veth() {
	[ "$(id -u)" = 0 ] || die "needs root"
	[ "$(nproc)" -ge 2 ] || die "wants two processors: one for the generator, one for the receiver"
	[ "$(sysctl -n kernel.bpf_stats_enabled)" = 0 ] || die "BPF statistics are on, which slows programs: sysctl kernel.bpf_stats_enabled=0"
	trap clean_net EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	ip netns add "${net}a"
	ip netns add "${net}b"
	ip link add wbtx netns "${net}a" type veth peer name wbrx netns "${net}b"
	ip -n "${net}a" addr add 198.18.0.1/24 dev wbtx
	ip -n "${net}b" addr add 198.18.0.2/24 dev wbrx
	ip -n "${net}a" link set wbtx up
	ip -n "${net}b" link set wbrx up
}

# make_net: the same, with a thread for what is received
make_net() {
	make_veth
	there ethtool -K wbrx gro on
	mac=$(ip -n "${net}b" -j link show wbrx | jq -r '.[0].address')
	# The received packets' own thread, whose processor time is exactly what they cost
	ip netns exec "${net}b" sh -c 'echo 1 > /sys/class/net/wbrx/threaded'
	napi=
	for _ in $(seq 50); do
		napi=$(pgrep '^napi/wbrx-' | tail -1) && break
		sleep 0.1
	done
	[ -n "$napi" ] || die "the kernel made no thread for wbrx"
	taskset -pc 1 "$napi" > /dev/null
	# Before processes, as packets go with a network card
	chrt -f -p 1 "$napi"
}

clean_net() {
	local status=$?
	trap - EXIT
	end_weir
	ip netns del "${net}a" 2> /dev/null || true
	ip netns del "${net}b" 2> /dev/null || true
	rm -rf "$work"
	exit $status
}

# shellcheck disable=SC2034 # started_ms
# start_weir ATTACH LINE...: with these lines in its service, of $match, and $extra beside it; back when it enforces. Sets started_ms
start_weir() {
	local attach=$1 begin
	shift
	cat > "$work/weir.yaml" <<- EOF
		interfaces: [{name: wbrx, attach: $attach}]
		services:
		  - name: measured
		    match: ${match:-[udp/9]}
		$(printf '    %s\n' "$@")
		${extra-}
		http: {listen: "off", admin: $work/weir.sock}
		pins: /sys/fs/bpf/weir-$net
	EOF
	: > "$work/weir.log"
	begin=${EPOCHREALTIME/./}
	nsenter --net="/run/netns/${net}b" "$weir" run -c "$work/weir.yaml" --log text > "$work/weir.log" 2>&1 &
	weir_pid=$!
	until [[ $(< "$work/weir.log") == *": attached"* ]]; do
		if [ $((${EPOCHREALTIME/./} - begin)) -gt 10000000 ] || ! kill -0 $weir_pid 2> /dev/null; then
			die "weir did not start: $(cat "$work/weir.log")"
		fi
		sleep 0.001
	done
	started_ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	until [ -S "$work/weir.sock" ]; do sleep 0.01; done
}

end_weir() {
	[ -n "$weir_pid" ] || return 0
	# More than once: a shell's own trap swallows a signal that comes before it has become weir
	for _ in $(seq 50); do
		kill "$weir_pid" 2> /dev/null || break
		sleep 0.1
	done
	kill -KILL "$weir_pid" 2> /dev/null || true
	wait "$weir_pid" 2> /dev/null || true
	weir_pid=
	"$weir" detach --pins "/sys/fs/bpf/weir-$net" > /dev/null 2>&1 || true
}

ask_weir() { # PATH
	curl -sf --unix-socket "$work/weir.sock" "http://weir$1"
}

# send SOURCES SECONDS: prints what the generator does, "sent=N arrived=N ..."
send() {
	here "$flood" --interface wbtx --to 198.18.0.2 --mac "$mac" --cpu 0 --sources "$1" --seconds "$2"
}

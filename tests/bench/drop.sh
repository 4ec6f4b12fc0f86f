#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# How many packets a second does each limiter drop, on one processor, over the same veth?
#   tests/bench/drop.sh [ROUNDS]
# The same generator, limit (2 a minute, burst 2) and 60,000 or 1 sources for nftables' dynamic set
# (netdev ingress), iptables hashlimit (raw PREROUTING), Weir at XDP and at tcx, and an XDP program that drops
# everything: the floor. They take turns; each warms its table first. What was dropped is what each says itself,
# and must agree with what arrived.
#
# One line a measurement, fields separated by tabs:
#   limiter  sources  dropped  arrived  sent  elapsed_ms  receiver_cpu_ns
# shellcheck source=tests/bench/net.sh
source "$(dirname "$0")/net.sh"

rounds=${1:-3}
sources=60000
rate=2 burst=2
iptables=$(command -v iptables) || die "there is no iptables: make deps DEPS=bench"
set_size=1048576

begin_nft() {
	there nft -f - <<- EOF
		table netdev bench {
			set seen {
				type ipv4_addr
				size $set_size
				flags dynamic
			}
			chain in {
				type filter hook ingress device wbrx priority 0
				add @seen { ip saddr limit rate over $rate/minute burst $burst packets } counter drop
			}
		}
	EOF
}
dropped_nft() { there nft -j list chain netdev bench in | jq '[.nftables[].rule.expr[]?.counter.packets // empty] | add'; }
end_nft() { there nft delete table netdev bench; }

begin_hashlimit() {
	there "$iptables" -t raw -A PREROUTING -i wbrx -p udp -m hashlimit --hashlimit-above $rate/minute --hashlimit-burst $burst \
		--hashlimit-mode srcip --hashlimit-name "$net" --hashlimit-htable-size 65536 --hashlimit-htable-max $set_size \
		--hashlimit-htable-expire 60000 -j DROP
}
dropped_hashlimit() { there "$iptables" -t raw -L PREROUTING -nvx | awk '$3 == "DROP" { print $1 }'; }
end_hashlimit() { there "$iptables" -t raw -F PREROUTING; }

begin_weir_xdp() { start_weir native "limits: {default: [$rate/min packets burst $burst]}" "new_clients: unlimited"; }
begin_weir_tcx() { start_weir tc "limits: {default: [$rate/min packets burst $burst]}" "new_clients: unlimited"; }
# Its figures are a second old at most
dropped_weir() {
	sleep 1.2
	ask_weir /v1/status | jq '[.services[] | select(.name == "measured") | .refused.packets] | add'
}
dropped_weir_xdp() { dropped_weir; }
dropped_weir_tcx() { dropped_weir; }
end_weir_xdp() { end_weir; }
end_weir_tcx() { end_weir; }

begin_floor() { there ip link set wbrx xdp object build/tests/bench/bench.bpf.o program weir_drop; }
dropped_floor() { arrived; }
end_floor() { there ip link set wbrx xdp off; }

# shellcheck disable=SC2016 # awk's
arrived() { there awk '$1 == "wbrx:" { print $3 }' /proc/thread-self/net/dev; }
cpu_ns() { awk '{ print $1 }' "/proc/$napi/schedstat"; }

# measure LIMITER SOURCES
measure() {
	local dropped arrived cpu sent elapsed
	dropped=$("dropped_$1") arrived=$(arrived) cpu=$(cpu_ns)
	[[ $(send "$2" 1) =~ sent=([0-9]+).*seconds=([0-9]+)\.([0-9]+) ]]
	sent=${BASH_REMATCH[1]} elapsed=$((10#${BASH_REMATCH[2]}${BASH_REMATCH[3]}))
	sleep 0.1
	cpu=$(($(cpu_ns) - cpu)) arrived=$(($(arrived) - arrived)) dropped=$(($("dropped_$1") - dropped))
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" $dropped $arrived "$sent" $elapsed $cpu
	# Each source may have what the limit grants in a second or so, and what it had not used yet
	[ $((dropped * 100)) -ge $((arrived * 95)) ] || die "$1 says it dropped $dropped of $arrived"
}

# Until each source has used its burst up, several times over
warm() {
	local before
	before=$(arrived)
	for _ in 1 2 3 4 5; do
		send $sources 1 > /dev/null
		[ $(($(arrived) - before)) -lt $((8 * sources)) ] || return 0
	done
}

make_net
for _ in $(seq "$rounds"); do
	for limiter in floor nft hashlimit weir_xdp weir_tcx; do
		"begin_$limiter"
		warm
		measure $limiter $sources
		measure $limiter 1
		"end_$limiter"
	done
done

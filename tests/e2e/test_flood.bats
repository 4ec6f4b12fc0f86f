#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# The packet generator that other tests, the benchmarks and the demonstration stand on: what it says it
# sends is what arrives, and the packets are sound.

bats_require_minimum_version 1.5.0

setup() {
	flood=$BATS_TEST_DIRNAME/../../build/tools/flood
	from=fl$$a to=fl$$b
	ip netns add "$from"
	ip netns add "$to"
	ip link add fla netns "$from" type veth peer name flb netns "$to"
	ip -n "$from" addr add 198.18.7.1/24 dev fla
	ip -n "$to" addr add 198.18.7.2/24 dev flb
	ip -n "$from" addr add fd00:18:7::1/64 dev fla nodad
	ip -n "$to" addr add fd00:18:7::2/64 dev flb nodad
	# Nothing but the flood
	here sysctl -qw net.ipv6.conf.fla.router_solicitations=0
	there sysctl -qw net.ipv6.conf.flb.router_solicitations=0
	ip -n "$from" link set fla up
	ip -n "$to" link set flb up
	# A frame from XDP arrives only where there is NAPI
	there ethtool -K flb gro on
	there nft -f - <<- EOF
		table netdev count {
			chain in {
				type filter hook ingress device flb priority 0
				ip saddr 10.0.0.0/8 counter
				ip6 saddr 2001:db8::/32 counter
				ip saddr 10.0.0.0/8 drop
				ip6 saddr 2001:db8::/32 drop
			}
		}
	EOF
}

teardown() {
	ip netns del "$from" 2> /dev/null || true
	ip netns del "$to" 2> /dev/null || true
}

here() { nsenter --net="/run/netns/$from" "$@"; }
there() { nsenter --net="/run/netns/$to" "$@"; }

flood() { here "$flood" --interface fla "$@"; }

arrived() { # packets with made-up sources that the other end has seen
	there nft -j list chain netdev count in | jq '[.nftables[].rule.expr[]?.counter.packets // empty] | add'
}

lost() { # packets that found the ring of the other end full
	ip -n "$to" -s -j link show dev flb | jq '.[0].stats64.rx.dropped'
}

# all_are_there COUNT: they have arrived, but for those that were lost
all_are_there() { [ $(("$(arrived)" + "$(lost)")) = "$1" ]; }

# eventually COMMAND...: within 10 s
eventually() {
	local _
	for _ in {1..100}; do
		! "$@" || return 0
		sleep 0.1
	done
	echo "never came true: $*"
	return 1
}

# capture FILE FILTER: what arrives, in the background; ready when it returns
capture() {
	pcap=$1
	nsenter --net="/run/netns/$to" tcpdump -i flb -nn -s 256 -B 16384 -U -Z root -w "$1" --immediate-mode "$2" 2> "$1.log" 3>&- &
	capture_pid=$!
	eventually grep -q 'listening on' "$1.log" || { cat "$1.log"; return 1; }
}

captured() { tcpdump -nn "$@" -r "$pcap" 2> /dev/null; }
has_captured() { [ "$(captured | wc -l)" -ge "$1" ]; }

# end_capture COUNT: when it has so many
end_capture() {
	eventually has_captured "$1" || true
	kill "$capture_pid"
	wait "$capture_pid" || true
	tail -3 "$pcap.log"
}

@test "as many packets are sent as were asked for, IPv4 and IPv6, UDP and TCP; all arrive, but for what a full ring lost" {
	wanted=0
	for address in 198.18.7.2 fd00:18:7::2; do
		for kind in "--dport 9" "--dport 80 --tcp"; do
			# shellcheck disable=SC2086 # words
			run -0 flood --to $address $kind --sources 1000 --packets 30000 --seconds 15
			echo "$output"
			[[ $output == "sent=30000 "* ]]
			wanted=$((wanted + 30000))
			eventually all_are_there $wanted
		done
	done
	# none is lost unless the machine is busy
	echo "lost: $(lost)"
	[ "$(lost)" -lt 12000 ]
}

@test "what it says has arrived is what the other end counts" {
	run -0 flood --to 198.18.7.2 --sources 60000 --seconds 1
	[[ $output =~ sent=([0-9]+)\ arrived=([0-9]+) ]]
	echo "$output, counted $(arrived)"
	# a few that are none of its own; and those still in the ring (256) when it looked
	off=$((BASH_REMATCH[2] - "$(arrived)"))
	[ $off -le 5 ] && [ $off -ge -256 ]
}

@test "every checksum is right, and each source comes up as often as the others" {
	local n=3000
	for address in 198.18.7.2 fd00:18:7::2; do
		for kind in "--size 101" "--tcp"; do
			capture "$BATS_TEST_TMPDIR/pcap" "net 10.0.0.0/8 or net 2001:db8::/32"
			# shellcheck disable=SC2086 # two words
			flood --to $address $kind --sources 1000 --packets $n --dport 443 --pps 6000 --seconds 15
			end_capture $n
			captured -vvv > "$BATS_TEST_TMPDIR/text"
			run -1 grep -E 'incorrect|bad (udp )?cksum' "$BATS_TEST_TMPDIR/text"
			echo "lost: $(lost)"
			[ "$(captured -q | sed -E 's/^[^ ]+ IP6? ([^ ]+)\.[0-9]+ > .*/\1/' | sort | uniq -c |
				awk '{ print $1 }' | sort | uniq -c | awk '{ print $1, $2 }')" = "1000 3" ]
		done
	done
}

@test "a rate is held, and never exceeded: 1000, 100000" {
	for rate in 1000 100000; do
		best=0
		# exceeded never; held whenever it gets a processor
		for _ in {1..5}; do
			before=$(arrived)
			flood --to 198.18.7.2 --sources 10 --seconds 2 --pps $rate
			came=$(("$(arrived)" - before))
			echo "$came in 2 s at $rate/s"
			[ $came -le $((rate * 201 / 100 + 1)) ]
			[ $came -le $best ] || best=$came
			[ $best -lt $((rate * 19 / 10)) ] || break
		done
		[ $best -ge $((rate * 19 / 10)) ]
	done
}

@test "one source is exactly the one asked for" {
	capture "$BATS_TEST_TMPDIR/pcap" "src 10.9.8.7"
	flood --to 198.18.7.2 --from 10.9.8.7 --packets 50
	end_capture 50
	[ "$(captured | wc -l)" = 50 ]
}

@test "it leaves by a veth only, and says why" {
	ip -n "$from" link set lo up
	run -1 here "$flood" --interface lo --to 127.0.0.1
	[[ $output == *"only over a veth"* ]]
	run -1 here "$flood" --interface nothere --to 127.0.0.1
	run -1 flood --to 198.18.7.2 --seconds 601
	run -1 flood --to 198.18.7.2 --sources 16777217
	run -1 flood --to 198.18.7.2 --from 2001:db8::1
}

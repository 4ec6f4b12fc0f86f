#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# What Weir is for: polite clients are served, the others held to their limit; real nginx, real sockets.

load lib
setup() { world; }
teardown() { end_of_world; }

@test "a polite client is served while one over its limit is dropped, IPv4 and IPv6" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: web, match: [tcp/80], limits: {default: [1/hour connections burst 3]}}
	END
	start
	web
	is "3 served, 0 refused, 1 silent" "$(fetches 4 --interface 10.77.128.1 http://10.77.0.1/)"
	is "3 served, 0 refused, 1 silent" "$(fetches 4 --interface fd77:0:0:1::1 'http://[fd77::1]/')"
	is "2 served, 0 refused, 0 silent" "$(fetches 2 --interface 10.77.128.2 http://10.77.0.1/)"
	is "2 served, 0 refused, 0 silent" "$(fetches 2 --interface fd77:0:0:2::1 'http://[fd77::1]/')"
	# a /64 is one client
	is "0 served, 0 refused, 1 silent" "$(fetches 1 --interface fd77:0:0:1::2 'http://[fd77::1]/')"
	verdicts=$(verdicts web)
	holds '.limited >= 3' "$verdicts" # SYNs are repeated while curl waits
	holds '.rejected == null' "$verdicts"
}

rejects_at() { # ATTACH MODE
	configure <<- END
		interfaces: [{name: wan, attach: $1}]
		services:
		  - {name: web, match: [tcp/80], on_limit: reject, limits: {default: [1/hour connections burst 3]}}
	END
	start
	web
	answers_arrive
	is "$2" "$(status_now | jq -r '.interfaces[0].mode')"
	is "3 served, 1 refused, 0 silent" "$(fetches 4 http://10.77.0.1/)"
	is "3 served, 1 refused, 0 silent" "$(fetches 4 'http://[fd77::1]/')"
	read -r error _ seconds <<< "$(fetch http://10.77.0.1/)"
	is 7 "$error"
	echo "# refused after $seconds s" >&3
	# by the answer to its first SYN: none was sent again
	is 0 "$(counter "$client" TcpExt TCPSynRetrans)"
	holds '.rejected == 3 and .limited == null' "$(verdicts web)"
}

@test "reject: the caller over its limit fails at once, native XDP" { rejects_at native native; }
@test "reject: the caller over its limit fails at once, generic XDP" { rejects_at generic generic; }
@test "reject: the caller over its limit fails at once, TC" { rejects_at tc tcx; }

@test "packets: a burst passes and no more, IPv4 and IPv6 alike" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 40]}}
	END
	start
	send udp 10.77.0.1 53 --count 100
	send udp fd77::1 53 --count 100
	is 80 "$(udp_received)"
	is '{"limited":120,"passed":80}' "$(verdicts dns | jq -cS)"
}

@test "bytes: a burst of bytes passes, whatever the size of packets" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [256B/s bytes burst 50kB]}}
	END
	start
	send udp 10.77.0.1 53 --count 100 --size 958 # a frame of 1000 bytes
	send udp 10.77.0.1 53 --count 1 --size 18 --from 10.77.128.1
	is 51 "$(udp_received)"
	holds '.services[] | select(.name == "dns") | .passed.bytes == 50060 and .refused.bytes == 50000' "$(status_now)"
}

@test "two limits hold together: the second refuses what the first lets through" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [100/s packets burst 5, 1/hour packets burst 20]}
	END
	start
	send udp 10.77.0.1 53 --count 100
	send udp 10.77.0.1 53 --count 40 --rate 40
	is 20 "$(udp_received)"
	# at once: most are over the first; slowly: over the second alone
	limits=$(status_now | jq -c '[.services[] | select(.name == "dns") | .tiers[].limits[] | .refusals]')
	holds '(.[0] > 50) and (.[1] > 5) and add == 120' "$limits"
}

@test "tiers by prefix: the longest wins, each has its own limits, unlimited has none" {
	configure <<- END
		interfaces: [{name: wan}]
		tiers:
		  - name: anonymous
		  - {name: partner, prefixes: [10.77.129.0/24, "fd77:0:0:1::/64"]}
		  - {name: staff, prefixes: [10.77.129.128/25], unlimited: true}
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {anonymous: [1/hour packets burst 5], partner: [1/hour packets burst 30]}
	END
	start
	for from in 10.77.0.2 10.77.129.1 10.77.129.129; do
		send udp 10.77.0.1 53 --count 100 --from $from
	done
	send udp fd77::1 53 --count 100 --from fd77:0:0:1::9
	is 165 "$(udp_received)"
	tiers=$(status_now | jq -c '[.services[] | select(.name == "dns") | .tiers[] | {(.name): .verdicts}] | add')
	holds '.anonymous.passed.packets == 5 and .partner.passed.packets == 60 and .staff.unlimited.packets == 100' "$tiers"
}

@test "deny refuses, allow is never limited, the longer prefix decides between them" {
	configure <<- END
		interfaces: [{name: wan}]
		deny: [10.77.128.0/24, "fd77:0:0:1::/64"]
		allow: [10.77.128.7, 10.77.130.0/24]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 5]}}
	END
	start
	for from in 10.77.128.1 10.77.128.7 10.77.130.1; do
		send udp 10.77.0.1 53 --count 20 --from $from
	done
	send udp fd77::1 53 --count 20 --from fd77:0:0:1::1
	is 40 "$(udp_received)"
	is '{"denied":40,"unlimited":40}' "$(verdicts dns | jq -cS)"
}

@test "a ban refuses everything from a prefix until it is lifted" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1000/s packets]}}
	END
	start
	send udp 10.77.0.1 53 --count 10 --from 10.77.128.1
	"$weir" ban 10.77.128.0/24
	send udp 10.77.0.1 53 --count 10 --from 10.77.128.1
	send udp 10.77.0.1 53 --count 10 --from 10.77.129.1
	send udp 10.77.0.1 99 --count 10 --from 10.77.128.1
	is 20 "$(udp_received)"
	"$weir" unban 10.77.128.0/24
	send udp 10.77.0.1 53 --count 10 --from 10.77.128.1
	is 30 "$(udp_received)"
	holds '.banned == 10' "$(verdicts dns)"
	holds '.banned == 10' "$(verdicts other)"
}

@test "a ban ends by itself, in the kernel, to the millisecond" {
	configure <<- END
		interfaces: [{name: wan}]
	END
	start
	keep_sending 53 --rate 1000 --from 10.77.128.1 --times "$dir/times"
	before=$(date +%s%N)
	"$weir" ban 10.77.128.0/24 --for 3s
	after=$(date +%s%N)
	# the daemon has no part in its end
	kill -STOP "$daemon"
	banned=$(udp_received)
	is "$banned" "$(sleep 0.5; udp_received)"
	eventually 5 received_more_than $((banned + 100))
	end_sending
	passed=$(($(udp_received) - banned))
	kill -CONT "$daemon"
	# The last so many passed: the first of them was sent when the ban was over, the one before it was not. A
	# packet is on the wire between its time and the next one's.
	mapfile -t times < "$dir/times"
	first=$((${#times[@]} - passed))
	early=$((before + 3000000000 - times[first + 1])) late=$((times[first - 1] - after - 3000000000))
	echo "# $passed of ${#times[@]} passed after the ban; lifted at most $((early / 1000)) us early, $((late / 1000)) us late" >&3
	[ $early -lt 1000000 ]
	[ $late -lt 1000000 ]
	eventually 3 bans_are_gone
	is "no bans" "$("$weir" bans)"
}

received_more_than() { [ "$(udp_received)" -gt "$1" ]; }

bans_are_gone() { [ "$("$weir" bans --json | jq '.bans | length')" = 0 ]; }

@test "a protected port passes whatever the limits say, even for the banned" {
	configure <<- END
		interfaces: [{name: wan}]
		protected_ports: [tcp/22, udp/161]
		deny: [10.77.0.2]
		services:
		  - {name: other, limits: {default: [1/hour packets burst 1]}}
	END
	start
	"$weir" ban fd77::/64
	send udp 10.77.0.1 161 --count 20
	send udp fd77::1 161 --count 20
	is 40 "$(udp_received)"
	holds '.protected == 40' "$(verdicts other)"
}

@test "without a file it observes: nothing is refused, what a limit would refuse is shown" {
	command -v unshare > /dev/null || skip "unshare is not installed"
	# It has no way to be told of pins, so it gets a /sys/fs/bpf of its own
	log=$dir/weir.log
	socket=$dir/weir.sock
	nsenter --net="/run/netns/$host" unshare --mount sh -c 'mount -t bpf bpf /sys/fs/bpf && exec "$@"' sh \
		"$weir" run -i wan --socket "$socket" --log json 2> "$log" 3>&- < /dev/null &
	daemon=$!
	echo $! >> "$dir/pids"
	is_ready
	logged 'observing, nothing is refused'
	# its limit is 500/s, burst 1000
	seconds=$(send udp 10.77.0.1 53 --count 3000 --rate 3000 | jq .seconds) # a veth that is not kept up with drops
	is 3000 "$(udp_received)"
	status=$(status_now)
	least=$(jq -n "[1, 1999 - 500 * $seconds] | max | floor")
	holds ".services[] | select(.name == \"dns\") | .mode == \"observe\" and .passed.packets == 3000 and .observed >= $least
		and .refused.packets == 0" "$status"
	holds "[.services[] | select(.name == \"dns\") | .tiers[].limits[].refusals] | add >= $least" "$status"
	run -0 "$weir" status
	contains "$output" observe
	in_host curl -s http://127.0.0.1:9464/metrics > "$dir/metrics"
	grep -E '^weir_observed_packets_total\{service="dns",tier="default",reason="limited"\} [1-9]' "$dir/metrics"
	stop
	nothing_left
}

@test "a group limit is one bucket for all clients of the tier" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [1000/s packets burst 1000]}
		    group_limits: {default: [1/hour packets burst 50]}
	END
	start
	for n in {1..5}; do
		send udp 10.77.0.1 53 --count 20 --from "10.77.128.$n"
	done
	send udp fd77::1 53 --count 20
	is 50 "$(udp_received)"
	is '{"group_limited":70,"passed":50}' "$(verdicts dns | jq -cS)"
}

tagged_at() { # ATTACH
	configure <<- END
		interfaces: [{name: wan, attach: $1}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 10]}}
	END
	start
	for tags in '' 'Dot1Q(vlan=7)/' 'Dot1AD(vlan=8)/Dot1Q(vlan=7)/' 'Dot1Q(vlan=1)/Dot1Q(vlan=2)/Dot1Q(vlan=3)/'; do
		send raw eth0 "Ether(dst='$host_mac',src='$client_mac')/${tags}IP(src='10.77.0.2',dst='10.77.0.1')/UDP(dport=53)" --count 10
	done
	# one client, one bucket, whatever the tags
	is '{"limited":30,"passed":10}' "$(verdicts dns | jq -cS)"
}

@test "tagged frames are the same client: 0 to 3 VLAN tags share one bucket, XDP" { tagged_at native; }
@test "tagged frames are the same client: 0 to 3 VLAN tags share one bucket, TC" { tagged_at tc; }

vlan_at() { # ATTACH
	ip -n "$host" link add link wan name wan.7 type vlan id 7 2> /dev/null || skip "this kernel has no VLAN interfaces"
	ip -n "$client" link add link eth0 name eth0.7 type vlan id 7
	ip -n "$host" addr add 10.78.0.1/24 dev wan.7
	ip -n "$client" addr add 10.78.0.2/24 dev eth0.7
	ip -n "$host" link set wan.7 up
	ip -n "$client" link set eth0.7 up
	configure <<- END
		interfaces: [{name: wan, attach: $1}]
		services:
		  - {name: web, match: [tcp/80], on_limit: reject, limits: {default: [1/hour connections burst 3]}}
	END
	start
	web
	answers_arrive
	is "3 served, 1 refused, 0 silent" "$(fetches 4 http://10.78.0.1/)"
}

@test "connections over a VLAN interface are limited on the wire below it, and rejected with the tag, XDP" { vlan_at native; }
@test "connections over a VLAN interface are limited on the wire below it, and rejected with the tag, TC" { vlan_at tc; }

@test "later fragments are charged to the client in the service other; whole datagrams within it arrive" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 1000]}}
		  - {name: other, limits: {default: [1/hour packets burst 20]}}
	END
	start
	background receiver "$host" "$python" "$traffic" receive 53
	eventually 5 grep -q receiving "$dir/receiver.out"
	# 4000 bytes are three fragments: the first goes to dns, two to other
	send udp 10.77.0.1 53 --count 20 --size 4000
	send udp fd77::1 53 --count 20 --size 4000 --from fd77:0:0:1::1
	is '{"passed":40}' "$(verdicts dns)"
	others=$(verdicts other)
	holds '.passed == 40 and .limited == 40' "$others"
	kill -TERM "$receiver"
	wait "$receiver"
	holds '.datagrams == 20 and .bytes == 80000' "$(tail -n 1 "$dir/receiver.out")"
}

@test "jumbo frames are counted with their true length, native XDP and TC" {
	ip -n "$host" link set wan mtu 9000
	ip -n "$client" link set eth0 mtu 9000
	for attach in native tc; do
		configure <<- END
			interfaces: [{name: wan, attach: $attach}]
			services:
			  - {name: dns, match: [udp/53], limits: {default: [256B/s bytes burst 90140]}}
		END
		start
		before=$(udp_received)
		send udp 10.77.0.1 53 --count 20 --size 8972 # 9014 with its headers
		is 10 $(($(udp_received) - before))
		holds '.services[] | select(.name == "dns") | .passed == {"packets": 10, "bytes": 90140} and .refused.bytes == 90140' \
			"$(status_now)"
		stop
	done
}

@test "merged TCP at TC is counted as the segments that came, packets and bytes" {
	configure <<- END
		interfaces: [{name: wan, attach: tc}]
		services:
		  - {name: bulk, match: [tcp/5001], limits: {default: [1G/s packets]}}
	END
	start
	in_host ethtool -K wan gro on
	in_client ethtool -K eth0 tso on gso on
	background reader "$host" socat -u TCP6-LISTEN:5001,ipv6only=0 OPEN:/dev/null
	eventually 5 in_host sh -c "ss -ltn | grep -q :5001"
	in_client sh -c "head -c 20000000 /dev/zero | socat -u STDIN TCP:10.77.0.1:5001"
	eventually 5 stopped "$reader"
	counted=$(status_now | jq -c '.services[] | select(.name == "bulk") | .passed')
	# What the kernel says of the same: segments sent, those sent again (not among them), what the wire lost, and what
	# the receiver's TCP has seen, which must be fewer, or nothing was proved
	sent=$(counter "$client" Tcp OutSegs) again=$(counter "$client" Tcp RetransSegs)
	lost=$(ip -n "$client" -s -j link show dev eth0 | jq '.[0].stats64.tx.dropped') seen=$(counter "$host" Tcp InSegs)
	echo "# $sent segments and $again again, $lost packets lost, $seen seen; counted: $counted" >&3
	[ "$seen" -lt $((sent * 3 / 4)) ]
	if [ "$lost" = 0 ]; then
		is $((sent + again)) "$(jq .packets <<< "$counted")"
	else # each was some segments, and they were sent again
		holds ".packets >= $sent and .packets < $sent + $again" "$counted"
	fi
	# 20 MB in segments of 1448 bytes, each with 66 bytes of headers; the SYN has 8 more
	holds ".bytes - .packets * 66 - 8 - 20000000 | . >= 0 and . <= 1456 * $again" "$counted"
}

@test "a ping flood is limited; ARP and neighbour discovery pass whatever came before" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: ping, match: [icmp, icmpv6], limits: {default: [1/hour packets burst 10]}}
		  - {name: other, limits: {default: [1/hour packets burst 1]}}
	END
	start
	send raw eth0 "Ether(dst='$host_mac',src='$client_mac')/IP(src='10.77.0.2',dst='10.77.0.1')/ICMP()" --count 60
	send raw eth0 "Ether(dst='$host_mac',src='$client_mac')/IPv6(src='fd77::2',dst='fd77::1')/ICMPv6EchoRequest()" --count 60
	is '{"limited":100,"passed":20}' "$(verdicts ping | jq -cS)"
	is 20 "$(in_host cat /proc/net/snmp /proc/net/snmp6 |
		awk '/^Icmp:/ && n++ { sum += $10 } $1 == "Icmp6InEchos" { sum += $2 } END { print sum }')"
	# the client asks anew, and is answered: no neighbour discovery is limited
	for n in {1..5}; do
		ip -n "$client" neigh del 10.77.0.1 dev eth0
		ip -n "$client" neigh del fd77::1 dev eth0
		send udp 10.77.0.1 9 --count 1
		send udp fd77::1 9 --count 1
		eventually 2 knows 10.77.0.1
		eventually 2 knows fd77::1
	done
	holds '.control >= 10' "$(verdicts other)"
}

knows() { ip -n "$client" neigh show to "$1" | grep -q lladdr; }

@test "destinations: the same port is another service at another address" {
	ip -n "$host" addr add 10.77.0.3/16 dev wan
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 5]}}
		  - {name: vip, match: [udp/53], destinations: [10.77.0.3], limits: {default: [1/hour packets burst 9]}}
	END
	start
	ip -n "$client" neigh replace 10.77.0.3 lladdr "$host_mac" dev eth0
	send udp 10.77.0.1 53 --count 20
	send udp 10.77.0.3 53 --count 20
	is 14 "$(udp_received)"
	holds '.passed == 9' "$(verdicts vip)"
}

@test "client_prefix: addresses of one prefix are one client, per service" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - name: dns
		    match: [udp/53]
		    client_prefix: {ipv4: 24, ipv6: 128}
		    limits: {default: [1/hour packets burst 5]}
	END
	start
	send udp 10.77.0.1 53 --count 4 --from 10.77.128.1
	send udp 10.77.0.1 53 --count 4 --from 10.77.128.2
	is 5 "$(udp_received)"
	send udp fd77::1 53 --count 5 --from fd77:0:0:1::1
	send udp fd77::1 53 --count 5 --from fd77:0:0:1::2
	is 15 "$(udp_received)"
}

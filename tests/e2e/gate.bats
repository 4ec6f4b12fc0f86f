#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# Circuit breakers as the kernel enforces them, with real sockets: what a caller sees, on this host and behind it, with and without
# checksum offload. A tool writes the gates; the state machine has tests of its own. Here $client is the upstream:
#
#   $pod: eth0 10.78.0.2/24 fd78::2/64 -- pod0 :$host: wan -- eth0 10.77.0.2 fd77::2 :$client

load lib
gate=$BATS_TEST_DIRNAME/../../build/tools/gate
setup() {
	world
	pod=${tag}p
}
teardown() {
	ip netns del "${pod-}" 2> /dev/null || true
	end_of_world
}

addresses=(10.77.0.2 fd77::2)

# watches INTERFACE...: the daemon, on these; the upstream serves, so whoever is refused was refused by the gate
watches() {
	background serve "$client" "$python" "$traffic" serve 80 1
	background receive "$client" "$python" "$traffic" receive 53
	configure <<- END
		interfaces: [$(printf '{name: %s}, ' "$@")]
		upstreams:
		  - {name: api, endpoints: ["10.77.0.2:80", "[fd77::2]:80"]}
		  - {name: dns, protocol: udp, endpoints: ["10.77.0.2:53", "[fd77::2]:53"]}
	END
	start
	eventually 3 grep -q serving "$dir/serve.out"
	eventually 3 grep -q receiving "$dir/receive.out"
}

# set_gates GATE [PERMITS SECONDS FLAG...]: of both upstreams, IPv4 and IPv6
set_gates() {
	local address
	[ $# -gt 1 ] || set -- "$1" 0 600
	for address in "${addresses[@]}"; do
		"$gate" set "$pins" "$address" 80 tcp "$@"
		"$gate" set "$pins" "$address" 53 udp "$@"
	done
}

opens() { set_gates reject; }
shown() { "$gate" show "$pins" "$1" "${2:-80}" "${3:-tcp}" | jq -c "$4"; }

# in_net NAME COMMAND...
in_net() {
	local where=$1
	shift
	nsenter --net="/run/netns/$where" "$@"
}

# with_pod: another host behind this one, which forwards
with_pod() {
	ip netns add "$pod"
	ip -n "$pod" link set lo up
	ip link add pod0 netns "$host" type veth peer name eth0 netns "$pod"
	ip -n "$host" addr add 10.78.0.1/24 dev pod0
	ip -n "$host" addr add fd78::1/64 dev pod0 nodad
	ip -n "$pod" addr add 10.78.0.2/24 dev eth0
	ip -n "$pod" addr add fd78::2/64 dev eth0 nodad
	ip -n "$host" link set pod0 up
	ip -n "$pod" link set eth0 up
	ip -n "$pod" route add default via 10.78.0.1
	ip -n "$pod" route add default via fd78::1
	ip -n "$client" route add 10.78.0.0/24 via 10.77.0.1
	ip -n "$client" route add fd78::/64 via fd77::1
	in_host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# capture NAMESPACE INTERFACE FILTER: what comes in, until captured
capture() {
	captures=$((${captures:-0} + 1))
	rm -f "$dir/tcpdump.out"
	background tcpdump "$1" tcpdump -i "$2" -Q in -nn -s 2000 -B 8192 -U -Z root -w "$dir/pcap-$captures" --immediate-mode "$3"
	eventually 3 grep -qs 'listening on' "$dir/tcpdump.out"
	sleep 0.3 # what comes right then is lost to it
}

has_captured() { [ "$(tcpdump -nn -r "$dir/pcap-$captures" 2> /dev/null | wc -l)" -ge "$1" ]; }

# captured [COUNT]: what tcpdump says of it all, when it is so many
captured() {
	eventually 2 has_captured "${1:-0}" || true
	kill -INT "$tcpdump"
	wait "$tcpdump" || true
	tcpdump -nn -vvv -r "$dir/pcap-$captures" 2> /dev/null
}

# checksums TEXT: "N right, N wrong" of RST and ICMP errors, by tcpdump. What is quoted in an error nobody verifies
checksums() {
	awk '
		/Flags \[R/ { n[/\(correct\)/ ? "right" : "wrong"]++ }
		/ICMP .* unreachable/ { n[/wrong icmp cksum/ ? "wrong" : "right"]++ }
		/ICMP6, destination unreachable/ { n[/\[icmp6 sum ok\]/ ? "right" : "wrong"]++ }
		END { printf "%d right, %d wrong\n", n["right"], n["wrong"] }' <<< "$1"
}

# all_refused COUNT JSON
all_refused() { holds ".ECONNREFUSED == $1" "$2"; }

# at_once NAMESPACE connect|send ADDRESS PORT: a thousand times, ECONNREFUSED within 1 ms at p99. A busy machine may have taken the
# processor away: then once more
at_once() {
	local try got
	for try in 1 2 3; do
		got=$(in_net "$1" "$gate" "$2" "$3" "$4" 1000)
		echo "# $2 $3, try $try: $(jq -r '"p50 \(.p50_us) us, p99 \(.p99_us) us, longest \(.max_us) us"' <<< "$got")" >&3
		all_refused 1000 "$got"
		! jq -e '.p99_us < 1000' <<< "$got" > /dev/null || return 0
	done
	return 1
}

@test "connect() to an open endpoint is refused within 1 ms at p99, and nothing reaches the upstream; so is a datagram" {
	local address offload
	watches wan
	opens
	capture "$client" eth0 "port 80 or port 53"
	for offload in on off; do
		in_host ethtool -K wan tx "$offload" > "$dir/ethtool.out"
		for address in "${addresses[@]}"; do
			at_once "$host" connect "$address" 80
			at_once "$host" send "$address" 53
		done
	done
	sleep 0.1
	is "" "$(captured)"
	for address in "${addresses[@]}"; do
		holds '. >= 2000' "$(shown "$address" 80 tcp .rejected)"
		holds '. >= 2000' "$(shown "$address" 53 udp .rejected)"
		is '[0,0,0,0,0]' "$(shown "$address" 80 tcp '[.ok,.refused,.reset,.connected,.streak]')"
	done
	# and closed again
	set_gates pass
	for address in "${addresses[@]}"; do
		holds '.ok == 20' "$(in_host "$gate" connect "$address" 80 20)"
		holds '.ok == 2' "$(in_host "$gate" send "$address" 53 2)"
	done
}

@test "the error about a datagram is right: with its checksum made, and over IPv4 also while that is left to others" {
	local address
	watches wan
	opens
	capture "$host" wan "icmp or icmp6"
	all_refused 10 "$(in_host "$gate" send 10.77.0.2 53 10)"
	in_host ethtool -K wan tx off > "$dir/ethtool.out"
	for address in "${addresses[@]}"; do
		all_refused 10 "$(in_host "$gate" send "$address" 53 10)"
	done
	got=$(captured 30)
	is "30 right, 0 wrong" "$(checksums "$got")"
}

@test "who calls from behind this host is refused as fast, and checksums that are finished on the way are right" {
	local address offload
	with_pod
	watches wan pod0
	opens
	# Checksums are left to the pod's interface, and finished where this host sends the answer on; or made at once; or never.
	for offload in "on off" "off off" "on on"; do
		in_net "$pod" ethtool -K eth0 tx "${offload% *}" > "$dir/ethtool.out"
		in_host ethtool -K pod0 tx "${offload#* }" > "$dir/ethtool.out"
		capture "$pod" eth0 "tcp or icmp or (icmp6 and ip6[40] = 1)"
		for address in "${addresses[@]}"; do
			all_refused 50 "$(in_net "$pod" "$gate" connect "$address" 80 50)"
			all_refused 50 "$(in_net "$pod" "$gate" send "$address" 53 50)"
		done
		got=$(captured 200)
		[ "$offload" = "on on" ] || is "200 right, 0 wrong" "$(checksums "$got")"
	done
	for address in "${addresses[@]}"; do
		at_once "$pod" connect "$address" 80
		at_once "$pod" send "$address" 53
	done
	set_gates pass
	for address in "${addresses[@]}"; do
		holds '.ok == 20' "$(in_net "$pod" "$gate" connect "$address" 80 20)"
	done
}

@test "who calls through this host's own address is refused, too: what the answer quotes is translated back" {
	local address offload
	with_pod
	in_host nft -f - <<- EOF
		table inet nat {
			chain out { type nat hook postrouting priority 100; oifname wan masquerade; }
		}
	EOF
	ip -n "$client" route del 10.78.0.0/24
	ip -n "$client" route del fd78::/64
	watches wan pod0
	holds '.ok == 1' "$(in_net "$pod" "$gate" connect 10.77.0.2 80 1)"
	holds '.ok == 1' "$(in_net "$pod" "$gate" connect fd77::2 80 1)"
	opens
	for offload in on off; do
		in_net "$pod" ethtool -K eth0 tx "$offload" > "$dir/ethtool.out"
		in_host ethtool -K pod0 tx "$offload" > "$dir/ethtool.out"
		for address in "${addresses[@]}"; do
			all_refused 20 "$(in_net "$pod" "$gate" connect "$address" 80 20)"
			all_refused 20 "$(in_net "$pod" "$gate" send "$address" 53 20)"
		done
	done
}

@test "calls over a VLAN are refused, with the tag in the frame or beside it" {
	local address offload where name interface number id=5
	ip -n "$host" link add link wan name probe type vlan id $id 2> "$dir/vlan" ||
		skip "this kernel has no VLAN interfaces: $(cat "$dir/vlan")"
	ip -n "$host" link del probe
	for where in "$host wan 1" "$client eth0 2"; do
		read -r name interface number <<< "$where"
		ip -n "$name" link add link "$interface" name tagged type vlan id $id
		ip -n "$name" addr add "10.79.0.$number/24" dev tagged
		ip -n "$name" addr add "fd79::$number/64" dev tagged nodad
		ip -n "$name" link set tagged up
	done
	watches wan
	sed -i 's/10.77.0.2:80/10.79.0.2:80/; s/fd77::2\]:80/fd79::2]:80/; s/10.77.0.2:53/10.79.0.2:53/; s/fd77::2\]:53/fd79::2]:53/' "$yaml"
	"$weir" reload
	addresses=(10.79.0.2 fd79::2)
	for address in "${addresses[@]}"; do
		holds '.ok == 3' "$(in_host "$gate" connect "$address" 80 3)"
	done
	opens
	for offload in on off; do
		in_host ethtool -K wan txvlan "$offload" rxvlan "$offload" > "$dir/ethtool.out" 2>&1 || true
		in_host ethtool -K tagged tx "$offload" > "$dir/ethtool.out" 2>&1 || true
		for address in "${addresses[@]}"; do
			all_refused 20 "$(in_host "$gate" connect "$address" 80 20)"
			all_refused 20 "$(in_host "$gate" send "$address" 53 20)"
		done
	done
}

@test "half-open: of 200 callers at once exactly 3 SYNs reach the upstream" {
	local address round
	watches wan
	for round in 1 2 3; do
		for address in "${addresses[@]}"; do
			set_gates permits 3 600
			capture "$client" eth0 "port 80"
			is "3 passed, 197 refused" "$(in_host "$gate" crowd "$address" 80 200)"
			got=$(captured 3)
			is 3 "$(grep -c 'Flags \[S\]' <<< "$got")"
			is 0 "$(shown "$address" 80 tcp .permits)"
		done
	done
}

@test "a gate that nobody renews lets all pass from its deadline on, the daemon dead or not" {
	watches wan
	set_gates reject 0 1.5
	all_refused 5 "$(in_host "$gate" connect 10.77.0.2 80 5)"
	crash
	all_refused 5 "$(in_host "$gate" connect fd77::2 80 5)"
	sleep 1.6
	holds '.ok == 5' "$(in_host "$gate" connect 10.77.0.2 80 5)"
	holds '.ok == 5' "$(in_host "$gate" connect fd77::2 80 5)"
}

@test "probes pass; an observed gate only counts" {
	watches wan
	opens
	holds '.ok == 5' "$(MARK=0x77656972 in_host "$gate" connect 10.77.0.2 80 5)"
	all_refused 5 "$(MARK=0x77656973 in_host "$gate" connect 10.77.0.2 80 5)"
	is 5 "$(shown 10.77.0.2 80 tcp .rejected)"
	set_gates reject 0 600 observe
	holds '.ok == 5' "$(in_host "$gate" connect 10.77.0.2 80 5)"
	is 10 "$(shown 10.77.0.2 80 tcp .rejected)"
}

# said N: what the caller that holds a connection has said last, after N lines
said() { [ "$(wc -l < "$dir/hold.out")" -ge "$1" ] && tail -n 1 "$dir/hold.out"; }

@test "established connections are left alone, or reset when told to: the caller hears it when it sends next" {
	local address
	watches wan
	sed -i 's/:80"/:81"/; s/\]:80"/]:81"/' "$yaml"
	"$weir" reload
	for address in "${addresses[@]}"; do
		background silent "$client" "$python" -c 'import socket, time
s = socket.create_server(("::", 81), family=socket.AF_INET6, dualstack_ipv6=True)
kept = []
while True: kept.append(s.accept())'
		eventually 3 grep -q ':0051 ' "/proc/$silent/net/tcp6"
		mkfifo "$dir/say-$address"
		background hold "$host" sh -c "exec '$gate' hold $address 81 < '$dir/say-$address'"
		exec 7> "$dir/say-$address"
		eventually 3 said 1
		"$gate" set "$pins" "$address" 81 tcp reject 0 600
		echo -n x >&7
		eventually 3 said 2
		is ok "$(said 2)"
		"$gate" set "$pins" "$address" 81 tcp reject 0 600 reset
		echo -n x >&7
		eventually 3 said 3
		is ECONNRESET "$(said 3)"
		exec 7>&-
		kill "$silent"
		is '[0,0,0]' "$(shown "$address" 81 tcp '[.reset,.rejected,.streak]')"
	done
}

@test "the limiter at TC does not take what the gate answers for packets of the endpoint" {
	configure <<- END
		interfaces: [{name: wan, attach: tc}]
		services:
		  - {name: errors, match: [icmp, icmpv6], limits: {default: [1/day packets]}}
		  - {name: other, limits: {default: [1/day packets]}}
		upstreams:
		  - {name: api, endpoints: ["10.77.0.2:80", "[fd77::2]:80"]}
		  - {name: dns, protocol: udp, endpoints: ["10.77.0.2:53", "[fd77::2]:53"]}
	END
	start
	opens
	for address in "${addresses[@]}"; do
		all_refused 20 "$(in_host "$gate" connect "$address" 80 20)"
		all_refused 20 "$(in_host "$gate" send "$address" 53 20)"
	done
	is '{"passed":0,"limited":0}' "$(verdicts errors | jq -c '{passed: (.passed // 0), limited: (.limited // 0)}')"
}

@test "the limiter's RST at TC is right with and without offload at either end" {
	local here there count=0
	configure <<- END
		interfaces: [{name: wan, attach: tc}]
		services: [{name: web, match: [tcp/80], on_limit: reject, limits: {default: [1/day connections]}}]
	END
	start
	background serve "$host" "$python" "$traffic" serve 80 1
	eventually 3 grep -q serving "$dir/serve.out"
	holds '.ok == 1' "$(in_client "$gate" connect 10.77.0.1 80 1)"
	holds '.ok == 1' "$(in_client "$gate" connect fd77::1 80 1)"
	for there in on off; do
		for here in on off; do
			in_client ethtool -K eth0 tx $there > "$dir/ethtool.out"
			in_host ethtool -K wan tx $here > "$dir/ethtool.out"
			capture "$client" eth0 "tcp"
			all_refused 10 "$(in_client "$gate" connect 10.77.0.1 80 10)"
			all_refused 10 "$(in_client "$gate" connect fd77::1 80 10)"
			got=$(captured 20)
			# only both together leave it unfinished
			[ "$there $here" = "on on" ] || is "20 right, 0 wrong" "$(checksums "$got")"
		done
	done
}

#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Where Weir sits, and what it does when it cannot, or when the place goes away.

load lib
setup() { world; }
teardown() { end_of_world; }

limited_at() { attach=$1 limited; }

sits() { # ATTACH MODE HOOK
	limited_at "$1"
	start
	is "wan $3" "$(attached)"
	logged "wan: attached, $2"
	is "$2" "$(status_now | jq -r '.interfaces[0].mode')"
	holds '.programs | length == 1 and .[0].interface == "wan" and .[0].verified_insns > 1000' "$(status_now)"
	is 1 "$(metric 'weir_interface_attached{interface="wan"}')"
	is 5 "$(sends 20)"
	stop
	nothing_left
}

@test "auto is native XDP where the driver has it" { sits auto native xdp; }
@test "native XDP" { sits native native xdp; }
@test "generic XDP" { sits generic generic xdp; }
@test "TC" { sits tc tcx tcx; }

@test "several interfaces, each in its own mode: one client has one bucket over all of them" {
	ip link add lan netns "$host" type veth peer name lan0 netns "$client"
	ip -n "$host" addr add 10.79.0.1/24 dev lan
	ip -n "$client" addr add 10.79.0.2/24 dev lan0
	ip -n "$host" link set lan up
	ip -n "$client" link set lan0 up
	configure <<- END
		interfaces: [{name: wan}, {name: lan, attach: tc}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 5]}}
	END
	start
	remember
	is $'lan tcx\nwan xdp' "$(attached)"
	send udp 10.77.0.1 53 --count 4 --from 10.77.0.2
	ip -n "$client" route add 10.77.0.99 dev lan0
	ip -n "$host" addr add 10.77.0.99/32 dev lan
	in_host sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lan.rp_filter=0
	send udp 10.77.0.99 53 --count 4 --from 10.77.0.2
	is 5 "$(udp_received)"
	status_now > "$dir/status"
	is 4 "$(metric 'weir_packets_total{interface="wan",service="dns",tier="default",verdict="passed"}')"
	is 1 "$(metric 'weir_packets_total{interface="lan",service="dns",tier="default",verdict="passed"}')"
	is 3 "$(metric 'weir_packets_total{interface="lan",service="dns",tier="default",verdict="limited"}')"
	stop
	nothing_left
}

@test "an interface that goes and comes back is attached again: metric, health, log; the client stays limited" {
	limited_at auto
	start
	is 5 "$(sends 20)"
	ip -n "$host" link del wan
	eventually 3 logged 'wan is gone; waiting for it to come back'
	is 0 "$(metric 'weir_interface_attached{interface="wan"}')"
	is 503 "$(get /health/ready -o "$dir/ready" -w '%{http_code}')"
	grep -q 'wan is not attached' "$dir/ready"
	# a reload is no worse for it
	"$weir" reload
	wire
	eventually 3 logged 'wan is back, attached'
	is 1 "$(metric 'weir_interface_attached{interface="wan"}')"
	is 200 "$(get /health/ready -o "$dir/ready" -w '%{http_code}')"
	is "wan xdp" "$(attached)"
	is 0 "$(sends 20)"
	is 35 "$(verdicts dns | jq .limited)"
	is 1 "$(grep -c 'is gone' "$log")"
	is 1 "$(grep -c 'is back' "$log")"
}

@test "a taken XDP slot: auto says by whom and falls to TC" {
	foreign "$host" somebody wan
	limited_at auto
	start
	logged 'the XDP slot is taken by the program somebody (id [0-9]*); attaching to TC instead'
	is "wan tcx" "$(attached)"
	is 5 "$(sends 20)"
	stop
	# theirs is untouched
	in_host ip -d link show wan | grep -q xdp
}

@test "a taken XDP slot: native and generic refuse, say by whom, and leave nothing" {
	foreign "$host" somebody wan
	for attach in native generic; do
		limited_at $attach
		refuses_to_start 1
		contains "$output" wan "taken by the program somebody" "auto or tc"
		[ ! -e "$pins" ]
		[ ! -e "$socket" ]
	done
	rm "$foreign"
	refute has_xdp wan
}

@test "a taken slot of the other kind: generic there, native here" {
	foreign "$host" somebody wan generic
	limited_at native
	refuses_to_start 1
	contains "$output" "taken by the program somebody"
	limited_at auto
	start
	is "wan tcx" "$(attached)"
}

@test "a program that somebody forces off is noticed, said and attached again" {
	limited_at auto
	start
	is 5 "$(sends 20)"
	remember
	"$python" "$bpf" detach "$("$python" "$bpf" users "$our_map" | awk '$1 == "link" { print $2 }')"
	eventually 3 logged 'was detached by somebody else, attached again'
	is "wan xdp" "$(attached)"
	is 0 "$(sends 20)"
	stop
	nothing_left
}

@test "when the place is taken while an interface was away, that is said once, not each second" {
	limited_at native
	start
	ip -n "$host" link del wan
	eventually 3 logged 'wan is gone'
	kill -STOP "$daemon"
	wire
	foreign "$host" somebody wan
	kill -CONT "$daemon"
	eventually 3 logged 'taken by the program somebody'
	sleep 2.2
	is 1 "$(grep -c 'taken by the program somebody' "$log")"
	is 0 "$(metric 'weir_interface_attached{interface="wan"}')"
	rm "$foreign"
	eventually 3 logged 'wan is back, attached'
	is 5 "$(sends 20)"
}

@test "the loopback interface can be limited" {
	configure <<- END
		interfaces: [{name: lo}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 5]}}
	END
	start
	remember
	logged 'lo: attached, generic'
	for address in 127.0.0.1 ::1; do
		in_host "$python" "$traffic" udp $address 53 --count 20
	done
	is 10 "$(udp_received)"
	stop
	nothing_left
}

@test "an interface that is not there: exit 1, said by name, nothing left attached to the others" {
	configure <<- END
		interfaces: [{name: wan}, {name: nothere}]
	END
	refuses_to_start 1
	contains "$output" "there is no interface nothere"
	[ ! -e "$pins" ]
	[ ! -e "$socket" ]
	refute has_xdp wan
	refute has_filter wan
}

@test "an interface without Ethernet frames is refused, whatever the rest of the host calls by that name" {
	ip -n "$host" tuntap add mode tun name tunnel 2> /dev/null || skip "this kernel has no tun devices"
	configure <<- END
		interfaces: [{name: tunnel}]
	END
	refuses_to_start 1
	contains "$output" tunnel "does not carry Ethernet frames"
	[ ! -e "$pins" ]
}

@test "an interface that is down is attached, and limited when it comes up" {
	ip -n "$host" link set wan down
	limited_at auto
	start
	ip -n "$host" link set wan up
	ip -n "$client" neigh replace 10.77.0.1 lladdr "$host_mac" dev eth0
	eventually 3 passes_some
	is 5 "$(udp_received)"
}

passes_some() {
	send udp 10.77.0.1 53 --count 20 > /dev/null 2>&1
	[ "$(udp_received)" -gt 0 ]
}

@test "a renamed interface is let go; one that takes the name is attached" {
	limited_at auto
	start
	ip -n "$host" link set wan down
	ip -n "$host" link set wan name old
	eventually 3 logged 'wan is gone'
	ip -n "$host" link set old up
	eventually 5 link_is_up "$client" eth0
	is "" "$(attached)"
	is 20 "$(sends 20)"
	ip -n "$host" link set old down
	ip -n "$host" link set old name wan
	eventually 3 logged 'wan is back'
	is "wan xdp" "$(attached)"
}

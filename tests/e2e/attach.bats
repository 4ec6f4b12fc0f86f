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
	is "wan egress ingress" "$(followed)"
	is "$2" "$(status_now | jq -r '.interfaces[0].mode')"
	holds '.programs | map([.name, .hook, .mode]) == [["weir_'"${3/tcx/tc}"'", "'"${3/tcx/tc_ingress}"'", "'"$2"'"],
		["weir_flow_in", "tc_ingress", "tcx"], ["weir_flow_out", "tc_egress", "tcx"]]' "$(status_now)"
	holds '.programs | map(.interface == "wan" and .verified_insns > 0) | all' "$(status_now)"
	is 1 "$(metric 'weir_interface_attached{interface="wan"}')"
	is 5 "$(sends 20)"
	followed_both_ways
	stop
	nothing_left
}

# A connection is seen to its end, which takes what comes in and what goes out.
followed_both_ways() {
	web
	is "0 200" "$(fetch http://10.77.0.1/ | cut -d ' ' -f 1,2)"
	eventually 3 closed_flow 80
}

closed_flow() { # PORT
	curl -s --unix-socket "$socket" http://weir/v1/flows | jq -e --argjson port "$1" '.flows[] |
		select(.local_port == $port and .state == "closed" and .packets_in > 3 and .packets_out > 3)' > /dev/null
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
	is $'lan egress ingress\nwan egress ingress' "$(followed)"
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
	is "wan egress ingress" "$(followed)"
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
	is 5 "$(sends 20)"
}

@test "a program that somebody forces off is noticed, said and attached again" {
	limited_at auto
	start
	is 5 "$(sends 20)"
	remember
	detach_link xdp
	eventually 3 logged 'wan was detached by somebody else, attached again'
	is "wan xdp" "$(attached)"
	is 0 "$(sends 20)"
	for place in tcx_ingress tcx_egress; do
		: > "$log"
		detach_link $place
		eventually 3 logged 'wan: telemetry was detached by somebody else, attached again'
		is "wan egress ingress" "$(followed)"
	done
	stop
	nothing_left
}

detach_link() { "$python" "$bpf" detach "$("$python" "$bpf" users "$our_map" | awk -v kind="$1" '$3 == kind { print $2 }')"; } # KIND

@test "at TC the limiter is before telemetry, and both before anybody else, whoever came first" {
	background others "$host" "$python" "$bpf" add wan ingress 2
	background more "$host" "$python" "$bpf" add wan egress 2
	eventually 3 grep -q added "$dir/others.out"
	eventually 3 grep -q added "$dir/more.out"
	limited_at tc
	start
	is "weir_tc weir_flow_in somebody somebody" "$(at_tc ingress)"
	is "weir_flow_out somebody somebody" "$(at_tc egress)"
	sed -i 's/attach: tc/attach: native/' "$yaml"
	"$weir" reload
	is "weir_flow_in somebody somebody" "$(at_tc ingress)"
	sed -i 's/attach: native/attach: tc/' "$yaml"
	"$weir" reload
	is "weir_tc weir_flow_in somebody somebody" "$(at_tc ingress)"
	is 5 "$(sends 20)"
	stop
	is "somebody somebody" "$(at_tc ingress)"
}

at_tc() { in_host "$python" "$bpf" order wan "$1" | xargs; } # DIRECTION

@test "latency: {enabled: false} follows nothing, and a reload changes that both ways" {
	limited_at auto
	echo 'latency: {enabled: false}' >> "$yaml"
	start
	is "" "$(followed)"
	is "wan xdp" "$(attached)"
	holds '.programs | length == 1' "$(status_now)"
	holds '.components[] | select(.name == "telemetry") | .status == "healthy"' "$(get /health/detailed)"
	sed -i 's/enabled: false/enabled: true/' "$yaml"
	"$weir" reload
	is "wan egress ingress" "$(followed)"
	sed -i 's/enabled: true/enabled: false/' "$yaml"
	"$weir" reload
	is "" "$(followed)"
	is "link_wan_xdp" "$(cd "$pins" && echo link_*)"
	is 5 "$(sends 20)"
	# what a crash leaves is let go as well
	sed -i 's/enabled: false/enabled: true/' "$yaml"
	"$weir" reload
	crash
	sed -i 's/enabled: true/enabled: false/' "$yaml"
	start
	is "" "$(followed)"
	is "wan xdp" "$(attached)"
	stop
	nothing_left
}

@test "where telemetry finds no place limiting goes on: said once, health degraded and ready; and followed when there is" {
	background others "$host" "$python" "$bpf" add wan egress 99
	eventually 3 grep -q added "$dir/others.out"
	in_host tc qdisc add dev wan ingress # so that there can be no clsact either
	limited_at auto
	start
	logged 'wan: cannot attach telemetry to TC egress: .*; limiting goes on without'
	is "" "$(followed)"
	is 5 "$(sends 20)"
	sleep 2.2
	is 1 "$(grep -c 'cannot attach telemetry' "$log")"
	is 200 "$(get /health/ready -o "$dir/ready" -w '%{http_code}')"
	holds '.status == "degraded" and (.components[] | select(.name == "telemetry") | .status == "degraded" and
		(.message | test("wan: flows are not followed: cannot attach")))' "$(get /health/detailed)"
	kill "$others"
	eventually 3 logged 'wan: telemetry attached again'
	is "wan egress ingress" "$(followed)"
	eventually 3 healthy
	stop
	nothing_left
}

healthy() { get /health/detailed | jq -e '.status == "healthy"' > /dev/null; }

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

#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# The network under the daemon breaks: interfaces flap, namespaces vanish.

load ../e2e/lib
setup() { world; }
teardown() { end_of_world; }

@test "an interface that flaps fifty times stays limited: up and down, and away and back" {
	limited
	start
	is 5 "$(sends 20)"
	for _ in {1..30}; do
		ip -n "$host" link set wan down
		ip -n "$host" link set wan up
	done
	for _ in {1..20}; do
		ip -n "$host" link del wan
		wire
	done
	eventually 3 attached_is "wan xdp"
	eventually 3 links_are "link_wan_flow_in link_wan_flow_out link_wan_xdp"
	is 0 "$(sends 20)"
	remember
	is 1 "$(metric 'weir_interface_attached{interface="wan"}')"
	[ "$(find "/proc/$daemon/fd" | wc -l)" -lt 60 ]
	stop
	nothing_left
}

links_are() { [ "$(cd "$pins" && echo link_*)" = "$1" ]; }
attached_is() { [ "$(attached)" = "$1" ]; }

@test "the namespace of the other end vanishes: said, awaited, limited again when it is back" {
	limited
	start
	is 5 "$(sends 20)"
	ip netns del "$client"
	eventually 5 logged 'wan is gone'
	is 200 "$(get /health/live -o /dev/null -w '%{http_code}')"
	"$weir" reload
	"$weir" ban 10.1.2.3
	ip netns add "$client"
	ip -n "$client" link set lo up
	wire
	eventually 3 logged 'wan is back'
	is 0 "$(sends 20)"
}

@test "the daemon's own namespace is deleted by name: it goes on until it is told to stop, and leaves nothing" {
	limited
	start
	remember
	ip netns del "$host"
	is 1 "$(status_now | jq '.interfaces | map(select(.attached)) | length')"
	stop
	[ ! -e "$pins" ]
	eventually 2 kernel_is_rid
}

@test "detach while an interface is away leaves nothing" {
	limited
	start
	remember
	ip -n "$host" link del wan
	"$weir" detach
	eventually 3 stopped "$daemon"
	[ ! -e "$pins" ]
	eventually 2 kernel_is_rid
}

@test "a crash while an interface is away: the next daemon starts when it is back, with the buckets as they were" {
	limited
	start
	is 5 "$(sends 20)"
	ip -n "$host" link del wan
	crash
	refuses_to_start 1
	contains "$output" "there is no interface wan"
	wire
	start
	is 0 "$(sends 20)"
	is 5 "$(sends 20 --from 10.77.128.1)"
}

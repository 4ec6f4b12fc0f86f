#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# A limit of all nodes together: five daemons, one real Redis, real packets. What is promised is in docs/cluster.md; what passes is
# read from the kernels themselves (excess.py). R = B = 1000 packets.

load lib
load redis
load cluster
setup() {
	cluster_world 5
	redis_start main
}
teardown() { end_of_cluster; }

client_limit() {
	cluster_configure <<- END
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [{rate: 1000/s, unit: packets, burst: 1000, scope: cluster}]}
	END
}

flood_all() { for ((n = 1; n <= nodes; n++)); do flood_node "$n" "$@"; done; }

# within EXCESS LONG_RUN RESULT: at most that many packets beyond the bucket, and the rate within that part of it
within() {
	echo "# excess $(jq .excess <<< "$3") packets, long run $(jq .long_run <<< "$3") R, passed $(jq -c .passed <<< "$3"), gap $(jq .gap <<< "$3") s" >&3
	holds ".excess <= $1 and .long_run >= 1 - $2 and .long_run <= 1 + $2" "$3"
}

@test "a flood of all nodes passes one burst and one rate: a group limit" {
	group_limit
	start_nodes
	joined
	flood_all 5000 12
	within 60 0.02 "$(measure 1000 1000 8)"
}

@test "a flood of one client over all nodes passes one burst and one rate: a limit of clients" {
	client_limit
	start_nodes
	joined
	flood_all 5000 12
	within 60 0.02 "$(measure 1000 1000 8)"
}

@test "one heavy node gets what the others leave over, and the others all they ask for" {
	group_limit
	start_nodes
	joined
	# 4 x 180/s beside a node that wants five times the limit; half an interval later than the measurement
	for n in 1 2 3 4; do flood_node "$n" 180 13; done
	flood_node 5 5000 13
	result=$(measure 1000 1000 10)
	within 1300 0.03 "$result"
	echo "# nodes got $(jq -c .passed <<< "$result")" >&3
	holds '.passed[0:4] | min >= 180 * 9.5' "$result"
}

@test "a client within its limit is not cut on one node: 0.8 R" {
	client_limit
	start_nodes
	joined
	flood_node 3 800 6
	# shellcheck disable=SC2154 # flood_node made it
	wait "$flood_3"
	refused=$(on 3 "$weir" status --json | jq '[.services[] | select(.name == "dns") | .refused.packets] | add')
	echo "# $refused of 4800 refused" >&3
	[ "$refused" -le 48 ] # while it was not known yet: docs/cluster.md
}

@test "a client that moves from node to node with each round gets its 0.8 R" {
	client_limit
	start_nodes
	joined
	background roamer "$client" "$python" "$BATS_TEST_DIRNAME/roam.py" 800 0.1 8 10.77.99.1 53 10.77.{1..5}.1
	measure 1000 1000 9 > "$dir/measured"
	wait "$roamer" || { cat "$dir/roamer.out"; false; }
	echo "# $(jq -c '[.excess, .passed]' "$dir/measured"), $(cat "$dir/roamer.out")" >&3
	holds '(.passed | add) >= 0.75 * 8 * 1000 and .excess <= 60' "$(cat "$dir/measured")"
}

@test "weir cluster says who is there and who has what" {
	group_limit
	start_nodes
	joined
	flood_node 2 5000 4
	eventually 5 cluster_is 2 '.limits[0].ratio > 0.5'
	cluster_is 1 '.limits[0].ratio <= 0.5'
	run -0 on 2 "$weir" cluster
	contains node-1
	contains node-5
	contains dns
	refute cluster_is 1 '.hot | length > 0'
}

@test "without Redis each node has an even share of the nodes last known, and back it is in two rounds" {
	group_limit
	start_nodes
	joined
	redis_stop main KILL
	eventually 5 all_are '.mode == "outage" and (.redis.up | not)'
	run -0 on 1 curl -s --unix-socket "$dir/weir-1.sock" http://weir/health/ready
	holds '.components[] | select(.name == "redis") | .status == "degraded"' \
		"$(on 1 curl -s --unix-socket "$dir/weir-1.sock" http://weir/health/detailed)"
	flood_all 5000 7
	within 60 0.02 "$(measure 1000 1000 4)"
	redis_start main
	eventually 5 all_are '.mode == "shared"'
}

@test "five nodes that start in a flood do not begin with the whole limit each" {
	group_limit
	for ((n = 1; n <= nodes; n++)); do flood_node "$n" 5000 30; done
	start_nodes
	passed=0
	for ((n = 1; n <= nodes; n++)); do
		passed=$((passed + $(on "$n" "$weir" status --json | jq '[.services[] | select(.name == "dns") | .passed.packets] | add')))
	done
	seconds=$(jq -s '(map(.ts | sub("\\.[0-9]+"; "") | fromdate) | max - min) + 3' <(cat "$dir"/weir-*.log))
	echo "# $passed passed within $seconds s" >&3
	[ "$passed" -le $((1000 + 1000 * seconds)) ]
}

@test "a ban of the cluster is on all nodes within a second, and lifted on all" {
	group_limit
	start_nodes
	joined
	on 2 "$weir" ban --cluster 203.0.113.0/24 --for 10m
	eventually 1 all_ban 203.0.113.0/24
	on 4 "$weir" unban --cluster 203.0.113.0/24
	eventually 1 none_bans 203.0.113.0/24
	[ "$(redis_cli main --scan | grep -c 203)" = 0 ]
}
bans_of() { on "$1" "$weir" bans --json | jq -r '.bans[].prefix'; }
all_ban() { for ((n = 1; n <= nodes; n++)); do bans_of "$n" | grep -qx "$1" || return 1; done; }
none_bans() { for ((n = 1; n <= nodes; n++)); do ! bans_of "$n" | grep -qx "$1" || return 1; done; }

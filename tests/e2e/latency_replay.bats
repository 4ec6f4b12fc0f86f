#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# Connections to a real nginx, of all kinds (sessions.py): keep-alive, pipelined, half-closed, reset, idle. A daemon counts them live, tcpdump captures
# them, and a daemon that has seen nothing gets the capture replayed. Both have the samples that each kind is worth.

load lib
load capture
here=$BATS_TEST_DIRNAME

setup() {
	world
	# Frames as they are on a wire: no larger than it takes
	in_host ethtool -K wan tso off gso off gro off
	in_client ethtool -K eth0 tso off gso off gro off
}
teardown() { end_of_world; }

# counted NAME: "HANDSHAKES RESPONSES" by the daemon
counted() { get "/v1/latency?name=$1" | jq -r '[(.services + .upstreams)[].histograms[].count] | map(tostring) | join(" ")'; }
counted_is() { [ "$(counted "$1")" = "$2" ]; }

# twice "HANDSHAKES RESPONSES": of both families
twice() { awk '{ print 2 * $1, 2 * $2 }' <<< "$1"; }

# counted_in_capture PORT ROLE: the same by the capture itself
counted_in_capture() { in_capture "$1" "$2" | awk '{ n[$1 ~ /response$/]++ } END { print n[0] + 0, n[1] + 0 }'; }

# nothing_is_left: no connection goes on, none was forgotten while something was under way
nothing_is_left() {
	get "/v1/latency" | jq -e '.flows.evictions_active == 0 and ([.flows.samples_discarded[]] | add == 0) and
		([.upstreams[].endpoints[].connections] | add == 0)' > /dev/null
}

@test "connections to nginx here: live, in the capture and replayed they give the same samples" {
	delays slow "$host" 7001
	nginx_before "$host" 80 127.0.0.1:7001
	configure <<- END
		interfaces: [{name: wan}]
		services: [{name: web, match: [tcp/80]}]
		upstreams: [{name: api, endpoints: ["10.77.0.2:8080"]}]
	END
	start
	capture
	sessions=$(in_client "$python" "$here/sessions.py" 10.77.0.1 80)
	in_client "$python" "$here/sessions.py" fd77::1 80
	captured
	expected=$(twice "$sessions")
	is "$expected" "$(counted_in_capture 80 service)"
	eventually 3 counted_is web "$expected"
	nothing_is_left

	stop
	start
	is "0 0" "$(counted web)"
	remember
	in_host "$python" "$here/replay.py" "$our_map" "$host_mac" "$dir/capture"
	eventually 3 counted_is web "$expected"
	eventually 3 nothing_is_left
	# The same ports once more are other connections
	in_host "$python" "$here/replay.py" "$our_map" "$host_mac" "$dir/capture"
	eventually 3 counted_is web "$(twice "$expected")"
}

@test "calls of this host to nginx over there: the same, and none is left open" {
	delays slow "$client" 7001
	nginx_before "$client" 8080 127.0.0.1:7001
	configure <<- END
		interfaces: [{name: wan}]
		upstreams: [{name: api, http: true, endpoints: ["10.77.0.2:8080", "[fd77::2]:8080"]}]
	END
	start
	capture
	sessions=$(in_host "$python" "$here/sessions.py" 10.77.0.2 8080)
	in_host "$python" "$here/sessions.py" fd77::2 8080
	captured
	expected=$(twice "$sessions")
	is "$expected" "$(counted_in_capture 8080 upstream)"
	eventually 3 counted_is api "$expected"
	eventually 3 nothing_is_left

	stop
	start
	is "0 0" "$(counted api)"
	remember
	in_host "$python" "$here/replay.py" "$our_map" "$host_mac" "$dir/capture"
	eventually 3 counted_is api "$expected"
	eventually 3 nothing_is_left
	holds '[.upstreams[].endpoints[].results | .ok + .slow] | add == '"${expected#* }" "$(get /v1/latency)"
	holds '[.upstreams[].endpoints[].connected] | add == '"${expected% *}" "$(get /v1/latency)"
}

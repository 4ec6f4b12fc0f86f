#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# Is it true what Weir measures? A server with known delays, and tcpdump beside Weir on the same interface: the capture of the very same packets,
# put together by other code (capture.py, which states the tolerance), must make the same histograms.

load lib
load capture
setup() {
	world
	delays server "$host" 80
	delays upstream "$client" 8080
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: web, match: [tcp/80]}
		  - {name: datagrams, match: [udp/80]}
		upstreams:
		  - {name: api, endpoints: ["10.77.0.2:8080", "[fd77::2]:8080"]}
		  - {name: resolver, protocol: udp, endpoints: ["10.77.0.2:8080", "[fd77::2]:8080"]}
	END
	start
}
teardown() { end_of_world; }

here=$BATS_TEST_DIRNAME

# agree NAME PORT service|upstream SAMPLES: of its responses. And the comparison can fail: of samples in a slot further on
# it says no
agree() {
	latency_of "$1"
	"$python" "$here/capture.py" compare "$dir/capture" "$2" "$3" "$dir/latency" | tee -a "$dir/agreed" >&3
	[ "${PIPESTATUS[0]}" = 0 ]
	jq '(.services, .upstreams) |= map(.histograms |= map(.slots |= [0, 0] + .[:-2]))' "$dir/latency" > "$dir/shifted"
	refute "$python" "$here/capture.py" compare "$dir/capture" "$2" "$3" "$dir/shifted" > "$dir/refuted"
	is "$4" "$(jq '[(.services + .upstreams)[].histograms[] | select(.name | endswith("response")) | .count] | add' "$dir/latency")"
}

@test "a service over TCP, IPv4 and IPv6: round trips and responses of 1, 10 and 100 ms are those of the capture" {
	capture
	for address in 10.77.0.1 fd77::1; do
		in_client "$python" "$here/delays.py" ask tcp $address 80 --conversations 6 1x10 10x5 100x2
	done
	captured
	agree web 80 service 204
}

@test "a service over UDP, both families: the same" {
	capture
	for address in 10.77.0.1 fd77::1; do
		in_client "$python" "$here/delays.py" ask udp $address 80 --conversations 6 1x10 10x5 100x2
	done
	captured
	agree datagrams 80 service 204
}

@test "an upstream over TCP, both families: connects and responses are those of the capture" {
	capture
	for address in 10.77.0.2 fd77::2; do
		in_host "$python" "$here/delays.py" ask tcp $address 8080 --conversations 6 1x10 10x5 100x2
	done
	captured
	agree api 8080 upstream 204
}

@test "an upstream over UDP, both families: the same" {
	capture
	for address in 10.77.0.2 fd77::2; do
		in_host "$python" "$here/delays.py" ask udp $address 8080 --conversations 6 1x10 10x5 100x2
	done
	captured
	agree resolver 8080 upstream 204
}

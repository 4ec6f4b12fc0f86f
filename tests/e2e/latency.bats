#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# What a person sees of latency: a live daemon, a real nginx, real connections.

load lib
setup() { world; }
teardown() { end_of_world; }

# follows: a daemon that follows a web server here and calls an upstream over there
follows() {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: web, match: [tcp/80], limits: {default: [100k/s packets]}}
		  - {name: quiet, match: [tcp/81], latency: false}
		upstreams:
		  - {name: api, endpoints: ["10.77.0.2:8080", "10.77.0.2:9"], http: true}
	END
	start
}

# latency_now [NAME...]: `weir latency --once --json` with figures taken after the call
latency_now() {
	local called waited answer
	called=$(date +%s%N)
	for _ in {1..200}; do
		waited=$(($(date +%s%N) - called))
		answer=$("$weir" latency --once --json "$@") || return
		if jq -e --argjson waited $waited '.age_seconds * 1e9 < $waited' <<< "$answer" > /dev/null; then
			printf '%s\n' "$answer"
			return
		fi
		sleep 0.05
	done
	echo "the figures are never renewed" >&2
	return 1
}

# counts NAME: "HISTOGRAM COUNT SUM-OF-SLOTS" of each histogram of a service or an upstream
counts() {
	latency_now "$1" | jq -r '(.services + .upstreams)[].histograms[] | "\(.name) \(.count) \(.slots | add)"'
}

counts_are() { [ "$(counts "$1")" = "$2" ]; }

@test "each connection is a round trip, each request a response, over IPv4 and IPv6" {
	web
	follows
	is "20 served, 0 refused, 0 silent" "$(fetches 20 http://10.77.0.1/)"
	is "7 served, 0 refused, 0 silent" "$(fetches 7 "http://[fd77::1]/")"
	eventually 3 counts_are web $'client_round_trip 27 27\nresponse 27 27'
	latency=$(latency_now web)
	holds '.services[0].histograms | all(.p50 > 0 and .p50 <= .p90 and .p90 <= .p99 and .p99 <= .max and .max < 10)' "$latency"
	holds '(.bounds | length) + 1 == (.services[0].histograms[1].slots | length)' "$latency"
}

@test "requests on one connection are one round trip and a response each" {
	web
	follows
	in_client curl -s -o "$dir/1" -o "$dir/2" -o "$dir/3" -o "$dir/4" http://10.77.0.1/{1,2,3,4}
	eventually 3 counts_are web $'client_round_trip 1 1\nresponse 4 4'
}

@test "latency shows percentiles of all, the histogram of one, and says what there is" {
	web
	follows
	fetches 20 http://10.77.0.1/
	eventually 3 counts_are web $'client_round_trip 20 20\nresponse 20 20'
	run -0 "$weir" latency --once
	contains "$output" "since counting began" "web      round trip     20" "web      response       20"
	grep -E '^api +connect +0 +-' <<< "$output"
	refute grep -q quiet <<< "$output"
	run -0 "$weir" latency --once web
	contains "$output" "web, round trip" "web, response" "UP TO" SHARE
	run -0 "$weir" latency --once quiet
	contains "$output" "no flows of it are followed"
	run -2 --separate-stderr "$weir" latency --once nothing
	is "" "$output"
	contains "$stderr" '"nothing"' "services: other, web, quiet" "upstreams: api"
}

@test "latency that goes on shows what came in the interval" {
	web
	follows
	fetches 20 http://10.77.0.1/
	eventually 3 counts_are web $'client_round_trip 20 20\nresponse 20 20'
	background shown "$host" "$weir" latency web --interval 1s
	eventually 5 grep -q "in the last" "$dir/shown.out"
	kill "$shown"
	# nobody asked anything meanwhile: the 20 are in the first table and in no other
	is 1 "$(grep -c '^web  *response  *20 ' "$dir/shown.out")"
	grep -E '^web +response +0 +-' "$dir/shown.out"
}

@test "an upstream's calls are counted by what became of them" {
	follows
	mkdir "$dir/www"
	background upstream "$client" "$python" -m http.server -d "$dir/www" --bind 10.77.0.2 8080
	eventually 5 in_client curl -s -o "$dir/first" http://10.77.0.2:8080/
	for _ in {1..5}; do in_host curl -s -o "$dir/got" http://10.77.0.2:8080/; done
	in_host curl -s -o "$dir/got" http://10.77.0.2:8080/missing
	run -7 in_host curl -s http://10.77.0.2:9/
	run -7 in_host curl -s http://10.77.0.2:9/
	eventually 3 counts_are api $'upstream_connect 6 6\nupstream_response 6 6'
	endpoints=$(latency_now api | jq -c '.upstreams[0].endpoints')
	holds '.[0] | .name == "10.77.0.2:8080" and .calls == 6 and .failures == 0 and .results.ok == 6 and
		.http["2xx"] == 5 and .http["4xx"] == 1 and .connected == 6 and .addresses == 1 and .stale == false' "$endpoints"
	holds '.[1] | .name == "10.77.0.2:9" and .calls == 2 and .failures == 2 and .results.refused == 2 and .connected == 0' \
		"$endpoints"
	run -0 "$weir" status
	contains "$output" "api       10.77.0.2:8080      6       0" "api       10.77.0.2:9         2       2  100.0 %"
	run -0 "$weir" latency --once api
	contains "$output" "api, connect" "CONNECT TIMEOUT"
}

@test "top --flows shows who is connected, to what, and what it carries" {
	web
	follows
	background talker "$client" bash -c 'exec 3<> /dev/tcp/10.77.0.1/80; while sleep 0.2; do
		printf "GET / HTTP/1.1\r\nHost: x\r\n\r\n" >&3; done'
	eventually 5 flow_is_seen
	flow=$("$weir" top --flows --once --json --service web --sort bytes | jq -c '.flows[0]')
	holds '.remote == "10.77.0.2" and .local == "10.77.0.1" and .local_port == 80 and .protocol == "tcp" and
		.state == "open" and .service == "web" and .upstream == null and .interface == "wan" and
		.bytes_in > 100 and .bytes_out > 100 and .bytes_per_second > 0 and .silent_seconds < 2' "$flow"
	run -0 "$weir" top --flows --once
	contains "$output" "the busiest by rate" "10.77.0.1:80" "10.77.0.2:$(jq .remote_port <<< "$flow")"
	is 0 "$("$weir" top --flows --once --json --upstream api | jq '.flows | length')"
}

# It has carried some requests and their answers
flow_is_seen() {
	"$weir" top --flows --once --json |
		jq -e '.flows | any(.service == "web" and .bytes_in > 400 and .bytes_out > 400)' > /dev/null
}

@test "where latency is not enabled, its commands say how to enable it" {
	configure <<- END
		interfaces: [{name: wan}]
		services: [{name: web, match: [tcp/80], limits: {default: [100k/s packets]}}]
		latency: {enabled: false}
	END
	start
	for command in 'latency --once' 'top --flows --once'; do
		# shellcheck disable=SC2086 # a command and its arguments
		run -1 --separate-stderr "$weir" $command
		is "" "$output"
		contains "$stderr" "latency: {enabled: false}" "weir reload"
	done
	run -0 "$weir" status
	contains "$output" "flows          not followed"
}

@test "the completion offers services and upstreams of the live daemon" {
	follows
	is $'other\nweb\nquiet\napi' "$("$weir" __complete names)"
	is api "$("$weir" __complete upstreams)"
}

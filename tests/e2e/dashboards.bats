#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every query of every panel and rule, asked of two real Prometheis, with and without native histograms, which run with the scrape
# configuration and rules of deploy/prometheus against a real Weir under real traffic. An error, an empty answer, or a figure that stays 0
# though there is something to see, fails.

load lib
load prometheus
load capture
load redis

setup() {
	command -v prometheus > /dev/null || skip "prometheus is not installed: make deps"
	[ -x "$flood" ] || skip "no flood: make test-tools"
	world
}

teardown() {
	redis_end
	end_of_world
}

deploy=$BATS_TEST_DIRNAME/../../deploy
panels=$BATS_TEST_DIRNAME/panels.py

# as_deployed: both Prometheis, only more often than there
as_deployed() {
	mkdir "$dir/prometheus"
	cp "$deploy"/prometheus/*.yaml "$dir/prometheus"
	sed -i 's/_interval: 15s/_interval: 1s/' "$dir/prometheus/prometheus.yaml"
	[ "$(grep -c "_interval: 1s" "$dir/prometheus/prometheus.yaml")" = 2 ]
	prometheus_with native 9090 "$dir/prometheus/prometheus.yaml" --enable-feature=native-histograms
	prometheus_with classic 9091 "$dir/prometheus/prometheus.yaml"
}

# again NAME NAMESPACE SCRIPT: over and over, until the test ends
again() { background "$1" "$2" bash -c "while :; do { $3; } > /dev/null 2>&1; done"; }

# show KIND PORT [--zero TITLE]... NAME...: the dashboards of these names are answered, all of them
show() {
	local kind=$1 port=$2
	shift 2
	in_host "$python" "$panels" "$port" "$kind" 40 "$@" > "$dir/shown" || { cat "$dir/shown"; return 1; }
	cat "$dir/shown" >&3
}

# Of everything something: clients over their limits, banned, observed, too many new ones, malformed frames; an upstream that is slow, one
# of its endpoints answers 503 now and then, the other is dead
traffic_of_all_kinds() {
	delays slow "$client" 8080
	nginx_before "$host" 80 10.77.0.2:8080
	configure <<- END
		interfaces: [{name: wan}]
		tiers: [{name: default}, {name: partner, prefixes: [10.77.129.0/24]}]
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [20/s packets burst 10]}
		    group_limits: {partner: [10/s packets burst 5]}
		    new_clients: 20/s
		  - {name: web, match: [tcp/80], on_limit: reject, limits: {default: [10/s connections burst 10]}}
		  - {name: ntp, match: [udp/123], mode: observe, limits: {default: [1/s packets burst 1]}}
		upstreams:
		  - name: api
		    endpoints: ["10.77.0.2:8080", "10.77.0.2:8081"]
		    http: true
		    slow: 100ms
		    breaker: {consecutive_failures: 3, failure_ratio: off, recovery: 1s, recovery_max: 1s}
		    probe: {type: tcp, interval: 500ms, timeout: 200ms}
	END
	start
	"$weir" ban 10.77.130.0/24
	background dns "$client" "$python" "$traffic" udp 10.77.0.1 53 --rate 100 --seconds 85
	background partner "$client" "$python" "$traffic" udp 10.77.0.1 53 --rate 50 --seconds 85 --from 10.77.129.1
	background banned "$client" "$python" "$traffic" udp 10.77.0.1 53 --rate 20 --seconds 85 --from 10.77.130.1
	background ntp "$client" "$python" "$traffic" udp 10.77.0.1 123 --rate 20 --seconds 85
	background malformed "$client" "$python" "$traffic" raw eth0 "Ether(dst='$host_mac',src='$client_mac',type=0x800)/b'short'" \
		--count 850 --rate 10
	background flooding "$client" "$flood" --interface eth0 --to 10.77.0.1 --dport 53 --sources 65536 --pps 1000 --seconds 85
	again surfing "$client" 'curl -s http://10.77.0.1/ http://10.77.0.1/slow/20 http://10.77.0.1/slow/150; sleep 0.05'
	again failing "$client" 'curl -s http://10.77.0.1/slow/20?503; sleep 0.3'
	again dying "$host" 'curl -s http://10.77.0.2:8081/; sleep 0.05'
	# and the operator slips
	echo 'nonsense: 1' >> "$yaml"
	run -2 "$weir" reload
}

@test "Overview, Latency and Breakers have an answer to every question, with native histograms and without" {
	local boards=("$deploy"/grafana/weir-{overview,latency,breakers}.json) zero=()
	as_deployed
	traffic_of_all_kinds
	# What is 0 on a host that is well, or where there is room enough
	for title in "Targets down" "Interfaces not limited" "Clients that made room" Contention \
		"Flows that made room" "Samples not taken" "Handshakes sent again" \
		Overrides "Names that do not resolve" Held; do
		zero+=(--zero "$title")
	done
	show native 9090 "${zero[@]}" "${boards[@]}"
	show classic 9091 "${zero[@]}" "${boards[@]}"
	refuses_spoilt_panels "${zero[@]}"
	show rules 9090
	show rules 9091
	# And the alerts say what is wrong here, and nothing else: at once where nobody waits
	is WeirReloadFailed "$(alerts firing)"
	eventually 20 pending_are "WeirBreakerOpen WeirRefusalsHigh WeirUnderPressure WeirUpstreamErrors"
}

# And that this would be noticed: a query that is wrong, one without a series, one that stays 0
refuses_spoilt_panels() {
	local spoilt=$dir/spoilt.json
	jq '(.panels[] | select(.title == "Packets").targets[0].expr) = "sum(" |
		(.panels[] | select(.title == "Bandwidth").targets[1].expr) = "weir_nothing" |
		(.panels[] | select(.title == "By interface").targets[].expr) |= "0 * (\(.))" |
		(.templating.list[] | select(.name == "service").query.query) = "label_values(weir_nothing, service)"' \
		"$deploy/grafana/weir-overview.json" > "$spoilt"
	run -1 in_host "$python" "$panels" 9091 classic 0 "$@" "$spoilt"
	is 5 "${#lines[@]}"
	contains "$output" "panel Packets: " "parse error" "panel Bandwidth: no series: weir_nothing" "panel By interface: all figures are 0" \
		"variable service: offers nothing"
}

# alerts STATE: their names
alerts() {
	in_host curl -s http://127.0.0.1:9091/api/v1/alerts |
		jq -r --arg state "$1" '[.data.alerts[] | select(.state == $state).labels.alertname] | unique | join(" ")'
}
pending_are() { is "$1" "$(alerts pending)" > "$dir/pending"; }

@test "Cluster has an answer to every question" {
	redis_world "$host"
	redis_start main
	as_deployed
	configure <<- END
		interfaces: [{name: wan}]
		cluster: {redis: "unix://$redis_dir/main.sock"}
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [{rate: 50/s, unit: packets, burst: 50, scope: cluster}]}
		    group_limits: {default: [{rate: 500/s, unit: packets, burst: 500, scope: cluster}]}
	END
	start
	status_now > "$dir/status"
	holds '.cluster != null' "$(< "$dir/status")"
	background dns "$client" "$python" "$traffic" udp 10.77.0.1 53 --rate 200 --seconds 85
	zero=()
	for title in "Nodes without Redis" "Units not reported" Backlog Mode Reconnects; do
		zero+=(--zero "$title")
	done
	show native 9090 "${zero[@]}" "$deploy/grafana/weir-cluster.json"
	show classic 9091 "${zero[@]}" "$deploy/grafana/weir-cluster.json"
}

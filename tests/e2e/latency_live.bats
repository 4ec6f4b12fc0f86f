#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# The whole way: real requests to a real nginx, which asks a slow server over there; Weir's programs, its daemon, and a real Prometheus that
# scrapes it. And what becomes of calls to an upstream: each counter moves by just what was done.

load lib
load prometheus
load capture
setup() { world; }
teardown() { end_of_world; }

requests=400

# ask_slowly: so many requests whose delays go from 20 to 200 ms, evenly by their logarithm, 8 at a time
ask_slowly() {
	local i
	for ((i = 0; i < requests; i++)); do
		awk -v i=$i -v n=$requests 'BEGIN { printf "http://10.77.0.1/slow/%.3f\n", 20 * 10 ^ ((i + 0.5) / n) }'
	done | shuf --random-source=<(yes) > "$dir/urls"
	in_client xargs -a "$dir/urls" -n 25 -P 8 curl -sf -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null \
		-o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null \
		-o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null \
		-o /dev/null -o /dev/null
}

# truths PORT ROLE HISTOGRAM: seconds by the capture, sorted, into $dir/truth
truths() { in_capture "$1" "$2" | awk -v name="$3" '$1 == name { print $2 }' | sort -g > "$dir/truth"; }

# true_quantile Q
true_quantile() { awk -v q="$1" -v n="$(wc -l < "$dir/truth")" 'NR == int(q * n + 0.999999) { print }' "$dir/truth"; }

# about_up_to SECONDS FACTOR: how many are not above SECONDS * FACTOR
about_up_to() { awk -v le="$1" -v by="$2" '$1 <= le * by + (by - 1) / 0.02 * 20e-6 { n++ } END { print n + 0 }' "$dir/truth"; }

# agrees NATIVE CLASSIC METRIC{LABELS}: what both Prometheis have of it is what $dir/truth says. The figures are printed
agrees() {
	echo "# ${3}:" >&3
	compare_with_truth "$@" | tee "$dir/agreed"
	[ "${PIPESTATUS[0]}" = 0 ]
	grep '^# ' "$dir/agreed" >&3
}

compare_with_truth() {
	local metric=$3 name=${3%%\{*} labels=${3#*\{} count q le got
	labels=${labels%\}}
	count=$(wc -l < "$dir/truth")
	eventually 10 answers "$1" "histogram_count($metric)" "$count"
	eventually 10 answers "$2" "${name}_count{$labels}" "$count"
	is "" "$(ask "$1" "count(${name}_bucket)")"
	within 1 "$(awk '{ sum += $1 } END { print sum }' "$dir/truth")" "$(ask "$1" "histogram_sum($metric)")"
	for q in 0.1 0.5 0.9 0.95 0.99; do
		within 10 "$(true_quantile $q)" "$(ask "$1" "histogram_quantile($q, $metric)")"
		got=$(ask "$2" "histogram_quantile($q, ${name}_bucket{$labels})")
		is "$(above "$(true_quantile $q)")" "$(above "$got")"
	done
	for le in 0.01 0.025 0.05 0.1 0.25 +Inf; do
		got=$(ask "$2" "${name}_bucket{$labels,le=\"$le\"}")
		echo "# up to $le: $got"
		[ "$got" -ge "$(about_up_to "$le" 0.98)" ]
		[ "$got" -le "$(about_up_to "$le" 1.02)" ]
	done
}

@test "quantiles of a real nginx and of the slow server behind it: Prometheus, native and classic, against the capture" {
	command -v prometheus > /dev/null || skip "prometheus is not installed"
	delays slow "$client" 8080
	nginx_before "$host" 80 10.77.0.2:8080
	scraper native 9090 --enable-feature=native-histograms
	scraper classic 9091
	capture
	configure <<- END
		interfaces: [{name: wan}]
		services: [{name: web, match: [tcp/80]}]
		upstreams: [{name: api, http: true, slow: 50ms, endpoints: ["10.77.0.2:8080"]}]
	END
	start
	eventually 20 answers 9090 'histogram_count(weir_response_seconds{service="web"})' 0
	eventually 20 answers 9091 'weir_response_seconds_count{service="web"}' 0
	ask_slowly
	captured
	truths 80 service response
	is $requests "$(wc -l < "$dir/truth")"
	agrees 9090 9091 'weir_response_seconds{service="web"}'
	truths 8080 upstream upstream_response
	is $requests "$(wc -l < "$dir/truth")"
	agrees 9090 9091 'weir_upstream_response_seconds{upstream="api"}'
	# Those between 50 and 51 ms may be either
	slow=$(ask 9091 'weir_upstream_calls_total{result="slow"}')
	[ "$slow" -ge "$(awk '$1 > 0.051 { n++ } END { print n }' "$dir/truth")" ]
	[ "$slow" -le "$(awk '$1 > 0.049 { n++ } END { print n }' "$dir/truth")" ]
	is $requests "$(ask 9091 'sum(weir_upstream_calls_total)')"
	is $requests "$(ask 9091 'weir_upstream_http_responses_total{class="2xx"}')"
}

# calls TIMES ARGUMENTS...: curl of this host, one connection each; its exit status does not matter here
calls() {
	local i times=$1
	shift
	for ((i = 0; i < times; i++)); do
		in_host curl -s -o /dev/null --max-time 10 "$@" || true
	done
}

# results ENDPOINT: "RESULT=COUNT" for those that are not 0, sorted, by Prometheus' text
results() {
	in_host curl -s http://127.0.0.1:9464/metrics | awk -v endpoint="endpoint=\"$1\"" '
		index($0, "weir_upstream_calls_total{") == 1 && index($0, endpoint) && $NF > 0 {
			match($0, /result="[a-z0-9_]*"/); print substr($0, RSTART + 8, RLENGTH - 9) "=" $NF }' | sort | tr '\n' ' '
}
results_are() { is "$2" "$(results "$1")" > "$dir/results"; }

@test "what becomes of calls, over IPv4 and IPv6: each counter moves by just what was done" {
	delays slow "$client" 8080
	# 8081 is closed; 8082 swallows everything
	in_client nft -f - <<- END
		table inet hole {
			chain in {
				type filter hook input priority 0
				tcp dport 8082 drop
			}
		}
	END
	configure <<- END
		interfaces: [{name: wan}]
		upstreams:
		  - name: api
		    http: true
		    slow: 150ms
		    connect_timeout: 500ms
		    answer_timeout: 1s
		    endpoints: ["10.77.0.2:8080", "[fd77::2]:8080", "10.77.0.2:8081", "[fd77::2]:8081", "10.77.0.2:8082", "[fd77::2]:8082"]
	END
	start
	for address in 10.77.0.2 "[fd77::2]"; do
		calls 7 "http://$address:8080/10"
		calls 2 "http://$address:8080/10?404"
		calls 3 "http://$address:8080/10?503"
		calls 4 "http://$address:8080/300"
		calls 5 "http://$address:8080/10?reset"
		calls 2 --max-time 2.5 "http://$address:8080/5000"
		calls 6 "http://$address:8081/10"
		calls 2 --connect-timeout 0.9 "http://$address:8082/10"
	done
	for address in 10.77.0.2 "[fd77::2]"; do
		eventually 4 results_are "$address:8080" "http_5xx=3 no_answer=2 ok=9 reset=5 slow=4 " || { cat "$dir/results"; false; }
		eventually 4 results_are "$address:8081" "refused=6 " || { cat "$dir/results"; false; }
		eventually 4 results_are "$address:8082" "connect_timeout=2 " || { cat "$dir/results"; false; }
		api="upstream=\"api\",endpoint=\"$address"
		is 7 $(($(metric "weir_upstream_http_responses_total{$api:8080\",class=\"2xx\"}") - 4))
		is 2 "$(metric "weir_upstream_http_responses_total{$api:8080\",class=\"4xx\"}")"
		is 3 "$(metric "weir_upstream_http_responses_total{$api:8080\",class=\"5xx\"}")"
		is 23 "$(metric "weir_upstream_connected_total{$api:8080\"}")"
		is 0 "$(metric "weir_upstream_connected_total{$api:8082\"}")"
		is 0 "$(metric "weir_upstream_connections{$api:8080\"}")"
	done
	# Refused or swallowed, a connect has no time; answered, each call has
	is 46 "$(metric 'weir_upstream_connect_seconds_count{upstream="api"}')"
	is 32 "$(metric 'weir_upstream_response_seconds_count{upstream="api"}')"
}

@test "connections that are open to an upstream are counted while they are" {
	delays slow "$client" 8080
	configure <<- END
		interfaces: [{name: wan}]
		upstreams: [{name: api, endpoints: ["10.77.0.2:8080"]}]
	END
	start
	background open "$host" "$python" -c 'if True:
		import socket, time
		held = [socket.create_connection(("10.77.0.2", 8080)) for _ in range(3)]
		time.sleep(60)'
	eventually 5 connections_are 3
	kill "$open"
	eventually 5 connections_are 0
}

connections_are() { [ "$(metric 'weir_upstream_connections{upstream="api",endpoint="10.77.0.2:8080"}')" = "$1" ]; }

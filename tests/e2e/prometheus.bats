#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real Prometheus reads our latency histograms in both ways: native from protobuf, classic from OpenMetrics.
# The samples are made here, so their true quantiles are known.

load lib
load prometheus

rounds=4 # how often all samples come, a second apart

setup() {
	command -v prometheus > /dev/null || skip "prometheus is not installed"
	world
}

teardown() { end_of_world; }

# make_samples: lines "LATENCY NS" in $dir/samples, always the same; the sorted ns of `response` in $dir/sorted
make_samples() {
	"$python" - > "$dir/samples" <<- END
		import random
		random.seed(7)
		for _ in range(5000):
		    print("response", int(random.lognormvariate(17, 0.8)))    # around 24 ms
		for ns in [500] * 3 + [200000] * 90 + [70 * 10**9] * 2:       # below, within and above all buckets
		    print("upstream_connect", ns)
	END
	awk '$1 == "response" { print $2 }' "$dir/samples" | sort -n > "$dir/sorted"
	samples=$(wc -l < "$dir/sorted")
}

# serve: the figures, as long as the test lasts
serve() {
	# shellcheck disable=SC2016 # $1 and $2 are the inner shell's
	background latencies "$host" bash -c 'exec "$1" 127.0.0.1:9464 "$2/admin.sock" "$3" < "$2/samples"' \
		latencies "$BATS_TEST_DIRNAME/../../build/tools/latencies" "$dir" $rounds
}

# true_quantile Q: of response, in seconds
true_quantile() {
	awk -v q="$1" -v n="$samples" 'NR == int(q * n + 0.999999) { printf "%.9f\n", $1 / 1e9 }' "$dir/sorted"
}

# up_to SECONDS: samples of response not above that
up_to() { awk -v le="$1" '$1 <= le * 1e9 { n++ } END { print n + 0 }' "$dir/sorted"; }

@test "Prometheus with native histograms answers quantiles within 10 % of the truth" {
	make_samples
	scraper native 9090 --enable-feature=native-histograms
	serve
	eventually 20 answers 9090 'histogram_count(weir_response_seconds)' $((rounds * samples))
	answers 9090 'histogram_count(weir_response_seconds{service="web"})' $((rounds * samples))
	is "$(awk -v n=$rounds '{ s += $1 } END { printf "%.6f", n * s / 1e9 }' "$dir/sorted")" \
		"$(printf %.6f "$(ask 9090 'histogram_sum(weir_response_seconds)')")"
	for q in 0.1 0.5 0.9 0.95 0.99; do
		within 10 "$(true_quantile $q)" "$(ask 9090 "histogram_quantile($q, weir_response_seconds)")"
		within 10 "$(true_quantile $q)" "$(ask 9090 "histogram_quantile($q, rate(weir_response_seconds[1m]))")"
	done

	# What lies outside of all finite buckets is counted: 3 of 95 below, 2 above
	is $((rounds * 95)) "$(ask 9090 'histogram_count(weir_upstream_connect_seconds{upstream="payments"})')"
	within 10 0.0002 "$(ask 9090 'histogram_quantile(0.5, weir_upstream_connect_seconds{upstream="payments"})')"
	is 2 "$(ask 9090 'round(95 * histogram_fraction(64, +Inf, weir_upstream_connect_seconds{upstream="payments"}))')"
	is 3 "$(ask 9090 'round(95 * histogram_fraction(0, 0.00000762939453125, weir_upstream_connect_seconds{upstream="payments"}))')"

	# One without samples is native too, from the first scrape; what is no latency stays classic
	is 0 "$(ask 9090 'histogram_count(weir_upstream_connect_seconds{upstream="dns"})')"
	is "" "$(ask 9090 'count(weir_response_seconds_bucket)')"
	is 13 "$(ask 9090 'count(weir_http_request_duration_seconds_bucket{handler="metrics"})')"
	is 1 "$(ask 9090 up)"
	is "" "$(cat "$dir/native.out")"
}

@test "Prometheus without them reads the classic buckets, each an exact sum" {
	make_samples
	scraper classic 9091
	serve
	eventually 20 answers 9091 'weir_response_seconds_count' $((rounds * samples))
	for le in 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0; do
		is $((rounds * $(up_to $le))) "$(ask 9091 "weir_response_seconds_bucket{le=\"$le\"}")"
	done
	is $((rounds * samples)) "$(ask 9091 'weir_response_seconds_bucket{le="+Inf"}')"
	is "" "$(ask 9091 'histogram_count(weir_response_seconds)')"

	# No nearer than the bounds are: a quantile lies between the same two as the truth
	for q in 0.5 0.9 0.99; do
		truth=$(true_quantile $q) got=$(ask 9091 "histogram_quantile($q, weir_response_seconds_bucket)")
		echo "# $q: $got s, truly $truth s"
		is "$(above "$truth")" "$(above "$got")"
	done
	is $((rounds * 93)) "$(ask 9091 'weir_upstream_connect_seconds_bucket{upstream="payments",le="10.0"}')"
	is $((rounds * 95)) "$(ask 9091 'weir_upstream_connect_seconds_bucket{upstream="payments",le="+Inf"}')"
	is 1 "$(ask 9091 up)"
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What Weir's programs at TC leave of TCP throughput over a veth:
#   tests/bench/iperf.sh [ROUNDS] [SECONDS]
# iperf3 from one namespace to the other and back, once with nothing attached, once with the limiter at TC alone, once with the
# limiter and telemetry both ways; these take turns. The sender has processor 0, the receiver processor 1.
#
# One line a measurement, fields separated by tabs:
#   round  direction  programs  bits_per_second  bits_per_processor_second  flows
# bits_per_processor_second: by the processor time of the end that took more of it, which other processes do not take
# flows: that telemetry has met; it must have seen iperf3's two, or none where it should not be there
# shellcheck source=tests/bench/net.sh
source "$(dirname "$0")/net.sh"

rounds=${1:-5} seconds=${2:-3}
port=5201

match="[tcp/$port]"

begin() {
	case $1 in
	none) return 0 ;;
	limiter) extra="latency: {enabled: false}" ;;
	all) extra= ;;
	esac
	start_weir tc "limits: {default: [100GB/s bytes]}" "new_clients: unlimited"
}

# Flows that telemetry has met, in figures that are a second old at most
followed() {
	if [ "$1" = none ]; then
		echo 0
	else
		sleep 1.2
		ask_weir /v1/status | jq '.flows.inserts'
	fi
}

# throughput FORWARD|BACK: a second, and a second of processor
throughput() {
	local -a back=()
	[ "$1" = forward ] || back=(-R)
	here taskset -c 0 iperf3 -c 198.18.0.2 -p $port -t "$seconds" -O 0.5 "${back[@]}" -J |
		jq -er '.end | .sum_received.bits_per_second as $bits | [.cpu_utilization_percent | .host_total, .remote_total] | max as $busy
			| "\($bits | floor)\t\($bits * 100 / $busy | floor)"'
}

command -v iperf3 > /dev/null || die "there is no iperf3: make deps DEPS=bench"
make_veth
nsenter --net="/run/netns/${net}b" taskset -c 1 iperf3 -s -p $port > "$work/iperf3.log" 2>&1 &
server=$!
trap 'kill $server 2> /dev/null || true; clean_net' EXIT
for _ in $(seq 100); do
	[ -z "$(there ss -Hltn "sport = :$port")" ] || break
	sleep 0.05
done

order=(none limiter all)
for round in $(seq "$rounds"); do
	for programs in "${order[@]}"; do
		begin "$programs"
		for direction in forward back; do
			before=$(followed "$programs")
			bits=$(throughput $direction)
			flows=$(($(followed "$programs") - before))
			printf '%s\t%s\t%s\t%s\t%s\n' "$round" $direction "$programs" "$bits" $flows
			# iperf3 makes one connection for the data and one to talk about it
			[ $flows = "$([ "$programs" = all ] && echo 2 || echo 0)" ] || die "$programs: telemetry has seen $flows flows"
		done
		end_weir
	done
	# Who came last comes first
	order=("${order[2]}" "${order[1]}" "${order[0]}")
done

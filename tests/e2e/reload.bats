#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A new configuration under a running daemon: all of it at once, or nothing.

load lib
setup() { world; }
teardown() { end_of_world; }

@test "a good file is in force when the command returns, and says so" {
	limited "1/hour packets burst 5"
	start
	is 5 "$(sends 20)"
	limited "1/hour packets burst 30"
	run -0 "$weir" reload --json
	holds '.generation == 2' "$output"
	is 30 "$(sends 40 --from 10.77.128.1)"
	is 1 "$(metric weir_config_last_reload_successful)"
	is 2 "$(metric weir_config_generation)"
	is 1 "$(metric 'weir_config_reloads_total{result="success"}')"
	logged "reloaded $yaml, generation 2"
}

@test "a broken file changes nothing: exit 2, one line, metric 0, degraded but ready; a good one heals" {
	limited "1/hour packets burst 5"
	start
	is 5 "$(sends 20)"
	echo "colour: blue" >> "$yaml"
	run -2 --separate-stderr "$weir" reload
	is 1 "${#stderr_lines[@]}"
	contains "$stderr" "$yaml:" colour
	is 0 "$(sends 20)"
	is 5 "$(sends 20 --from 10.77.128.1)"
	is 0 "$(metric weir_config_last_reload_successful)"
	is 1 "$(metric 'weir_config_reloads_total{result="failure"}')"
	is 1 "$(metric weir_config_generation)"
	holds '.status == "degraded" and (.components[] | select(.name == "configuration") | .status == "degraded" and
		(.message | contains("colour")))' "$(get /health/detailed)"
	is 200 "$(get /health/ready -o /dev/null -w '%{http_code}')"
	limited "1/hour packets burst 5"
	"$weir" reload
	is 1 "$(metric weir_config_last_reload_successful)"
	holds '.status == "healthy"' "$(get /health/detailed)"
}

@test "SIGHUP does the same: good ones are applied, broken ones are not" {
	limited "1/hour packets burst 5"
	start
	limited "1/hour packets burst 30"
	kill -HUP "$daemon"
	eventually 3 logged 'generation 2'
	is 30 "$(sends 40)"
	echo "colour: blue" >> "$yaml"
	kill -HUP "$daemon"
	eventually 3 logged 'the old one stays'
	is 30 "$(sends 40 --from 10.77.128.1)"
	is 0 "$(metric weir_config_last_reload_successful)"
	refute stopped "$daemon"
}

@test "a removed rule is inert at once" {
	limited "1/hour packets burst 5"
	start
	is 5 "$(sends 20)"
	configure <<< "interfaces: [{name: wan}]"
	"$weir" reload
	is 20 "$(sends 20)"
	holds '.passed == 20' "$(verdicts other)"
}

@test "changed limits keep the levels of buckets: who is empty stays empty, who gets more has it at once" {
	limited "1/hour packets burst 5"
	start
	is 5 "$(sends 20)"
	is 2 "$(sends 2 --from 10.77.128.1)"
	limited "1/hour packets burst 6"
	"$weir" reload
	# one more in the burst is one more that passes, for either
	is 1 "$(sends 20)"
	is 4 "$(sends 20 --from 10.77.128.1)"
	# a faster rate does not make anybody wait for the old one
	limited "2/s packets burst 2"
	"$weir" reload
	is 0 "$(sends 1)"
	sleep 1.1
	is 2 "$(sends 3)"
}

@test "counters, clients and bans outlive a reload" {
	limited "1/hour packets burst 5"
	start
	is 5 "$(sends 20)"
	"$weir" ban 10.77.128.0/24
	limited "2/hour packets burst 5"
	"$weir" reload
	is 0 "$(sends 20 --from 10.77.128.3)"
	holds '.passed == 5 and .limited == 15 and .banned == 20' "$(verdicts dns)"
}

@test "a prefix that changes its tier is judged by the new one with the next packet" {
	tiers() {
		configure <<- END
			interfaces: [{name: wan}]
			tiers: [{name: slow}, {name: fast, prefixes: [$1]}]
			services:
			  - {name: dns, match: [udp/53], limits: {slow: [1/hour packets burst 5], fast: [1/hour packets burst 50]}}
		END
	}
	tiers 10.99.0.0/16
	start
	is 5 "$(sends 20)"
	tiers 10.77.0.0/16
	"$weir" reload
	is 45 "$(sends 60)"
	tiers 10.99.0.0/16
	"$weir" reload
	is 0 "$(sends 20)"
}

@test "an interface is added and removed by reload" {
	ip link add lan netns "$host" type veth peer name lan0 netns "$client"
	ip -n "$host" link set lan up
	limited "1/hour packets burst 5"
	start
	sed -i 's/{name: wan}/{name: wan}, {name: lan}/' "$yaml"
	"$weir" reload
	is $'lan xdp\nwan xdp' "$(attached)"
	is 1 "$(metric 'weir_interface_attached{interface="lan"}')"
	sed -i 's/{name: wan}, {name: lan}/{name: lan}/' "$yaml"
	"$weir" reload
	is "lan xdp" "$(attached)"
	is 20 "$(sends 20)"
	is "link_lan_flow_in link_lan_flow_out link_lan_xdp" "$(cd "$pins" && echo link_*)"
	is "" "$(metric 'weir_interface_attached{interface="wan"}')"
}

@test "a reload that names a missing interface changes nothing, not even a counter" {
	limited "1/hour packets burst 5"
	start
	is 5 "$(sends 20)"
	before=$(status_now)
	cp "$yaml" "$dir/good"
	configure <<- END
		interfaces: [{name: nothere}]
	END
	run -2 --separate-stderr "$weir" reload
	contains "$stderr" "$yaml" nothere
	after=$(status_now)
	is "$(jq -c '.services[1].tiers, .generation, .interfaces' <<< "$before")" "$(jq -c '.services[1].tiers, .generation, .interfaces' <<< "$after")"
	is 0 "$(sends 20)"
	is 5 "$(sends 20 --from 10.77.128.1)"
}

@test "a reload that names a missing interface lets nothing pass meanwhile" {
	limited "1/hour packets burst 5"
	start
	keep_sending 53 --rate 20000
	cp "$yaml" "$dir/good"
	sed 's/{name: wan}/{name: nothere}/' "$dir/good" > "$dir/bad"
	for _ in {1..15}; do
		cp "$dir/bad" "$yaml"
		run -2 --separate-stderr "$weir" reload
		cp "$dir/good" "$yaml"
		run -0 "$weir" reload
	done
	end_sending
	is 5 "$(udp_received)"
}

@test "an attach mode changed by reload never leaves the interface open" {
	limited "1/hour packets burst 5"
	start
	keep_sending 53 --rate 20000
	for mode in tc native generic auto tc; do
		sed -i -E "s/\{name: wan[^}]*\}/{name: wan, attach: $mode}/" "$yaml"
		"$weir" reload
	done
	is "wan tcx" "$(attached)"
	end_sending
	is 5 "$(udp_received)"
}

@test "what only a restart can change is named in the log" {
	limited "1/hour packets burst 5"
	start
	sed -i 's/9464/9465/; s/16384/32768/' "$yaml"
	"$weir" reload
	logged 'a new address takes effect with the next start'
	logged 'table.clients and table.flows take effect'
	is 1 "$(metric weir_config_last_reload_successful)"
}

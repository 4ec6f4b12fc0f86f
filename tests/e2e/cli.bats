#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The command line against a live daemon.

# shellcheck disable=SC2016 # scripts for another shell and for awk
load lib
setup() { world; }
teardown() { end_of_world; }

# limited: a daemon that lets each client send 5 datagrams a minute to port 53
limited() {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/min packets burst 5]}}
	END
	start
}

@test "status shows what is attached, what passed and what each limit refused" {
	limited
	send udp 10.77.0.1 53 --count 12
	eventually 3 shows_refused 7
	run -0 "$weir" status
	contains "$output" wan native dns "1/min packets" healthy
}

shows_refused() { [ "$(status_now | jq '[.services[].refused.packets] | add')" = "$1" ]; }

@test "top --once lists the client that sends, by service" {
	limited
	background sender "$client" "$python" "$traffic" udp 10.77.0.1 53 --seconds 4 --rate 50
	eventually 5 top_has_client
	run -0 "$weir" top --once --interval 100ms
	contains "$output" 10.77.0.2 dns
	run -0 "$weir" top --once --json --by refused --service dns --limit 1
	holds '.clients | length == 1 and .[0].client == "10.77.0.2" and .[0].passed == 5 and .[0].refused_per_second > 20' "$output"
	run -2 --separate-stderr "$weir" top --once --service nothing
	contains "$stderr" nothing
}

top_has_client() { "$weir" top --once --json | jq -e '.clients[0].refused_per_second > 20' > /dev/null; }

@test "a refusal shows up in events, with source, service and limit" {
	limited
	background events "$host" "$weir" events --json --count 2
	sleep 0.3
	send udp 10.77.0.1 53 --count 12
	eventually 3 stopped "$events"
	wait "$events"
	holds '.verdict == "limited" and .source == "10.77.0.2" and .destination == "10.77.0.1" and .dport == 53 and
		.service == "dns" and .interface == "wan" and .protocol == "udp" and .limit == "1/min packets burst 5" and
		.observed == false and .bytes == 60' "$(head -n 1 "$dir/events.out")"
	is 2 "$(wc -l < "$dir/events.out")"
}

@test "the time of an event is the time of its packet" {
	limited
	background events "$host" "$weir" events --json --count 1
	sleep 0.3
	before=$(date +%s.%N)
	send udp 10.77.0.1 53 --count 6
	after=$(date +%s.%N)
	eventually 3 stopped "$events"
	at=$(date -d "$(jq -r .time "$dir/events.out")" +%s.%N)
	awk "BEGIN { exit !($at > $before - 0.002 && $at < $after + 0.002) }"
}

@test "events in text follows live, and ends with status 1 when the daemon goes" {
	limited
	background events "$host" "$weir" events
	sleep 0.3
	send udp 10.77.0.1 53 --count 12
	eventually 3 grep -q 'limited.*dns.*10\.77\.0\.2' "$dir/events.out"
	stop
	eventually 3 stopped "$events"
	run wait "$events"
	is 1 "$status"
}

@test "ban, bans and unban say what they did; a second unban fails" {
	limited
	run -0 "$weir" ban 10.77.128.0/24 --for 90s
	contains "$output" "banned 10.77.128.0/24"
	run -0 "$weir" ban fd77:0:0:1::5 # widened to the client
	contains "$output" "fd77:0:0:1::/64"
	run -0 "$weir" bans
	contains "$output" 10.77.128.0/24 fd77:0:0:1::/64 manual
	run -0 "$weir" bans --json
	holds '.bans | length == 2 and (map(.seconds_left) | sort | .[0] == null and .[1] > 80)' "$output"
	run -0 "$weir" unban 10.77.128.0/24
	run -1 --separate-stderr "$weir" unban 10.77.128.0/24
	contains "$stderr" "no such ban"
	run -2 --separate-stderr "$weir" ban 10.77.128.1/24
	run -2 --separate-stderr "$weir" ban nonsense
	run -2 --separate-stderr "$weir" ban 10.0.0.1 --for 0
}

@test "every --json is one JSON value" {
	limited
	for command in status 'top --once' 'top --flows --once' 'latency --once' bans version 'ban 10.1.2.3' 'unban 10.1.2.3' reload detach; do
		# shellcheck disable=SC2086 # a command and its arguments
		run -0 --separate-stderr "$weir" $command --json
		is 1 "$(jq -s length <<< "$output")"
	done
	eventually 3 stopped "$daemon"
	is 0 "$(wait "$daemon"; echo $?)"
}

@test "without a daemon every command says so, names the socket, and ends with 1" {
	for command in status 'top --once' 'top --flows --once' 'latency --once' events bans 'ban 10.1.2.3' 'unban 10.1.2.3' reload detach; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr "$weir" $command
		contains "$stderr" "$socket"
		is "" "$output"
	done
	run -0 "$weir" version
}

@test "version is the same from program, daemon and metrics" {
	limited
	version=$("$weir" version --json | jq -r .version)
	is "$version" "$("$weir" status --json | jq -r .version)"
	get /metrics | grep -F "weir_build_info{version=\"$version\""
}

@test "detach takes everything away at once, and the daemon ends with status 0" {
	limited
	remember
	run -0 "$weir" detach
	contains "$output" "detached from wan"
	eventually 3 stopped "$daemon"
	is 0 "$(wait "$daemon"; echo $?)"
	nothing_left
	[ ! -e "$socket" ]
	send udp 10.77.0.1 53 --count 12
	is 12 "$(udp_received)"
}

@test "bash completion offers services and bans of the live daemon" {
	limited
	"$weir" ban 10.77.128.0/24
	"$weir" help --completion bash > "$dir/completion"
	run -0 bash -c '
		PATH=$(dirname "$1"):$PATH
		. "$2"
		compopt() { :; }
		offers() { COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1 "") COMP_CWORD=3; _weir; echo "${COMPREPLY[*]}"; }
		offers "weir top --service "
		COMP_WORDBREAKS=" "
		offers() { COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1 "") COMP_CWORD=2; _weir; echo "${COMPREPLY[*]}"; }
		offers "weir unban "' bash "$weir" "$dir/completion"
	is "other dns" "${lines[0]}"
	is "10.77.128.0/24" "${lines[1]}"
}

@test "the log names the admin socket that --socket chose" {
	limited
	stop
	start -c "$yaml" --socket "$dir/other.sock"
	logged "admin $dir/other.sock"
	[ -S "$dir/other.sock" ]
	[ ! -e "$socket" ]
	is 660 "$(stat -c %a "$dir/other.sock")"
}

@test "rates in top are by the second, however often the configuration is reloaded" {
	limited
	cp "$yaml" "$dir/one"
	cp "$yaml" "$dir/two"
	background sender "$client" "$python" "$traffic" udp 10.77.0.1 53 --seconds 12 --rate 100
	eventually 5 top_has_client
	background reloads "$host" "$python" "$traffic" reloads "$socket" "$yaml" 5000 "$dir/one" "$dir/two"
	for _ in {1..25}; do
		"$weir" top --once --json | jq -c '[.clients[] | .passed_per_second + .refused_per_second]'
		stopped "$reloads" && break
		sleep 0.1
	done > "$dir/rates"
	cat "$dir/rates"
	# always listed, never as what came in a few milliseconds: that would be nothing, or thousands
	jq -es 'length > 3 and all(length == 1 and .[0] > 10 and .[0] < 500)' "$dir/rates"
}

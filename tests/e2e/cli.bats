#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The command line against a live daemon.

# shellcheck disable=SC2016 # scripts for another shell and for awk
load lib
setup() { world; }
teardown() { end_of_world; }

@test "status shows what is attached, what passed and what each limit refused" {
	limited
	start
	send udp 10.77.0.1 53 --count 12
	eventually 3 shows_refused 7
	run -0 "$weir" status
	contains "$output" wan native dns "1/hour packets" healthy
}

shows_refused() { [ "$(status_now | jq '[.services[].refused.packets] | add')" = "$1" ]; }

@test "top --once lists the client that sends, by service" {
	limited
	start
	keep_sending 53 --rate 50
	eventually 5 top_shows '.clients | length == 1 and .[0].client == "10.77.0.2" and .[0].passed == 5 and
		.[0].refused_per_second > 20' --by refused --service dns --limit 1
	run -0 "$weir" top --once --interval 100ms
	contains "$output" 10.77.0.2 dns
	run -2 --separate-stderr "$weir" top --once --service nothing
	contains "$stderr" nothing
}

# top_shows EXPRESSION [OPTION...]
top_shows() {
	local expression=$1
	shift
	"$weir" top --once --json "$@" | jq -e "$expression" > /dev/null
}

# provoke COMMAND...: sends what is refused until the command succeeds: that `weir events` runs does not say yet that it listens
provoke() {
	until "$@"; do
		send udp 10.77.0.1 53 --count 12 --times "$dir/times.one"
		cat "$dir/times.one" >> "$dir/times"
		sleep 0.1
	done
}

@test "a refusal shows up in events, with source, service and limit" {
	limited
	start
	background events "$host" "$weir" events --json --count 2
	provoke stopped "$events"
	wait "$events"
	holds '.verdict == "limited" and .source == "10.77.0.2" and .destination == "10.77.0.1" and .dport == 53 and
		.service == "dns" and .interface == "wan" and .protocol == "udp" and .limit == "1/hour packets burst 5" and
		.observed == false and .bytes == 60' "$(head -n 1 "$dir/events.out")"
	is 2 "$(wc -l < "$dir/events.out")"
}

@test "the time of an event is the time of its packet" {
	limited
	start
	background events "$host" "$weir" events --json --count 1
	provoke stopped "$events"
	# of one of them, and not of another: less than 2 ms after it was sent
	at=$(date -d "$(jq -r .time "$dir/events.out")" +%s%N)
	awk -v at="$at" '{ late = (at - $1) / 1e6; if (late > -2 && late < 2) found = 1; print late, "ms" } END { exit !found }' "$dir/times"
}

@test "events in text follows live, and ends with status 1 when the daemon goes" {
	limited
	start
	background events "$host" "$weir" events
	provoke grep -q 'limited.*dns.*10\.77\.0\.2' "$dir/events.out"
	stop
	eventually 3 stopped "$events"
	run wait "$events"
	is 1 "$status"
}

@test "ban, bans and unban say what they did; a second unban fails" {
	limited
	start
	run -0 "$weir" ban 10.77.128.0/24 --for 1h
	contains "$output" "banned 10.77.128.0/24"
	run -0 "$weir" ban fd77:0:0:1::5 # widened to the client
	contains "$output" "fd77:0:0:1::/64"
	run -0 "$weir" bans
	contains "$output" 10.77.128.0/24 fd77:0:0:1::/64 manual
	run -0 "$weir" bans --json
	holds '.bans | length == 2 and (map(.seconds_left) | sort | .[0] == null and .[1] > 3000)' "$output"
	run -0 "$weir" unban 10.77.128.0/24
	run -1 --separate-stderr "$weir" unban 10.77.128.0/24
	contains "$stderr" "no such ban"
	run -2 --separate-stderr "$weir" ban 10.77.128.1/24
	run -2 --separate-stderr "$weir" ban nonsense
	# Nobody to tell, and so nothing is done
	run -1 --separate-stderr "$weir" ban 10.77.129.0/24 --cluster
	contains "$stderr" "no cluster is configured" "cluster: {redis:"
	run -1 --separate-stderr "$weir" unban 10.77.128.0/24 --cluster
	contains "$stderr" "no cluster is configured"
	run -0 "$weir" bans --json
	holds '.bans | length == 1' "$output"
	run -2 --separate-stderr "$weir" ban 10.0.0.1 --for 0
}

@test "every --json is one JSON value" {
	limited
	start
	for command in status 'top --once' 'top --flows --once' 'latency --once' breakers cluster bans version 'ban 10.1.2.3' 'unban 10.1.2.3' reload detach; do
		# shellcheck disable=SC2086 # a command and its arguments
		run -0 --separate-stderr "$weir" $command --json
		is 1 "$(jq -s length <<< "$output")"
	done
	eventually 3 stopped "$daemon"
	is 0 "$(wait "$daemon"; echo $?)"
}

@test "without a cluster in the configuration weir cluster says so, and metrics have none of it" {
	limited
	start
	run -0 "$weir" cluster
	is "no cluster is configured: limits hold on this node alone" "$output"
	is false "$("$weir" cluster --json | jq .enabled)"
	is null "$("$weir" status --json | jq .cluster)"
	run -0 "$weir" status
	refute contains "$output" "cluster "
	get /metrics > "$dir/metrics"
	contains "$(< "$dir/metrics")" weir_build_info
	refute grep -E '^weir_(cluster|redis)_|^weir_limit_share' "$dir/metrics"
}

@test "without a daemon every command says so, names the socket, and ends with 1" {
	for command in status 'top --once' 'top --flows --once' 'latency --once' breakers cluster events bans 'ban 10.1.2.3' 'unban 10.1.2.3' reload detach; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr "$weir" $command
		contains "$stderr" "$socket"
		is "" "$output"
	done
	run -0 "$weir" version
}

@test "version is the same from program, daemon and metrics" {
	limited
	start
	version=$("$weir" version --json | jq -r .version)
	is "$version" "$("$weir" status --json | jq -r .version)"
	get /metrics > "$dir/metrics"
	grep -F "weir_build_info{version=\"$version\"" "$dir/metrics"
	grep -F "hiredis=\"$("$weir" version --json | jq -r .hiredis)\"" "$dir/metrics"
}

@test "detach takes everything away at once, and the daemon ends with status 0" {
	limited
	start
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
	start
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
	start
	stop
	start -c "$yaml" --socket "$dir/other.sock"
	logged "admin $dir/other.sock"
	[ -S "$dir/other.sock" ]
	[ ! -e "$socket" ]
	is 660 "$(stat -c %a "$dir/other.sock")"
}

@test "rates in top are by the second, however often the configuration is reloaded" {
	limited
	start
	cp "$yaml" "$dir/one"
	cp "$yaml" "$dir/two"
	keep_sending 53 --rate 100 --times "$dir/times"
	# its first window began before it did
	eventually 8 top_shows '.clients[0] | .passed + .refused > 200'
	background reloads "$host" "$python" "$traffic" reloads "$socket" "$yaml" 5000 "$dir/one" "$dir/two"
	for _ in {1..25}; do
		"$weir" top --once --json
		stopped "$reloads" && break
		sleep 0.1
	done > "$dir/tops"
	end_sending
	# always listed, with a rate at which it did send, and not for just a few milliseconds
	"$python" "$BATS_TEST_DIRNAME/rates.py" "$dir/times" "$dir/tops"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the daemon logs: who caused it, how often, and what it keeps to itself.

load lib
setup() { world; }
teardown() { end_of_world; }

# lines [FILTER]: messages of the log, each of which is an object with the members it must have
lines() {
	jq -r 'if (.ts | test("^[0-9]{4}-[0-9-]{5}T[0-9:.]{12}Z$")) and (.level | IN("error", "warning", "info", "debug"))
		and (.component | length > 0) and (.msg | length > 0) then . else error("\(.)") end
		| select('"${1-true}"') | .msg' "$log"
}

on_socket() { # ID PATH BODY
	curl -s --unix-socket "$socket" -H 'Content-Type: application/json' -H "X-Request-ID: $1" -d "$3" "http://weir$2"
}

@test "what a request changes has its id: ban, unban, breaker, reload good and bad, detach" {
	limited "1/hour packets burst 5" "upstreams: [{name: api, endpoints: ['127.0.0.1:80'], breaker: {consecutive_failures: 5}}]"
	start
	on_socket a-1 /v1/ban '{"prefix":"203.0.113.7","seconds":60}' > "$dir/answer"
	WEIR_REQUEST_ID=a-2 "$weir" unban 203.0.113.7
	WEIR_REQUEST_ID=a-3 "$weir" breaker open api --for 1m
	WEIR_REQUEST_ID=a-4 "$weir" reload
	sed -i 's/9464/9465/' "$yaml"
	WEIR_REQUEST_ID=a-5 "$weir" reload
	echo 'colour: blue' >> "$yaml"
	refute env WEIR_REQUEST_ID=a-6 "$weir" reload
	WEIR_REQUEST_ID='no good' "$weir" ban 203.0.113.8
	kill -HUP "$daemon"
	eventually 3 last_is 'not reloaded, the old one stays: .*'
	WEIR_REQUEST_ID=a-7 "$weir" detach
	wait "$daemon"

	is "203.0.113.7 banned for 60 s" "$(lines '.request_id == "a-1"')"
	is "203.0.113.7 no longer banned" "$(lines '.request_id == "a-2"')"
	contains "$(lines '.request_id == "a-3"')" "api 127.0.0.1:80: closed -> forced_open"
	contains "$(lines '.request_id == "a-4"')" "reloaded $yaml, generation "
	# also what is said on the way
	contains "$(lines '.request_id == "a-5"')" "http: a new address takes effect with the next start"
	contains "$(lines '.request_id == "a-5"')" "reloaded $yaml, generation "
	contains "$(lines '.request_id == "a-6"')" "colour"
	is "203.0.113.8 banned without end" "$(lines '.request_id // "" | test("^[0-9a-f]{16}$")')"
	is "detached from everything; stopping" "$(lines '.request_id == "a-7"')"
	# nobody's request: the start, the signal, the end
	contains "$(lines '.request_id == null')" "not reloaded, the old one stays"
	is 1 "$(lines '.request_id == null' | grep -c 'not reloaded')"
}

last_is() { [[ "$(tail -n 1 "$log" | jq -r .msg)" =~ ^$1$ ]]; }

@test "whoever can reach the TCP listener cannot write to the log" {
	limited
	start
	before=$(wc -l < "$log")
	for _ in {1..12}; do
		get /metrics -o "$dir/body"
		get "/nothing%0a$_" -o "$dir/body"
		get /v1/ban -H 'Content-Type: application/json' -d '{"prefix":"10.9.9.9"}' -o "$dir/body"
		get /health/live -X BREW -H "X-Request-ID: $(printf 'x%.0s' {1..500})" -o "$dir/body"
		get /v1/latency?a=b -o "$dir/body"
	done
	get /metrics > "$dir/body"
	is "$before" "$(wc -l < "$log")"
	is "$(lines '.level == "info"' | wc -l)" "$(metric 'weir_log_messages_total{level="info"}')"
	# with --log-level debug there are lines, and an end of them
	stop
	start --no-watch -c "$yaml" --log-level debug
	for _ in {1..1200}; do
		printf 'url = "http://127.0.0.1:9464/health/live"\noutput = "%s"\n' "$dir/body"
	done > "$dir/urls"
	in_host curl -s -K "$dir/urls"
	stop
	is 1000 "$(lines '.component == "http"' | grep -c '^GET /health/live 200 in')"
	[[ "$(lines '.component == "http"' | tail -n 1)" =~ ^[0-9]+\ more\ lines\ left\ out$ ]]
}

@test "a line that comes too often is told in one, at the latest at the end; a change is always written" {
	limited
	start
	echo 'colour: blue' >> "$yaml"
	for n in {1..40}; do
		kill -HUP "$daemon"
		eventually 3 failed_reloads "$n"
	done
	is 10 "$(lines | grep -c '^not reloaded.*blue\|^not reloaded')"
	sed -i '/colour/d' "$yaml"
	"$weir" reload
	stop
	contains "$(lines)" "reloaded $yaml, generation "
	is 11 "$(lines | grep -c '^not reloaded')"
	lines | grep -q '^not reloaded.* (repeated 30 times, the last [0-9.]* s ago)$'
}

failed_reloads() { [ "$(metric 'weir_config_reloads_total{result="failure"}')" -ge "$1" ]; }

# journaled ARGUMENT...: runs the daemon with a standard error that systemd has named as the journal's: a file does as well
journaled() {
	local stream
	log=$dir/journal
	: > "$log"
	stream=$(stat -c %d:%i "$log")
	JOURNAL_STREAM=$stream nsenter --net="/run/netns/$host" "$weir" run --no-watch -c "$yaml" "$@" \
		2>> "$log" > "$dir/weir.out" 3>&- < /dev/null &
	daemon=$!
	echo "$daemon" >> "$dir/pids"
}

@test "standard error that is the journal's: priorities and no time; JSON keeps its own" {
	limited
	journaled
	eventually 10 logged '^<6>daemon: ready: '
	echo 'colour: blue' >> "$yaml"
	refute env WEIR_REQUEST_ID=me "$weir" reload
	eventually 3 logged '^<3>config: \[me\] not reloaded'
	stop
	refute grep -v '^<[0-7]>[a-z]*: ' "$log"

	journaled
	eventually 10 stopped "$daemon"
	logged "^<3>$yaml:[0-9]*: .*colour"
	sed -i '/colour/d' "$yaml"
	journaled --log json
	eventually 10 logged '^<6>{"ts":.*"msg":"ready: '
	stop
}

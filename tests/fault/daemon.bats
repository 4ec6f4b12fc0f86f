#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# The daemon stopped, killed, flooded with commands: the kernel goes on, and nothing is left half done.

load ../e2e/lib
setup() { world; }
teardown() { end_of_world; }

@test "a stopped daemon (SIGSTOP) does not stop the kernel; live does not answer, and does again" {
	limited
	start
	is 5 "$(sends 20)"
	kill -STOP "$daemon"
	is 0 "$(sends 20)"
	is 5 "$(sends 2000 --from 10.77.128.1)"
	run ! get /health/live --max-time 0.5
	run -1 --separate-stderr timeout 30 "$weir" ban 10.0.0.1
	kill -CONT "$daemon"
	is alive "$(get /health/live | jq -r .status)"
	is 2030 "$(verdicts dns | jq .limited)"
	holds '.status == "healthy"' "$(get /health/detailed)"
}

@test "a thousand reloads in a row under traffic: never a mixture, never one packet over the limit" {
	# Two files that both let 5 pass, by other means: a mixture of them would let none or all
	limited
	cp "$yaml" "$dir/one"
	configure <<- END
		interfaces: [{name: wan}]
		tiers: [{name: default}, {name: all, prefixes: [10.77.0.0/16]}]
		services:
		  - {name: dns, match: [udp/53], limits: {all: [1/hour packets burst 5]}}
	END
	cp "$yaml" "$dir/two"
	start
	keep_sending 53 --rate 3000
	"$python" "$traffic" reloads "$socket" "$yaml" 1000 "$dir/two" "$dir/one" > "$dir/reloads"
	end_sending
	is 5 "$(udp_received)"
	holds '.answers == {"200": 1000}' "$(cat "$dir/reloads")"
	echo "# 1000 reloads in $(jq .seconds "$dir/reloads") s" >&3
	is 1001 "$(status_now | jq .generation)"
	is 1000 "$(metric 'weir_config_reloads_total{result="success"}')"
	refute grep -q '"level":"error"' "$log"
}

@test "a thousand SIGHUPs at once end in one good configuration" {
	limited
	start
	for _ in {1..1000}; do kill -HUP "$daemon"; done
	"$weir" reload
	is 1 "$(metric weir_config_last_reload_successful)"
	is 5 "$(sends 20)"
}

@test "killed at any moment of its start, twenty times: the next start works, adopted or clean" {
	limited
	for n in {1..20}; do
		launch
		sleep "0.0$((RANDOM % 40 + 10))$((RANDOM % 10))" # 10 to 50 ms, some later below
		[ $((n % 3)) != 0 ] || sleep "0.$((RANDOM % 3 + 1))"
		crash
	done
	start
	remember
	is 5 "$(sends 20)"
	is "wan xdp" "$(attached)"
	stop
	nothing_left
}

@test "killed at each system call of its start that touches the kernel: the next start works" {
	command -v strace > /dev/null || skip "strace is not installed"
	limited
	for call in bpf:25 bpf:60 bpf:70 bpf:75 bpf:80 bpf:90 mkdir:1; do
		run timeout 20 nsenter --net="/run/netns/$host" strace -qq -o /dev/null -e inject="${call%:*}:signal=KILL:when=${call#*:}" \
			timeout 2 "$weir" run -c "$yaml"
		start
		is 5 "$(sends 20 --from 10.77.128.$((++n)))"
		crash
		[ $((n % 2)) = 0 ] || "$weir" detach --pins "$pins" --socket "$socket" > "$dir/detached"
	done
	start
	remember
	stop
	nothing_left
}

@test "SIGTERM during the start leaves nothing" {
	limited
	for pause in 0.01 0.05 0.1 0.15 0.2 0.3; do
		launch
		sleep $pause
		kill -TERM "$daemon"
		eventually 3 stopped "$daemon"
		[ ! -e "$pins" ]
		[ ! -e "$socket" ]
		refute has_xdp wan
	done
	is 20 "$(sends 20)"
}

@test "malformed HTTP neither stops nor slows the daemon, on either listener" {
	limited
	start
	for bytes in '' '\r\n\r\n' 'GET' 'GET / HTTP/9.9\r\n\r\n' 'GET /metrics\r\n' '\x00\x01\x02\xff\xfe' \
		'POST /v1/ban HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n' \
		'POST /v1/ban HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n' \
		'POST /v1/ban HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' \
		'POST /v1/ban HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"a":' \
		'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n' 'GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n'; do
		printf '%b' "$bytes" | in_host timeout 1 socat -t 0.1 - TCP4:127.0.0.1:9464 > "$dir/answer" || true
		printf '%b' "$bytes" | timeout 1 socat -t 0.1 - UNIX-CONNECT:"$socket" > "$dir/answer" || true
	done
	# deep JSON, a header without end, many connections that say nothing
	deep=$(printf '[%.0s' {1..20000})
	curl -s -o "$dir/answer" --unix-socket "$socket" -H 'Content-Type: application/json' -d "$deep" http://weir/v1/ban
	head -c 300000 /dev/zero | tr '\0' a | in_host timeout 2 socat -t 0.1 - TCP4:127.0.0.1:9464 > "$dir/answer" || true
	# 32 from one address may be open at once; these are cut after 10 s
	background idle "$host" bash -c 'for i in {1..20}; do exec {fd}<> /dev/tcp/127.0.0.1/9464; done; sleep 20'
	is alive "$(get /health/live | jq -r .status)"
	is 200 "$(curl -s -o "$dir/answer" -w '%{http_code}' --unix-socket "$socket" http://weir/health/live)"
	"$weir" status > "$dir/answer"
	is 5 "$(sends 20)"
	refute stopped "$daemon"
}

@test "a ban storm under traffic: two thousand bans and unbans, every one in force when it returns" {
	limited "1000/s packets burst 1000"
	start
	keep_sending 99 --rate 2000
	cat > "$dir/storm" <<- 'END'
		say() { curl -sf -o /dev/null --unix-socket "$1" -H 'Content-Type: application/json' -d "{\"prefix\":\"$3\"}" "http://weir/v1/$2"; }
		for i in $(seq 0 499); do say "$1" ban "10.80.$((i / 250)).$((i % 250))"; done
		for i in $(seq 0 498); do say "$1" unban "10.80.$((i / 250)).$((i % 250))"; done
	END
	bash "$dir/storm" "$socket"
	end_sending
	is '["10.80.1.249"]' "$("$weir" bans --json | jq -c '[.bans[].prefix]')"
	is 500 "$(status_now > /dev/null; metric 'weir_bans_total{origin="manual"}')"
	"$weir" ban 10.77.0.2
	is 0 "$(sends 10)"
	"$weir" unban 10.77.0.2
	is 10 "$(sends 10)"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Circuit breakers as a whole: a live daemon, real callers on this host, and an upstream, $client, that dies, hangs, is slow, answers 500,
# and comes back.

load lib
setup() { world; }
teardown() { end_of_world; }

# guarded BREAKER [UPSTREAM FIELDS]: a daemon that calls 10.77.0.2:8080, the upstream api
guarded() {
	configured "$@"
	start
}

configured() {
	configure <<- END
		interfaces: [{name: wan}]
		${keep:+on_exit: keep}
		upstreams:
		  - {name: api, endpoints: [${endpoints-\"10.77.0.2:8080\"}], http: true, breaker: {$1}${2:+, $2}}
	END
}

# serves: the upstream answers each GET with the status in $dir/status (0: by a RST), after the seconds in $dir/delay; a line for each in $dir/served
serves() {
	echo 200 > "$dir/status"
	echo 0 > "$dir/delay"
	: > "$dir/served"
	background upstream "$client" "$python" -c '
import http.server, os, socket, struct, sys, time
folder = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(folder + "/served", "a").write(self.path + "\n")
        time.sleep(float(open(folder + "/delay").read()))
        status = int(open(folder + "/status").read())
        if not status: # a RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            os.close(self.connection.detach())
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
Server(("10.77.0.2", 8080), Handler).serve_forever()' "$dir"
	eventually 5 listens
}

listens() { nsenter --net="/run/netns/$client" ss -Hltn "sport = :8080" | grep -q .; }

# call [COUNT]: so many GETs, one after the other, each on a connection of its own; prints curl's exit status and that of HTTP
call() {
	local i
	for ((i = 0; i < ${1:-1}; i++)); do
		in_host curl -s -o "$dir/got" -w '%{exitcode} %{http_code}\n' --max-time 5 http://10.77.0.2:8080/ || true
	done
}

# calls_at_once COUNT: so many, which nobody waits for
calls_at_once() {
	local i
	for ((i = 0; i < $1; i++)); do
		background caller "$host" curl -s -o "$dir/got.$i" --max-time 5 http://10.77.0.2:8080/
	done
}

breaker() { "$weir" breakers --json | jq -r ".upstreams[0].endpoints[${2:-0}].$1"; }
is_state() { [ "$(breaker state "${2:-0}")" = "$1" ]; }
arrived() { counter "$client" Tcp InSegs; }

# connects COUNT: how so many connect() to the upstream end, "refused 987" each, and the slowest's microseconds are in the last line
connects() {
	in_host "$python" -c '
import socket, sys, time
slowest = 0
for _ in range(int(sys.argv[1])):
    with socket.socket() as caller:
        began = time.monotonic()
        try:
            caller.connect(("10.77.0.2", 8080))
            print("connected")
        except ConnectionRefusedError:
            slowest = max(slowest, time.monotonic() - began)
            print("refused")
print(int(slowest * 1e6))' "$1"
}

@test "five refused calls open it: the sixth fails at once, nothing leaves, and everybody is told why" {
	guarded "recovery: 60s, jitter: off"
	background follower "$host" "$weir" events --json
	eventually 3 is_state closed
	sleep 0.5 # until the follower is there
	is $'7 000\n7 000\n7 000\n7 000\n7 000' "$(call 5)"
	eventually 1 is_state open
	before=$(arrived)
	run -0 connects 200
	is 200 "$(grep -c refused <<< "$output")"
	is "$before" "$(arrived)"
	[ "${lines[-1]}" -lt 100000 ] # without: 1 s, 3 s, ... on a busy machine all the same

	logged 'api 10.77.0.2:8080: closed -> open: consecutive_failures (5 failures in a row); ejections 1; for 60.0 s, until 20'
	eventually 3 grep -q '"event":"breaker"' "$dir/follower.out"
	holds '.event == "breaker" and .upstream == "api" and .endpoint == "10.77.0.2:8080" and .from == "closed" and
		.to == "open" and .reason == "consecutive_failures" and .streak == 5 and .ejections == 1 and
		(.until | startswith("20"))' "$(grep '"event":"breaker"' "$dir/follower.out")"
	holds '.upstreams[0].endpoints[0] | .state == "open" and .reason == "consecutive_failures" and .seconds_left > 30 and
		.seconds_left <= 60 and .ejections == 1' "$("$weir" breakers --json)"
	run -0 "$weir" breakers
	contains "$output" "api       10.77.0.2:8080  open" consecutive_failures
	eventually 3 metric_is 'weir_breaker_rejections_total{upstream="api",endpoint="10.77.0.2:8080"}' 200
	metric_is 'weir_breaker_state{upstream="api",endpoint="10.77.0.2:8080",state="open"}' 1
	metric_is 'weir_breaker_state{upstream="api",endpoint="10.77.0.2:8080",state="closed"}' 0
	metric_is 'weir_breaker_transitions_total{upstream="api",to="open",reason="consecutive_failures"}' 1
	metric_is 'weir_upstream_ejected_ratio{upstream="api"}' 1
	# what it refused itself is no failure of the upstream
	metric_is 'weir_upstream_calls_total{upstream="api",endpoint="10.77.0.2:8080",result="refused"}' 5
	holds '.status != "unhealthy" and (.components[] | select(.name == "breakers") | .status == "healthy" and
		(.message | startswith("of 1 endpoint 1 open")))' "$(get /health/detailed)"
}

metric_is() { [ "$(metric "$1")" = "$2" ]; }

@test "half-open lets three of 200 callers through, and closes when they were answered" {
	guarded "recovery: 1s, jitter: off"
	call 5
	eventually 1 is_state open
	serves
	echo 2 > "$dir/delay"
	eventually 3 is_state half_open
	run -0 in_host "$python" -c '
import collections, concurrent.futures, socket
def call(_):
    try:
        with socket.create_connection(("10.77.0.2", 8080), 5) as caller:
            caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return caller.recv(12).decode()
    except ConnectionRefusedError:
        return "refused"
with concurrent.futures.ThreadPoolExecutor(200) as pool:
    print(*(f"{count} {what}" for what, count in sorted(collections.Counter(pool.map(call, range(200))).items())), sep="\n")'
	is $'3 HTTP/1.0 200\n197 refused' "$output"
	is 3 "$(wc -l < "$dir/served")"
	eventually 1 is_state closed
	logged 'half_open -> closed: probes_passed (3 calls succeeded)'
	echo 0 > "$dir/delay"
	is $'0 200\n0 200' "$(call 2)"
}

@test "a failure while half-open opens it for longer, with the call itself" {
	guarded "recovery: 1s, jitter: off"
	call 5
	eventually 3 is_state half_open
	call 1
	eventually 1 logged 'half_open -> open: probe_failed; ejections 2; for 2.0 s'
}

@test "answers with 500, resets, silence after a request and silence to a SYN open it as well" {
	serves
	guarded "recovery: 60s, consecutive_failures: 3, failure_ratio: off" "connect_timeout: 200ms, answer_timeout: 400ms, slow: 400ms"
	is $'0 200' "$(call 1)"
	echo 500 > "$dir/status"
	is $'0 500\n0 500\n0 500' "$(call 3)"
	eventually 1 is_state open
	is "7 000" "$(call 1)"
	"$weir" breaker reset api

	# resets the connection in place of an answer
	echo 0 > "$dir/status"
	is $'56 000\n56 000\n56 000' "$(call 3)"
	eventually 1 is_state open
	is "7 000" "$(call 1)"
	"$weir" breaker reset api

	# hangs after it has accepted
	echo 200 > "$dir/status"
	echo 4 > "$dir/delay"
	calls_at_once 3
	eventually 5 is_state open
	eventually 2 has_results reset=3 no_answer=3 # the figures are renewed each second
	"$weir" breaker reset api

	# does not answer at all: the SYN is lost
	in_client ip addr del 10.77.0.2/16 dev eth0
	calls_at_once 3
	eventually 5 is_state open
	is "7 000" "$(call 1)"
}

# has_results NAME=COUNT...
has_results() {
	local results want
	results=$("$weir" latency --once --json api | jq -r '.upstreams[0].endpoints[0].results | to_entries[] | "\(.key)=\(.value)"')
	for want in "$@"; do
		grep -qx "$want" <<< "$results" || return 1
	done
}

@test "slow calls open it where that is asked for, and only as many as are asked for" {
	serves
	guarded "recovery: 60s, slow_ratio: 50%, min_calls: 6" "slow: 50ms"
	is 3 "$(call 3 | grep -c '0 200')"
	echo 0.1 > "$dir/delay"
	is 2 "$(call 2 | grep -c '0 200')"
	sleep 0.3
	is_state closed # 5 calls are too few
	call 1
	eventually 1 is_state open
	logged 'slow_ratio (3 of 6 calls were slow in 10 s)'
}

@test "killed while open: refuses until the deadline, then lets everything through" {
	guarded "recovery: 2s, jitter: off"
	call 5
	eventually 1 is_state open
	serves
	is "7 000" "$(call 1)"
	crash
	is "7 000" "$(call 1)"
	eventually 4 passes
}

passes() { [ "$(call 1)" = "0 200" ]; }

@test "a restart changes nothing: what is open stays open for the rest of its time, overrides hold to their end" {
	endpoints='"10.77.0.2:8080", "10.77.0.2:8081", "10.77.0.2:8082"'
	keep=1
	guarded "recovery: 60s, jitter: off"
	call 5
	eventually 1 is_state open
	"$weir" breaker open api/10.77.0.2:8081 --for 100s
	"$weir" breaker close api/10.77.0.2:8082
	stop
	serves
	is "7 000" "$(call 1)"
	start
	is "7 000" "$(call 1)"
	holds '.upstreams[0].endpoints | (.[0] | .state == "open" and .reason == "consecutive_failures" and .seconds_left < 60 and
		.seconds_left > 20) and (.[1] | .state == "forced_open" and .seconds_left > 60 and .seconds_left < 100) and
		(.[2] | .state == "forced_closed" and .seconds_left == null)' "$("$weir" breakers --json)"
	crash
	start
	holds '.upstreams[0].endpoints | map(.state) == ["open", "forced_open", "forced_closed"]' "$("$weir" breakers --json)"
	is "7 000" "$(call 1)"
	"$weir" breaker reset api
	is "0 200" "$(call 1)"
}

@test "an override opens and closes at once, ends by itself, and holds where the breaker only observes or is off" {
	local mode
	serves
	for mode in enforce observe off; do
		configured "mode: $mode"
		if [ "$mode" = enforce ]; then start; else "$weir" reload; fi
		run -0 "$weir" breaker open api
		is "api, 1 endpoint: forced open, all calls are refused" "$output"
		is "7 000" "$(call 1)"
		run -0 "$weir" breaker close api/10.77.0.2:8080 --for 10m
		is "api/10.77.0.2:8080, 1 endpoint: forced closed, all calls go through, for 10m00s" "$output"
		is "0 200" "$(call 1)"
		"$weir" breaker auto api
		is "0 200" "$(call 1)"
	done
	"$weir" breaker open api --for 1s
	is "7 000" "$(call 1)"
	eventually 3 passes
	run -2 --separate-stderr "$weir" breaker open nothing
	contains "$stderr" '"nothing"' "there are: api"
	run -2 --separate-stderr "$weir" breaker open api/1.2.3.4:5
	contains "$stderr" '"1.2.3.4:5"' "it has: 10.77.0.2:8080"
	run -2 --separate-stderr "$weir" breaker shut api
	contains "$stderr" "'shut'" "open, close, auto or reset"
	is 404 "$(get /v1/breakers -o /dev/null -w '%{http_code}')"
	is 404 "$(get /v1/breaker -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{"action":"open","upstream":"api"}')"
}

@test "observing refuses nobody, and says what it would have refused" {
	guarded "mode: observe, recovery: 1s, jitter: off"
	call 5
	eventually 1 is_state open
	logged 'closed -> open (only observed): consecutive_failures'
	is true "$(breaker observed)"
	before=$(arrived)
	call 3
	[ "$(arrived)" -gt "$before" ]
	serves
	eventually 3 passes
	eventually 3 would_have_rejected 3
	# and it recovers by what it sees
	eventually 3 closes_by_calls
}

would_have_rejected() { [ "$(breaker rejected)" -ge "$1" ]; }
closes_by_calls() { call 1 > "$dir/called"; is_state closed; }

@test "a reload keeps what is open and lets go of what is gone" {
	serves
	endpoints='"10.77.0.2:8080", "10.77.0.2:9"'
	guarded "recovery: 60s"
	for _ in {1..5}; do run -7 in_host curl -s http://10.77.0.2:9/; done
	eventually 1 is_state open 1
	endpoints='"10.77.0.2:9", "10.77.0.2:8081"'
	"$weir" breaker open api/10.77.0.2:8080
	is "7 000" "$(call 1)"
	configured "recovery: 60s, min_calls: 30"
	"$weir" reload
	holds '.upstreams[0].endpoints | map([.name, .state, .reason]) ==
		[["10.77.0.2:9", "open", "consecutive_failures"], ["10.77.0.2:8081", "closed", null]]' "$("$weir" breakers --json)"
	is "0 200" "$(call 1)"
	before=$(arrived)
	run -7 in_host curl -s http://10.77.0.2:9/
	is "$before" "$(arrived)"
	endpoints='"10.77.0.2:8080"'
	configured "recovery: 60s"
	"$weir" reload
	is_state closed
	is "0 200" "$(call 1)"
}

# nginx_up: a real one, as the upstream
nginx_up() {
	mkdir -p "$dir/up"
	cat > "$dir/up/nginx.conf" <<- END
		daemon off;
		worker_processes 1;
		pid $dir/up/pid;
		error_log $dir/up/error.log;
		events { worker_connections 256; }
		http {
			access_log off;
			server {
				listen 10.77.0.2:8080;
				location / { return 200 "served\n"; }
				location /healthz { return ${1:-204}; }
			}
		}
	END
	background upstream "$client" nginx -p "$dir/up" -c "$dir/up/nginx.conf"
	eventually 5 listens
}

@test "probes find out that it is gone before any caller does, and bring it back before its time" {
	nginx_up
	guarded "recovery: 1h, jitter: off" "probe: {path: /healthz, expect: 204, interval: 200ms, timeout: 150ms}"
	eventually 3 works
	is_state closed
	kill -TERM "$upstream"
	eventually 4 is_state open
	is "7 000" "$(call 1)"
	nginx_up
	# three good ones in a row, then three more
	eventually 5 is_state closed
	logged 'open -> half_open: answers_again'
	is "0 200" "$(call 1)"
	# and they are no calls
	eventually 3 counted_calls 1
	holds '.upstreams[0].endpoints[0].probes | .ok >= 6 and .failed >= 5' "$("$weir" breakers --json)"
	kill -TERM "$upstream"
	eventually 5 stopped "$upstream"
	nginx_up 503
	eventually 5 is_state open
	is "7 000" "$(call 1)"
}

works() { [ "$("$weir" breakers --json | jq '.upstreams[0].endpoints[0].probes.ok')" -ge 2 ]; }
counted_calls() { [ "$("$weir" latency --once --json api | jq '.upstreams[0].endpoints[0].calls')" = "$1" ]; }

@test "from the fifth failure to refusal it takes less than 5 ms, 99 times of 100" {
	guarded "recovery: 60s"
	in_host "$python" -c '
import json, socket, sys
for _ in range(100):
    for _ in range(5):
        with socket.socket() as caller:
            caller.connect_ex(("10.77.0.2", 8080))
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(sys.argv[1])
        body = json.dumps({"action": "reset", "upstream": "api"})
        admin.sendall(f"POST /v1/breaker HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        while admin.recv(4096):
            pass' "$socket"
	eventually 3 reacted 100
	fast=$(metric 'weir_breaker_reaction_seconds_bucket{le="0.005"}')
	in_host curl -s http://127.0.0.1:9464/metrics | grep weir_breaker_reaction
	[ "$fast" -ge 99 ]
}

reacted() { [ "$(metric weir_breaker_reaction_seconds_count)" -ge "$1" ]; }

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Shows Weir at work on this machine, as root, in about a minute:   make demo
# A web server, a polite visitor and a flood, first without Weir and then with it. Everything happens in two
# network namespaces made for it; nothing outside is touched, and nothing is left behind, whatever happens.
# Exit status 0 only if what the summary claims was so.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PATH:/usr/sbin:/sbin

weir=$PWD/build/weir
flood=$PWD/build/tools/flood
bots=$PWD/build/tests/tools/bots.bpf.o
config=$PWD/scripts/demo.yaml
visitor=203.0.113.7
heavy=10.99.0.1
flood_sources=60000
# Of each 31 packets one comes from the heavy source
flood_pps=620000 heavy_every=31
# As in demo.yaml
limit=2 burst=10 new_clients=100
seconds=10 # of each measurement

work=
names=weir$$
home=${names}h
outside=${names}o
inside=${names}i
background=()
stats_before=

# --------------------------------------------------------------------------------------- words

bold='' dim='' red='' green='' blue='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' blue=$'\e[36m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
step() { printf '\n%s%s%s\n' "$bold$blue" "$*" "$plain"; }
note() { printf '%s  %s%s\n' "$dim" "$*" "$plain"; }

die() {
	printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
	exit 1
}

# Numbers by the name of the phase: quiet, without, with
declare -A served requests p50 p99

# 1234567 -> 1,234,567
commas() { sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<< "$1"; }

# ------------------------------------------------------------------------------- set up, take down

take_down() {
	local status=$? pid
	trap - EXIT
	trap '' INT TERM HUP
	# More than once: a shell's own trap swallows a signal that comes before it has become the program
	for _ in $(seq 50); do
		local alive=
		for pid in "${background[@]}"; do
			kill "$pid" 2> /dev/null && alive=yes
		done
		[ -n "$alive" ] || break
		sleep 0.1
	done
	for pid in "${background[@]}"; do kill -KILL "$pid" 2> /dev/null || true; done
	[ -z "$stats_before" ] || sysctl -q -w "kernel.bpf_stats_enabled=$stats_before" || true
	[ ! -d "/sys/fs/bpf/$names" ] || "$weir" detach --pins "/sys/fs/bpf/$names" > /dev/null 2>&1 || true
	for pid in "$home" "$outside" "$inside"; do ip netns del "$pid" 2> /dev/null || true; done
	[ -z "$work" ] || rm -rf "$work"
	[ $status != 130 ] || printf '\nStopped, and cleaned up.\n'
	exit $status
}

# start NAMESPACE LOG COMMAND...: in the background, ended when the demo is; its process in $!
start() {
	local namespace=$1 log=$2
	shift 2
	: > "$log"
	nsenter --net="/run/netns/$namespace" "$@" > "$log" 2>&1 < /dev/null &
	background+=($!)
}

stop() { # PID
	for _ in $(seq 50); do
		kill "$1" 2> /dev/null || break
		sleep 0.1
	done
	wait "$1" 2> /dev/null || true
}

in_home() { nsenter --net="/run/netns/$home" "$@"; }
in_outside() { nsenter --net="/run/netns/$outside" "$@"; }
in_inside() { nsenter --net="/run/netns/$inside" "$@"; }

# thread NAMESPACE PROCESSOR: packets that come in by eth0 get a kernel thread on this processor. It goes
# before processes, as packets do with a network card
thread() {
	local thread
	pgrep '^napi/eth0-' > "$work/threads" || true
	nsenter --net="/run/netns/$1" ethtool -K eth0 gro on
	ip netns exec "$1" sh -c 'echo 1 > /sys/class/net/eth0/threaded'
	for _ in $(seq 50); do
		thread=$(pgrep '^napi/eth0-' | grep -vxF -f "$work/threads") && break
		sleep 0.1
	done
	[ -n "${thread-}" ] || die "the kernel made no thread for an interface"
	taskset -pc "$2" "$thread" > /dev/null
	renice -n -10 -p "$thread" > /dev/null
}

wire() { # NAMESPACE INTERFACE NAMESPACE INTERFACE
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# Processor 0 is the Internet: it makes the flood and forwards for the visitor, between two packets of the flood.
# Processor 1 is the server: what a packet costs there is what hurts it.
make_network() {
	local namespace
	for namespace in "$home" "$outside" "$inside"; do
		ip netns add "$namespace"
		ip -n "$namespace" link set lo up
	done
	wire "$home" eth0 "$outside" eth1
	wire "$outside" eth0 "$inside" eth0
	ip -n "$home" addr add $visitor/24 dev eth0
	ip -n "$home" route add default via 203.0.113.1
	ip -n "$outside" addr add 203.0.113.1/24 dev eth1
	ip -n "$outside" addr add 198.18.0.1/24 dev eth0
	ip -n "$inside" addr add 198.18.0.2/24 dev eth0
	ip -n "$inside" route add default via 198.18.0.1
	in_outside sysctl -q -w net.ipv4.ip_forward=1
	ip netns exec "$outside" sh -c 'echo 1 > /sys/class/net/eth1/queues/rx-0/rps_cpus'
	thread "$outside" 0
	thread "$inside" 1
	# What answers for the sources of the flood: clients that end the handshake and ask for a page
	ip -n "$outside" link set eth0 xdp object "$bots" program weir_bots
	# Counts, behind Weir and before the network stack, what SYNs get through
	in_inside nft -f - <<- EOF
		table netdev count {
			chain in {
				type filter hook ingress device eth0 priority 0
				ip saddr $heavy tcp dport 80 tcp flags & (syn | ack) == syn counter comment "heavy"
				ip saddr 10.0.0.0/16 tcp dport 80 tcp flags & (syn | ack) == syn counter comment "flood"
			}
		}
	EOF
}

make_server() {
	cat > "$work/nginx.conf" <<- EOF
		worker_processes 1;
		daemon off;
		pid $work/nginx.pid;
		error_log $work/nginx.err;
		events { worker_connections 8192; }
		http {
			access_log off;
			client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
			uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
			server { listen 198.18.0.2:80; location / { return 200 "hello\n"; } }
		}
	EOF
	start "$inside" "$work/nginx.log" taskset -c 1 nginx -c "$work/nginx.conf"
	for _ in $(seq 50); do
		in_home curl -sf -m 1 http://198.18.0.2/ > /dev/null && return
		sleep 0.1
	done
	die "nginx did not start: $(cat "$work/nginx.log" "$work/nginx.err" 2> /dev/null)"
}

prepare() {
	local tool
	[ "$(id -u)" = 0 ] || die "needs root: sudo make demo"
	for tool in ip nsenter nginx curl jq nft ethtool python3 taskset; do
		command -v $tool > /dev/null || die "$tool is missing: sudo make deps DEPS=demo"
	done
	[ "$(nproc)" -ge 2 ] || die "wants two processors: one for the Internet, one for the server"
	for tool in "$weir" "$flood" "$bots"; do
		[ -e "$tool" ] || die "$tool is not built: make demo builds it"
	done
	trap take_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	work=$(mktemp -d)
	chmod 755 "$work" # nginx's worker is not root
	export DEMO_DIR=$work DEMO_PINS=/sys/fs/bpf/$names
	make_network
	make_server
	mac=$(ip -n "$inside" -j link show eth0 | jq -r '.[0].address')
}

# ------------------------------------------------------------------------------ figures as they come

# shellcheck disable=SC2016 # awk's
arrived() { in_inside awk '$1 == "eth0:" { print $3 }' /proc/thread-self/net/dev; }

# passed flood|heavy: packets behind Weir so far
passed() {
	in_inside nft -j list chain netdev count in |
		jq ".nftables[].rule | select(.comment == \"$1\") | .expr[].counter.packets // empty"
}

whole() { echo "${1%.*}"; }
per_second() { echo $(($1 * 1000000 / $2)); } # COUNT MICROSECONDS

# live SECONDS: a line a second, what arrives, what gets through, what the visitor gets
live() {
	local now begin before=${EPOCHREALTIME/./} second arrived0 arrived1 passed0 passed1 lines=0 all good
	arrived0=$(arrived) passed0=$(passed flood)
	printf '%s    %10s %12s %12s   %s%s\n' "$dim" second arriving "get through" "visitor's requests in that second" "$plain"
	begin=$before
	for second in $(seq "$1"); do
		now=$((begin + second * 1000000 - ${EPOCHREALTIME/./}))
		[ $now -le 0 ] || sleep "$(printf '%d.%06d' $((now / 1000000)) $((now % 1000000)))"
		now=${EPOCHREALTIME/./} arrived1=$(arrived) passed1=$(passed flood)
		all=$(wc -l < "$work/visitor.log")
		good=$(tail -n +$((lines + 1)) "$work/visitor.log" | head -n $((all - lines)) | grep -c ok || true)
		printf '    %10s %10s/s %10s/s   %s\n' "$second" \
			"$(commas "$(per_second $((arrived1 - arrived0)) $((now - before)))")" \
			"$(commas "$(per_second $((passed1 - passed0)) $((now - before)))")" "$(marks "$good" $((all - lines - good)))"
		before=$now arrived0=$arrived1 passed0=$passed1 lines=$all
	done
}

marks() { # GOOD FAILED, as a row of marks
	local row
	row=$green$(printf '%*s' "$(($1 > 40 ? 40 : $1))" '' | tr ' ' '+')$red
	printf '%s%s%s %s served%s' "$row" "$(printf '%*s' "$(($2 > 40 ? 40 : $2))" '' | tr ' ' x)" "$plain" "$1" \
		"$([ "$2" = 0 ] || echo ", $red$2 failed$plain")"
}

start_visitor() { # SECONDS
	# Not to be hurt itself by the processor it shares
	start "$home" "$work/visitor.log" taskset -c 1 nice -n -15 python3 tests/tools/polite.py --from $visitor \
		--to 198.18.0.2:80 --rate 20 --seconds "$1" --summary "$work/summary"
	visitor_pid=$!
}

# end_visitor PHASE: waits for it, and keeps its figures
end_visitor() {
	local summary
	wait "$visitor_pid" || true
	[ -s "$work/summary" ] || die "the visitor broke down: $(tail -3 "$work/visitor.log")"
	summary=$(< "$work/summary")
	rm "$work/summary"
	served[$1]=$(printf %s "$(jq .served <<< "$summary")")
	requests[$1]=$(printf %s "$(jq .requests <<< "$summary")")
	p50[$1]=$(printf %.1f "$(jq .p50_ms <<< "$summary")")
	p99[$1]=$(printf %.1f "$(jq .p99_ms <<< "$summary")")
}

start_flood() { # SECONDS
	start "$outside" "$work/flood.log" nice -n -10 "$flood" --interface eth0 --to 198.18.0.2 --mac "$mac" --tcp --dport 80 --cpu 0 \
		--consecutive --sources $flood_sources --heavy $heavy --heavy-every $heavy_every --pps $flood_pps --seconds "$1"
	flood_pid=$!
}

# Ends the flood; prints the packets a second it made
end_flood() {
	stop "$flood_pid"
	sed -nE 's|.*rate=([0-9]+)/s.*|\1|p' "$work/flood.log"
}

# ------------------------------------------------------------------------------------ the phases

quiet() {
	step "1  A quiet day"
	note "A visitor at $visitor asks nginx for a page 20 times a second, on a new connection each second."
	start_visitor 4
	end_visitor quiet
	say "    ${served[quiet]} of ${requests[quiet]} requests served; half within ${p50[quiet]} ms, 99 % within ${p99[quiet]} ms"
}

without_weir() {
	step "2  A flood, without Weir"
	note "$(commas $flood_sources) sources send $(commas $((flood_pps - flood_pps / heavy_every))) TCP SYNs a second to port 80, and one more source $(commas $((flood_pps / heavy_every))) alone."
	note "Each is a client that, answered, asks for a page. The server has a processor of its own; SYN cookies are on, as anywhere."
	start_flood $((seconds + 4))
	sleep 1
	start_visitor $seconds
	live $seconds
	end_visitor without
	without_offered=$(end_flood)
	sleep 1
}

start_weir() {
	# A service manager would see to it that it gets a processor on a host that is flooded already
	start "$inside" "$work/weir.log" nice -n -15 "$weir" run -c "$config" --log text
	local begin=${EPOCHREALTIME/./}
	until [[ $(< "$work/weir.log") == *": attached"* ]]; do
		[ $((${EPOCHREALTIME/./} - begin)) -lt 10000000 ] && sleep 0.01 && continue
		die "weir did not start: $(cat "$work/weir.log")"
	done
	started_ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	until [ -S "$work/weir.sock" ]; do sleep 0.01; done
}

with_weir() {
	local flood0 heavy0 begin elapsed
	step "3  The same flood; then Weir starts"
	sed -e '/^#/d' -e "s|^|    $dim|" -e "s|\$|$plain|" "$config" | grep -v -e DEMO_
	start_flood $((seconds + 14))
	sleep 2
	note "The flood is running. \$ weir run -c demo.yaml"
	start_weir
	weir_since=${EPOCHREALTIME/./}
	say "    enforcing ${bold}$started_ms ms${plain} later, under full load"
	# The first second lets each source have its burst
	sleep 2
	flood0=$(passed flood) heavy0=$(passed heavy) begin=${EPOCHREALTIME/./}
	note "Now the visitor comes, unknown to Weir, in the middle of the flood."
	start_visitor $seconds
	live $seconds
	end_visitor with
	elapsed=$((${EPOCHREALTIME/./} - begin))
	flood_passed=$(($(passed flood) - flood0)) heavy_passed=$(($(passed heavy) - heavy0))
	flood_rate=$(per_second $flood_passed $elapsed)
	elapsed_s=$((elapsed / 1000000 + 1))
	weir_s=$(((${EPOCHREALTIME/./} - weir_since) / 1000000 + 1))
	heavy_rate=$((heavy_passed * 10000000 / elapsed))
	heavy_rate=${heavy_rate%?}.${heavy_rate: -1}
	note "\$ weir top --once --by refused --limit 4"
	"$weir" top --once --by refused --limit 4 --socket "$work/weir.sock" | sed 's/^/    /'
}

runs() { # of the program and the time they took, ns
	curl -s --unix-socket "$work/weir.sock" http://weir/v1/status |
		jq -r '[.programs[] | select(.hook == "xdp")][0] | "\(.runs // 0) \((.run_seconds // 0) * 1e9 | floor)"'
}

cost() {
	local runs0 ns0 runs1 ns1
	note "The kernel's own statistics of BPF programs are switched on for two seconds (they add some ns themselves)."
	stats_before=$(sysctl -n kernel.bpf_stats_enabled)
	sysctl -q -w kernel.bpf_stats_enabled=1
	sleep 1.2
	read -r runs0 ns0 < <(runs)
	sleep 2
	read -r runs1 ns1 < <(runs)
	sysctl -q -w "kernel.bpf_stats_enabled=$stats_before"
	stats_before=
	cost_ns=0
	[ "$runs1" = "$runs0" ] || cost_ns=$(((ns1 - ns0) / (runs1 - runs0)))
	with_offered=$(end_flood)
}

# -------------------------------------------------------------------------------------- summary

row() { printf '  %-34s %18s %18s %18s\n' "$@"; }

failures=0
claim() { # TEXT CONDITION (arithmetic)
	if (($2)); then
		printf '  %s+%s %s\n' "$green" "$plain" "$1"
	else
		printf '  %sx not so:%s %s\n' "$red" "$plain" "$1"
		failures=$((failures + 1))
	fi
}

summary() {
	# Clients let in since Weir has started, and the /24s: each its rate, and its burst once
	local holders=$((new_clients * (weir_s + 1) + flood_sources / 256 + 1))
	local bound=$((holders * (limit * elapsed_s + burst) / elapsed_s))
	step "Summary"
	row "" quiet "flood, no Weir" "flood, Weir"
	row "visitor's requests served" "${served[quiet]} of ${requests[quiet]}" "${served[without]} of ${requests[without]}" "${served[with]} of ${requests[with]}"
	row "half of them answered within, ms" "${p50[quiet]}" "${p50[without]}" "${p50[with]}"
	row "99 % of them within, ms" "${p99[quiet]}" "${p99[without]}" "${p99[with]}"
	row "SYNs offered by the flood, /s" 0 "$(commas "$without_offered")" "$(commas "$with_offered")"
	row "of them let through, /s" "" "all that fit" "$(commas "$flood_rate")"
	row "one source alone, offered, /s" 0 "$(commas $((without_offered / heavy_every)))" "$(commas $((with_offered / heavy_every)))"
	row "of them let through, /s" "" "all that fit" "$heavy_rate"
	row "Weir's time for one packet, ns" "" "" "$cost_ns"
	note "A request that fails counts as 2,000 ms."
	say
	claim "at least 500,000 SYNs a second were offered" "without_offered >= 500000 && with_offered >= 500000"
	claim "the flood hurts without Weir: requests fail, or the slowest take ten times as long" \
		"${served[without]} * 100 < ${requests[without]} * 99 || $(whole "${p99[without]}") >= 10 * ($(whole "${p99[quiet]}") + 1)"
	claim "with Weir a visitor it had never seen is served: at least 99 of 100 requests" \
		"${served[with]} * 100 >= ${requests[with]} * 99"
	claim "the heavy source is held to its $limit/s: $heavy_passed of some $(commas $((with_offered * elapsed_s / heavy_every))) in $elapsed_s s" \
		"heavy_passed <= limit * elapsed_s + burst"
	claim "the flood gets no more than $(commas $holders) clients and /24s may have: $(commas "$flood_rate")/s, bound $(commas $bound)/s" \
		"flood_rate <= bound"
	say
	if [ $failures = 0 ]; then
		say "${bold}All as claimed.${plain} docs/performance.md has figures, docs/man/weir.yaml.5 every setting."
	else
		say "$red$failures not as claimed.$plain On a machine that is busy with other things try again."
	fi
}

main() {
	say "${bold}Weir: what it does, in about a minute${plain}"
	say
	say "  Three network namespaces on this machine, and wires between them; nothing else is touched:"
	say
	say "      a visitor                    the Internet                  a server"
	say "      $visitor ------------ a router and a flood -------- nginx, and Weir from step 3 on"
	say "                               from 10.0.0.0/16              198.18.0.2:80"
	prepare
	quiet
	without_weir
	with_weir
	cost
	summary
	[ $failures = 0 ]
}

main "$@"

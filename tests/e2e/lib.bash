# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A world for one test: a host with Weir, a client, a veth between them, pins, socket and port of its own.
#
#   $host: wan 10.77.0.1/16 fd77::1/48  ----  eth0 10.77.0.2/16 fd77::2/48 :$client
#
# `load lib` (or ../e2e/lib) in the test file; setup() calls world, teardown() calls end_of_world. Clients
# with more addresses use 10.77.X.Y and fd77:0:0:X::Y, which are all local to $client.

bats_require_minimum_version 1.5.0

weir=${WEIR:-$BATS_TEST_DIRNAME/../../build/weir}
traffic=$BATS_TEST_DIRNAME/../e2e/traffic.py
bpf=$BATS_TEST_DIRNAME/../e2e/bpf.py
# shellcheck disable=SC2034 # for the tests
flood=$BATS_TEST_DIRNAME/../../build/tools/flood
python=${PYTHON:-/usr/bin/python3}

# world: the namespaces and the wire, and names for everything else
world() {
	tag=we$$t$BATS_TEST_NUMBER
	dir=$BATS_TEST_TMPDIR
	host=${tag}h client=${tag}c
	pins=/sys/fs/bpf/weir-$tag
	socket=$dir/weir.sock
	yaml=$dir/weir.yaml
	log=$dir/weir.log
	export WEIR_SOCKET=$socket
	ip netns add "$host"
	ip netns add "$client"
	ip -n "$host" link set lo up
	ip -n "$client" link set lo up
	wire
}

# wire: the veth, also when it was taken away
wire() {
	ip link add wan netns "$host" type veth peer name eth0 netns "$client"
	ip -n "$host" addr add 10.77.0.1/16 dev wan
	ip -n "$host" addr add fd77::1/48 dev wan nodad
	ip -n "$client" addr add 10.77.0.2/16 dev eth0
	ip -n "$client" addr add fd77::2/48 dev eth0 nodad
	ip -n "$client" route replace local 10.77.128.0/17 dev lo
	ip -n "$client" route replace local fd77:0:0:1::/64 dev lo
	ip -n "$client" route replace local fd77:0:0:2::/64 dev lo
	ip -n "$host" link set wan up
	ip -n "$client" link set eth0 up
	# Nothing but what a test sends: no router solicitations, and the neighbours are known
	in_host sysctl -qw net.ipv6.conf.wan.router_solicitations=0 net.ipv4.icmp_ratemask=0
	in_client sysctl -qw net.ipv6.conf.eth0.router_solicitations=0 \
		net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1
	host_mac=$(mac "$host" wan) client_mac=$(mac "$client" eth0)
	ip -n "$client" neigh replace 10.77.0.1 lladdr "$host_mac" dev eth0
	ip -n "$client" neigh replace fd77::1 lladdr "$host_mac" dev eth0
	ip -n "$host" route replace fd77:0:0:1::/64 via fd77::2
	ip -n "$host" route replace fd77:0:0:2::/64 via fd77::2
	ip -n "$host" neigh replace 10.77.0.2 lladdr "$client_mac" dev wan
	ip -n "$host" neigh replace fd77::2 lladdr "$client_mac" dev wan
	eventually 5 link_is_up "$host" wan
	eventually 5 link_is_up "$client" eth0
}

# link_is_up NAMESPACE INTERFACE: what is sent into it before is lost
link_is_up() { [ "$(ip -j -n "$1" link show dev "$2" | jq -r '.[0].operstate')" = UP ]; }

mac() { ip -j -n "$1" link show dev "$2" | jq -r '.[0].address'; }

# Whatever happened. Called first thing in teardown()
end_of_world() {
	local pid
	[ -n "${tag-}" ] || return 0
	if [ -z "${BATS_TEST_COMPLETED-}" ] && [ -s "$log" ]; then
		echo "--- what weir logged:"
		tail -n 15 "$log"
	fi
	disown -a
	[ ! -e "$dir/pids" ] || while read -r pid; do
		kill -CONT "$pid" 2> /dev/null || continue
		kill -KILL "$pid" 2> /dev/null
		for _ in {1..100}; do
			[ -d "/proc/$pid" ] || break
			grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null && break
			sleep 0.02
		done
	done < <(tac "$dir/pids")
	[ ! -d "$pins" ] || "$weir" detach --pins "$pins" > /dev/null 2>&1
	rm -rf "$pins" "$pins"-*
	ip netns del "$host" 2> /dev/null
	ip netns del "$client" 2> /dev/null
	return 0
}

# Only the network is another: /sys/fs/bpf stays in sight, which `ip netns exec` would hide
in_host() { nsenter --net="/run/netns/$host" "$@"; }
in_client() { nsenter --net="/run/netns/$client" "$@"; }

# background NAME NAMESPACE COMMAND...: until the test ends; its pid is in $NAME, its output in $dir/NAME.out
background() {
	local name=$1 where=$2
	shift 2
	nsenter --net="/run/netns/$where" "$@" > "$dir/$name.out" 2>&1 3>&- < /dev/null &
	printf -v "$name" %s $!
	echo $! >> "$dir/pids"
}

# eventually SECONDS COMMAND...: until it succeeds. A machine that is busy with other things may take 6 times as
# long: what must be fast has a test that measures it
eventually() {
	local end=$((SECONDS + 6 * $1 + 1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "never came true: $*"; return 1; }
		sleep 0.02
	done
}

# stopped PID: it has ended
stopped() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2> /dev/null
}

# --- the daemon ------------------------------------------------------------------------------------

# configure: a configuration around what comes on standard input
configure() {
	{
		cat <<- END
			http: {listen: "127.0.0.1:9464", admin: $socket}
			pins: $pins
			node: test
		END
		printf '%s\n' "${table-table: {clients: 16384\}}"
		cat
	} > "$yaml"
}

# limited [LIMIT [MORE]]: a configuration that holds each client to this on udp/53, the service dns; with $attach, there
limited() {
	configure <<- END
		interfaces: [{name: wan${attach:+, attach: $attach}}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [${1-1/hour packets burst 5}]}}
		${2-}
	END
}

# start [ARGUMENT...]: runs the daemon and returns when it is ready; its pid is in $daemon
start() {
	launch "$@"
	is_ready
}

# launch [ARGUMENT...]: only runs it. Each start has a log of its own; the last is $log
launch() {
	starts=$((${starts:-0} + 1))
	log=$dir/weir-$starts.log
	# Most tests say when a new configuration counts
	[ $# -gt 0 ] || set -- --no-watch -c "$yaml"
	nsenter --net="/run/netns/$host" "$weir" run --log json "$@" 2> "$log" > "$dir/weir.out" 3>&- < /dev/null &
	daemon=$!
	echo "$daemon" >> "$dir/pids"
}

is_ready() {
	local _
	for _ in {1..3000}; do
		! logged ready: || return 0
		if stopped "$daemon"; then
			echo "the daemon ended:"
			cat "$log"
			return 1
		fi
		sleep 0.01
	done
	echo "the daemon is not ready after 30 s:"
	cat "$log"
	return 1
}

# hurry: the daemon need not wait for a processor that others have: that would be the machine's time, not its own
hurry() {
	# shellcheck disable=SC2046 # its threads
	renice -n -20 -p $(ls "/proc/$daemon/task") > /dev/null
}

# refute COMMAND...: it must fail. A bare `! command` in the middle of a test would not be noticed.
refute() {
	if "$@"; then
		echo "should have failed: $*" >&2
		return 1
	fi
}

# has_xdp INTERFACE, has_filter INTERFACE: in the host's namespace
has_xdp() { in_host ip -d link show "$1" | grep -i xdp; }
has_filter() { in_host tc filter show dev "$1" ingress | grep .; }

logged() { grep -q -- "$1" "$log"; }

# refuses_to_start STATUS: the daemon ends by itself, so; what it said is in $output
refuses_to_start() {
	run -"$1" --separate-stderr timeout 30 nsenter --net="/run/netns/$host" "$weir" run --log text -c "$yaml"
	# shellcheck disable=SC2034,SC2154 # both are bats'
	output=$stderr
}

# stop [SIGNAL]: ends the daemon and waits for it; its exit status
stop() {
	kill "-${1:-TERM}" "$daemon"
	wait "$daemon"
}

crash() {
	kill -KILL "$daemon"
	wait "$daemon" 2> /dev/null || true
}

# status_now: `weir status --json` with figures taken after the call
status_now() {
	local called waited answer
	called=$(date +%s%N)
	for _ in {1..200}; do
		waited=$(($(date +%s%N) - called))
		answer=$("$weir" status --json) || return
		if jq -e --argjson waited $waited '.age_seconds * 1e9 < $waited' <<< "$answer" > /dev/null; then
			printf '%s\n' "$answer"
			return
		fi
		sleep 0.05
	done
	echo "the figures are never renewed" >&2
	return 1
}

# verdicts SERVICE: {"passed":N,"limited":N,...} now, packets over all tiers and interfaces
verdicts() {
	status_now | jq -c --arg service "$1" '[.services[] | select(.name == $service) | .tiers[].verdicts | to_entries[]]
		| reduce .[] as $v ({}; .[$v.key] += $v.value.packets)'
}

# metric NAME{LABELS}: its value in the latest figures; nothing where there is no such series
metric() {
	in_host curl -s http://127.0.0.1:9464/metrics | awk -v series="$1 " 'index($0, series) == 1 { print $NF }'
}

# get PATH [CURL OPTIONS]: over TCP
get() {
	local path=$1
	shift
	in_host curl -s "$@" "http://127.0.0.1:9464$path"
}

# remember: which map stands for all that the running daemon has in the kernel, for attached and nothing_left
remember() { our_map=$("$python" "$bpf" id "$pins/weir_control"); }

# our_links: where programs of ours sit in the kernel, "INTERFACE KIND PROGRAM"
our_links() {
	[ -n "${our_map-}" ] || remember
	"$python" "$bpf" users "$our_map" | awk -v names="$(ip -n "$host" -o link | awk -F'[:@ ]+' '{ printf "%s %s ", $1, $2 }')" '
		BEGIN { n = split(names, word, / /); for (i = 1; i < n; i += 2) name[word[i]] = word[i + 1] }
		$1 == "link" { print ($4 in name ? name[$4] : "nowhere"), $3, $5 }' | LC_ALL=C sort
}

# attached: where the limiter is, "INTERFACE xdp|tcx" a line
attached() { our_links | awk '$3 !~ /^weir_flow/ { sub("_.*", "", $2); print $1, $2 }'; }

# followed: where telemetry is, each interface with "egress", "ingress" or both
followed() { our_links | awk '$3 ~ /^weir_flow/ { sub("tcx_", "", $2); at[$1] = at[$1] " " $2 } END { for (i in at) print i at[i] }' | LC_ALL=C sort; }

# nothing_left: no program, link, map, pin or filter of ours is in the kernel. After remember()
nothing_left() {
	[ ! -e "$pins" ] || { echo "pins are left:"; ls "$pins"; return 1; }
	[ -z "${our_map-}" ] || eventually 2 kernel_is_rid ||
		{ echo "this is left in the kernel:"; "$python" "$bpf" users "$our_map"; return 1; }
	! in_host tc filter show dev wan ingress 2> /dev/null | grep . || { echo "filters are left"; return 1; }
	! in_host tc filter show dev wan egress 2> /dev/null | grep . || { echo "filters are left"; return 1; }
	! in_host ip -d link show wan | grep -i xdp || { echo "XDP is left"; return 1; }
}

# Maps are freed a moment after their last user
kernel_is_rid() { [ -z "$("$python" "$bpf" users "$our_map")" ]; }

# foreign NAMESPACE NAME INTERFACE [native|generic]: an XDP program of somebody else sits there, until `rm $foreign`
foreign() {
	foreign=$pins-$2
	nsenter --net="/run/netns/$1" "$python" "$bpf" attach "$2" "$3" "${4:-native}" "$foreign"
}

# answers_arrive: what XDP_TX sends out of a veth is taken in at once only where its other end has a program too
answers_arrive() { foreign "$client" takes_all eth0; }

# --- traffic ---------------------------------------------------------------------------------------

# send KIND ...: traffic.py in the client's network; what it says is JSON
send() { in_client "$python" "$traffic" "$@"; }

# sends COUNT [OPTION...]: how many of so many datagrams to port 53 pass; what the sender says is in $dir/sent
sends() {
	local count=$1 before
	shift
	before=$(udp_received)
	send udp 10.77.0.1 53 --count "$count" "$@" > "$dir/sent"
	echo $(($(udp_received) - before))
}

# keep_sending PORT [OPTION...]: has begun when it returns, and ends with end_sending
keep_sending() {
	local port=$1 before
	shift
	before=$(counter "$client" Udp OutDatagrams)
	background sender "$client" "$python" "$traffic" udp 10.77.0.1 "$port" --seconds 85 "$@"
	eventually 5 more_are_sent "$before"
}

more_are_sent() { [ "$(counter "$client" Udp OutDatagrams)" -gt "$1" ]; }

# end_sending: what the sender says is in $sent. It must still be at it, or what was to be seen under traffic was not
end_sending() {
	# shellcheck disable=SC2154 # background() sets it
	refute stopped "$sender"
	kill -TERM "$sender"
	wait "$sender"
	# shellcheck disable=SC2034 # for the tests
	sent=$(cat "$dir/sender.out")
}

# counter NAMESPACE PROTOCOL NAME: of the kernel's own, as in `nstat`: Tcp RetransSegs, TcpExt TCPSynRetrans
counter() {
	# shellcheck disable=SC2016 # awk's own
	nsenter --net="/run/netns/$1" awk -v protocol="$2:" -v name="$3" '
		$1 == protocol && !at { for (at = NF; at > 1 && $at != name; at--); next }
		$1 == protocol { print $at }' /proc/net/snmp /proc/net/netstat
}

# passes_exactly SENT RATE BURST PASSED: never more than the rate allows in the time it took, and within 1 % of what
# a bucket lets through of what came when it was sent (--bucket)
passes_exactly() {
	jq -e --argjson rate "$2" --argjson burst "$3" --argjson passed "$4" '
		($passed <= .seconds * $rate + $burst + 1) and ($passed >= .due - 0.01 * .seconds * $rate - 1)
	' <<< "$1" > /dev/null || { echo "passed $4 of $1, at $2/s burst $3"; return 1; }
}

# udp_received: datagrams that reached the host's stack, IPv4 and IPv6: nobody listens, so all are NoPorts
udp_received() {
	in_host cat /proc/net/snmp /proc/net/snmp6 |
		awk '/^Udp:/ && n++ { sum += $3 } $1 == "Udp6NoPorts" { sum += $2 } END { print sum + 0 }'
}

# web: a real nginx on port 80, IPv4 and IPv6
web() {
	mkdir -p "$dir/nginx"
	cat > "$dir/nginx/nginx.conf" <<- END
		daemon off;
		worker_processes 1;
		pid $dir/nginx/pid;
		error_log $dir/nginx/error.log;
		events { worker_connections 512; }
		http {
			access_log off;
			server {
				listen ${1:-80} reuseport;
				listen [::]:${1:-80} reuseport;
				location / { return 200 "served\n"; }
			}
		}
	END
	background nginx "$host" nginx -p "$dir/nginx" -c "$dir/nginx/nginx.conf"
	eventually 5 in_host curl -s -o "$dir/nginx/first" "http://127.0.0.1:${1:-80}/"
}

# fetch [CURL OPTIONS] URL: prints "CURL-STATUS HTTP-STATUS SECONDS"
fetch() {
	local out
	out=$(in_client curl -s -o "$dir/fetched" -w '%{exitcode} %{http_code} %{time_total}' --max-time 3 "$@") || true
	echo "$out"
}

# fetches COUNT [CURL OPTIONS] URL: "N served, N refused, N silent" for so many connections one after another
fetches() {
	local count=$1 i served=0 refused=0 silent=0 other=0
	shift
	for ((i = 0; i < count; i++)); do
		case $(fetch "$@") in
		"0 200 "*) served=$((served + 1)) ;;
		"7 000 "* | "56 000 "*) refused=$((refused + 1)) ;;
		"28 000 "*) silent=$((silent + 1)) ;;
		*) other=$((other + 1)) ;;
		esac
	done
	echo "$served served, $refused refused, $silent silent"
	[ $other = 0 ] || echo "$other with other errors"
}

# is WANTED GOT: or says so
is() {
	[ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }
}

# holds EXPRESSION JSON: a jq expression that must be true
holds() {
	jq -e "$1" <<< "$2" > /dev/null || { echo "does not hold: $1"; echo "in: $2"; return 1; }
}

# contains TEXT PART...
contains() {
	local text=$1 part
	shift
	for part in "$@"; do
		[[ $text == *"$part"* ]] || { echo "no '$part' in:"; echo "$text"; return 1; }
	done
}

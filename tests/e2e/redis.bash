# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Real Redis for tests: servers, replicas, sentinels and clusters on a loopback of their own. `load redis` (or ../e2e/redis)
# in the test file; setup() calls redis_world, or has a network namespace already and says redis_world NAMESPACE; teardown() calls
# redis_end. Each server listens on a unix socket, $redis_dir/NAME.sock, and on what its options say besides.
#
# REDIS_SERVER=valkey-server: another server to test with

redis_server=${REDIS_SERVER:-redis-server}
# Where sentinels and nodes of a cluster listen, and say they are: another one that is on the host before they start
redis_address=127.0.0.1

# redis_world [NAMESPACE]: where the servers will be
redis_world() {
	command -v "$redis_server" > /dev/null || skip "$redis_server is not installed: make deps"
	redis_dir=$BATS_TEST_TMPDIR/redis
	mkdir -p "$redis_dir"
	redis_net=${1-}
	[ -z "$redis_net" ] || return 0
	redis_net=wr$$t$BATS_TEST_NUMBER
	ip netns add "$redis_net"
	redis_own_net=$redis_net
	ip -n "$redis_net" link set lo up
}

# Whatever happened. What servers said is shown if the test failed.
redis_end() {
	local pid file
	[ -n "${redis_dir-}" ] || return 0
	if [ -z "${BATS_TEST_COMPLETED-}" ]; then
		for file in "$redis_dir"/*.log; do
			[ ! -s "$file" ] || { echo "--- ${file##*/}:"; tail -n 12 "$file"; }
		done
	fi
	for file in "$redis_dir"/*.pid; do
		[ -e "$file" ] || continue
		pid=$(< "$file")
		kill -CONT "$pid" 2> /dev/null && redis_kill "$pid" KILL
	done
	[ -z "${redis_own_net-}" ] || ip netns del "$redis_own_net" 2> /dev/null
	return 0
}

# in_redis COMMAND...: on the loopback of the servers
in_redis() { nsenter --net="/run/netns/$redis_net" "$@"; }

# redis_background NAME COMMAND...: there until the test ends, its pid in $redis_dir/NAME.pid, its output in NAME.log
redis_background() {
	local name=$1
	shift
	(
		# Or the one that is talked to would not see its end
		[ -z "${talker-}" ] || exec {to_talker}>&- {from_talker}<&-
		exec nsenter --net="/run/netns/$redis_net" "$@"
	) >> "$redis_dir/$name.log" 2>&1 3>&- < /dev/null &
	echo $! > "$redis_dir/$name.pid"
	disown
}

# redis_start NAME [OPTION...]: a server, which answers when this returns
redis_start() {
	redis_launch "$@"
	redis_until redis_answers "$1"
}

# redis_launch NAME [OPTION...]: the same without waiting
redis_launch() {
	local name=$1
	shift
	mkdir -p "$redis_dir/$name"
	redis_background "$name" "$redis_server" --port 0 --unixsocket "$redis_dir/$name.sock" --save '' --appendonly no \
		--dir "$redis_dir/$name" "$@"
}

# redis_stop NAME [SIGNAL]: TERM; it has ended when this returns
redis_stop() {
	redis_kill "$(redis_pid "$1")" "${2:-TERM}"
	rm -f "$redis_dir/$1.pid" "$redis_dir/$1.sock"
}

redis_pid() { cat "$redis_dir/$1.pid"; }

# redis_cli NAME [ARGUMENT...]: REDISCLI_AUTH=... for one with a password
redis_cli() {
	local name=$1
	shift
	redis-cli -s "$redis_dir/$name.sock" "$@"
}

# sentinel_start NAME PORT MASTER MASTER-PORT QUORUM [LINE...]: watches a master at $redis_address, and knows it when this returns; after
# 0.5 s it is taken for gone. Lines of configuration besides
sentinel_start() {
	local name=$1 port=$2 master=$3 master_port=$4 quorum=$5
	shift 5
	mkdir -p "$redis_dir/$name"
	printf '%s\n' "port $port" "unixsocket $redis_dir/$name.sock" "dir $redis_dir/$name" \
		"sentinel monitor $master $redis_address $master_port $quorum" \
		"sentinel down-after-milliseconds $master 500" "sentinel failover-timeout $master 3000" "$@" \
		> "$redis_dir/$name/sentinel.conf"
	redis_background "$name" "$redis_server" "$redis_dir/$name/sentinel.conf" --sentinel
	redis_until redis_answers "$name"
}

# redis_cluster_start PORT PORT PORT [...]: a Redis Cluster of masters at $redis_address, with all slots. Their names are c and the port
redis_cluster_start() {
	local port
	local -a nodes
	for port; do
		redis_start "c$port" --port "$port" --bind "$redis_address" --protected-mode no --cluster-enabled yes --cluster-config-file nodes.conf \
			--cluster-node-timeout 2000
		nodes+=("$redis_address:$port")
	done
	in_redis redis-cli --cluster create "${nodes[@]}" --cluster-yes > "$redis_dir/cluster.log"
	for port; do
		redis_until redis_cluster_is_ok "c$port"
	done
}

# redis_cluster_move SLOT FROM-PORT TO-PORT: an empty or full slot, as resharding does; the others hear of it in a while
redis_cluster_move() {
	local slot=$1 from=c$2 to=c$3 from_id to_id
	local -a keys
	from_id=$(redis_cli "$from" CLUSTER MYID)
	to_id=$(redis_cli "$to" CLUSTER MYID)
	redis_cli "$to" CLUSTER SETSLOT "$slot" IMPORTING "$from_id" > /dev/null
	redis_cli "$from" CLUSTER SETSLOT "$slot" MIGRATING "$to_id" > /dev/null
	while mapfile -t keys < <(redis_cli "$from" CLUSTER GETKEYSINSLOT "$slot" 1000) && [ -n "${keys[*]}" ]; do
		redis_cli "$from" MIGRATE "$redis_address" "$3" '' 0 2000 KEYS "${keys[@]}" > /dev/null
	done
	redis_cli "$to" CLUSTER SETSLOT "$slot" NODE "$to_id" > /dev/null
	redis_cli "$from" CLUSTER SETSLOT "$slot" NODE "$to_id" > /dev/null
}

redis_cluster_is_ok() { [[ $(redis_cli "$1" CLUSTER INFO) == *cluster_state:ok* ]]; }

# A server that wants a password has answered, too
redis_answers() { [[ $(redis_cli "$1" PING 2>&1) == @(PONG|NOAUTH*) ]]; }

# redis_says NAME ANSWER COMMAND...: the answer begins so
redis_says() {
	local name=$1 wanted=$2
	shift 2
	[[ $(redis_cli "$name" "$@" 2>&1) == "$wanted"* ]]
}

# redis_listens PROTOCOL PORT: tcp or udp, somebody does
redis_listens() { in_redis ss "--$1" -lnH | awk '{ print $4 }' | grep -q ":$2\$"; }

# redis_role NAME WANTED: master or slave
redis_role() { [ "$(redis_cli "$1" ROLE | head -n 1)" = "$2" ]; }

# redis_replica_is_fed NAME: it has what its master has
redis_replica_is_fed() { [[ $(redis_cli "$1" INFO replication) == *master_link_status:up* ]]; }

# redis_until COMMAND...: within 30 s
redis_until() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "never came true: $*"; return 1; }
		sleep 0.02
	done
}

redis_kill() { # PID SIGNAL
	kill "-$2" "$1"
	redis_until redis_is_gone "$1"
}

redis_is_gone() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2> /dev/null
}

# --- asking by way of the daemon's own worker -----------------------------------------------------------

redis_ask=$BATS_TEST_DIRNAME/../../build/tools/redis_ask

# ask OPTION... WORK...: redis_ask, on the loopback of the servers. What a sanitizer finds fails
ask() { in_redis "$redis_ask" "$@"; }

# talk_begin OPTION...: one worker for all that is said by `talk WORK`, one after the other; its pid is in $talker
talk_begin() {
	mkfifo "$redis_dir/to" "$redis_dir/from"
	nsenter --net="/run/netns/$redis_net" "$redis_ask" "$@" < "$redis_dir/to" > "$redis_dir/from" 2> "$redis_dir/talker.log" 3>&- &
	talker=$!
	exec {to_talker}> "$redis_dir/to" {from_talker}< "$redis_dir/from"
}

talk() {
	local answer
	tr -d '\n' <<< "$1" >&"$to_talker"
	echo >&"$to_talker"
	read -r -t 30 -u "$from_talker" answer || { echo "redis_ask says nothing" >&2; return 1; }
	printf '%s\n' "$answer"
}

# talk_succeeds WORK: what it says is in $answer
talk_succeeds() {
	answer=$(talk "$1")
	[ "$(jq -r .state <<< "$answer")" = ok ]
}

# end_talk: in teardown, too. redis_ask must end well, sanitizers included
end_talk() {
	[ -n "${talker-}" ] || return 0
	local pid=$talker
	talker=
	exec {to_talker}>&-
	# What it still says, but not for ever: the servers must be ended whatever it does
	timeout 30 cat <&"$from_talker" > /dev/null || kill -KILL "$pid" 2> /dev/null
	exec {from_talker}<&-
	rm -f "$redis_dir/to" "$redis_dir/from"
	wait "$pid" || { echo "redis_ask ended with status $?:"; cat "$redis_dir/talker.log"; return 1; }
}

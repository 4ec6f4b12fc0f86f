#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The thread that talks to Redis and a real Redis Cluster of three shards: slots that move, nodes that die.

load lib
load redis

nodes=127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003

setup() { redis_world; }
teardown() {
	local ended=0
	end_talk || ended=1
	redis_end
	return $ended
}

# holder KEY: whose it is, as the cluster sees it: its port
holder() {
	local slot
	slot=$(redis_cli c7001 CLUSTER KEYSLOT "$1")
	redis_cli "${2-c7001}" CLUSTER NODES | awk -v slot="$slot" '$3 ~ /master/ {
		for (i = 9; i <= NF; i++) { n = split($i, range, "-"); if (slot >= range[1] && slot <= range[n]) { split($2, at, /[:@]/); print at[2] } } }'
}

# refusals PORT CODE: how often that node has answered so
refusals() { redis_cli "c$1" INFO errorstats | tr -d '\r' | sed -n "s/^errorstat_$2:count=//p"; }

# Three keys, one on each node: a1 a2 a3
keys_of_all() {
	local port i
	for port in 7001 7002 7003; do
		for i in {1..200}; do
			[ "$(holder "{k$i}")" != $port ] || break
		done
		printf -v "a$((port - 7000))" '{k%s}' "$i"
	done
}

@test "commands and scripts go to whom they belong, and answers come in order" {
	redis_cluster_start 7001 7002 7003
	push='{"script":"return {redis.call(\"RPUSH\", KEYS[1], ARGV[1]), KEYS[1]}"'
	work="[$(for i in {1..60}; do printf '%s,"keys":["l{%s}"],"arguments":["%s"]},["SET","s{%s}","%s"],' "$push" $((i % 20)) "$i" "$i" "$i"; done)[\"PING\"]]"
	talk_begin --cluster --redis "$nodes"
	answer=$(talk "$work")
	holds '.state == "ok" and (.commands | length) == 121 and .commands[120].values == ["PONG"]' "$answer"
	holds '[.commands[range(0; 120; 2)].values[1]] == [range(1; 61) | "l{\(. % 20)}"]' "$answer"
	is 60 $(($(for port in 7001 7002 7003; do redis_cli c$port --scan --pattern 's*'; done | wc -l)))
	for port in 7001 7002 7003; do
		[ "$(redis_cli c$port DBSIZE)" -gt 5 ]
		is '' "$(refusals $port MOVED)"
	done
	is '1 21 41' "$(redis_cli "c$(holder 'l{1}')" LRANGE 'l{1}' 0 -1 | tr '\n' ' ' | sed 's/ $//')"
	# One that knows nothing yet learns of all by any node
	holds '.state == "ok"' "$(ask --cluster --redis 127.0.0.1:7009,127.0.0.1:7003 "$work")"
}

@test "a slot that has moved is followed, once; then it is known" {
	redis_cluster_start 7001 7002 7003
	talk_begin --cluster --redis "$nodes"
	work='[["INCR","{x}n"],{"script":"return redis.call(\"INCR\", KEYS[1])","keys":["{x}n"]},["SET","other","1"]]'
	holds '.state == "ok"' "$(talk "$work")"
	from=$(holder '{x}n') to=$((7001 + ($(holder '{x}n') - 7000) % 3))
	redis_cluster_move "$(redis_cli c7001 CLUSTER KEYSLOT '{x}n')" "$from" "$to"
	answer=$(talk "$work")
	holds '.state == "ok" and [.commands[].values[0]] == [3, 4, "OK"]' "$answer"
	is 2 "$(refusals "$from" MOVED)"
	for i in 1 2 3; do
		holds '.state == "ok"' "$(talk "$work")"
	done
	is 2 "$(refusals "$from" MOVED)"
	is 10 "$(redis_cli "c$to" GET '{x}n')"
}

@test "a slot on the move: what is not there any more is asked for where it goes" {
	redis_cluster_start 7001 7002 7003
	talk_begin --cluster --redis "$nodes"
	work='[["INCR","{x}n"],{"script":"return redis.call(\"INCR\", KEYS[1])","keys":["{x}n"]}]'
	from=$(holder '{x}n') to=$((7001 + ($(holder '{x}n') - 7000) % 3))
	slot=$(redis_cli c7001 CLUSTER KEYSLOT '{x}n')
	redis_cli "c$to" CLUSTER SETSLOT "$slot" IMPORTING "$(redis_cli "c$from" CLUSTER MYID)"
	redis_cli "c$from" CLUSTER SETSLOT "$slot" MIGRATING "$(redis_cli "c$to" CLUSTER MYID)"
	answer=$(talk "$work")
	holds '.state == "ok" and [.commands[].values[0]] == [1, 2]' "$answer"
	is 2 "$(refusals "$from" ASK)"
	is 2 "$(printf 'ASKING\nGET {x}n\n' | redis_cli "c$to" | tail -n 1)"
	# Half of the keys of a script here, half there: nobody can carry it out
	redis_cli "c$to" CLUSTER SETSLOT "$slot" NODE "$(redis_cli "c$from" CLUSTER MYID)"
	redis_cli "c$from" CLUSTER SETSLOT "$slot" STABLE
	holds '.state == "ok"' "$(talk '[["SET","{x}here","1"]]')"
	redis_cli "c$from" CLUSTER SETSLOT "$slot" MIGRATING "$(redis_cli "c$to" CLUSTER MYID)"
	answer=$(talk '[{"script":"return redis.call(\"GET\", KEYS[1])","keys":["{x}here","{x}there"]}]')
	holds '.state == "cluster_down" and (.error | contains("TRYAGAIN"))' "$answer"
}

# has_all_of REPLICA MASTER: by their offsets
has_all_of() { [ "$(offset_of "$1")" -ge "$(offset_of "$2")" ]; }
offset_of() { redis_cli "$1" INFO replication | tr -d '\r' | sed -n 's/^master_repl_offset://p'; }

@test "a node that dies: the others are heard, and then its replica" {
	redis_cluster_start 7001 7002 7003
	keys_of_all
	redis_start c7004 --port 7004 --bind 127.0.0.1 --cluster-enabled yes --cluster-config-file nodes.conf --cluster-node-timeout 2000
	in_redis redis-cli --cluster add-node 127.0.0.1:7004 127.0.0.1:7001 --cluster-slave \
		--cluster-master-id "$(redis_cli c7002 CLUSTER MYID)" > "$redis_dir/add.log"
	redis_until redis_role c7004 slave
	redis_until redis_replica_is_fed c7004
	for port in 7001 7003; do redis_cli c$port CONFIG SET cluster-require-full-coverage no; done
	talk_begin --cluster --redis "$nodes" --connect-timeout 300
	work="[[\"INCR\",\"$a1\"],[\"INCR\",\"$a2\"],[\"INCR\",\"$a3\"]]"
	holds '.state == "ok"' "$(talk "$work")"
	redis_until has_all_of c7004 c7002
	redis_stop c7002 KILL
	answer=$(talk "$work")
	holds '[.commands[].state] == ["ok", "unreachable", "ok"] and (.error | contains("127.0.0.1:7002"))' "$answer"
	redis_until redis_role c7004 master
	promoted=$(date +%s%N)
	redis_until talk_succeeds "$work"
	echo "# back $((($(date +%s%N) - promoted) / 1000000)) ms after the promotion was seen"
	[ $((($(date +%s%N) - promoted) / 1000000)) -lt 3000 ]
	is 2 "$(redis_cli c7004 GET "$a2")"
}

@test "a node that is stopped holds the others up no longer than its timeouts" {
	redis_cluster_start 7001 7002 7003
	keys_of_all
	talk_begin --cluster --redis "$nodes" --command-timeout 200 --connect-timeout 200
	work="[[\"INCR\",\"$a1\"],[\"INCR\",\"$a2\"],[\"INCR\",\"$a3\"]]"
	holds '.state == "ok"' "$(talk "$work")"
	kill -STOP "$(redis_pid c7001)"
	answer=$(talk "$work")
	holds '[.commands[].state] == ["timeout", "ok", "ok"] and .ms < 900' "$answer"
	kill -CONT "$(redis_pid c7001)"
	redis_until redis_answers c7001
	redis_until talk_succeeds "$work"
}

@test "a password is told to every node" {
	redis_cluster_start 7001 7002 7003
	keys_of_all
	for port in 7001 7002 7003; do redis_cli c$port CONFIG SET requirepass 'Its secret'; done
	work="[[\"INCR\",\"$a1\"],[\"INCR\",\"$a2\"],[\"INCR\",\"$a3\"]]"
	holds '.state == "ok"' "$(ask --cluster --redis "$nodes" --password 'Its secret' "$work")"
	answer=$(ask --cluster --redis "$nodes" --password 'Wrong secret' "$work")
	holds '.state == "password"' "$answer"
	[[ $answer != *secret* ]]
}

@test "a cluster that is none, one without slots, and one that is taken for a single Redis" {
	redis_start a --port 7000
	answer=$(ask --cluster --redis 127.0.0.1:7000 '[["GET","k"]]')
	holds '.state == "error" and (.error | contains("redis://"))' "$answer"
	redis_start part --port 7009 --cluster-enabled yes --cluster-config-file nodes.conf
	answer=$(ask --cluster --redis 127.0.0.1:7009 '[["GET","k"]]')
	holds '.state == "cluster_down" and (.error | contains("no slot"))' "$answer"
	redis_cli part CLUSTER ADDSLOTSRANGE 0 100 102 16383
	answer=$(ask --cluster --redis 127.0.0.1:7009 '[["GET","k"]]')
	holds '.state == "cluster_down" and (.error | contains("CLUSTERDOWN"))' "$answer"
	redis_cluster_start 7001 7002 7003
	keys_of_all
	answer=$(ask --redis 127.0.0.1:7001 "[[\"GET\",\"$a1\"],[\"GET\",\"$a2\"]]")
	holds '[.commands[].state] == ["ok", "error"] and (.error | contains("redis-cluster"))' "$answer"
	answer=$(ask --redis 127.0.0.1:7001 --database 1 '[["PING"]]')
	holds '.state == "database"' "$answer"
	answer=$(ask --cluster --redis 127.0.0.1:7008 '[["PING"]]')
	holds '.state == "unreachable"' "$answer"
}

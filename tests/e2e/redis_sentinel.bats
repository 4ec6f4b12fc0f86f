#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The thread that talks to Redis and real sentinels: masters that are found, lost, and found again.

load lib
load redis

sentinels=127.0.0.1:7021,127.0.0.1:7022,127.0.0.1:7023

setup() { redis_world; }
teardown() {
	local ended=0
	end_talk || ended=1
	redis_end
	return $ended
}

# shard: a master a, its replica b, and three sentinels that know of them and of each other
shard() {
	local i
	redis_start a --port 7001
	redis_start b --port 7002 --replicaof 127.0.0.1 7001
	redis_until redis_replica_is_fed b
	for i in 1 2 3; do
		sentinel_start s$i 702$i main 7001 2
	done
	for i in 1 2 3; do
		redis_until sentinel_knows s$i
	done
}

# Its replica and both of the others
sentinel_knows() {
	local said
	said=$(redis_cli "$1" SENTINEL MASTER main | paste - - | awk '$1 == "num-slaves" || $1 == "num-other-sentinels" { printf "%s ", $2 }')
	[ "$said" = "1 2 " ]
}

# how long after b was promoted work is done again, in ms
back_after_promotion() {
	local promoted
	redis_until redis_role b master
	promoted=$(date +%s%N)
	redis_until talk_succeeds '[["INCR","n"]]'
	echo $((($(date +%s%N) - promoted) / 1000000))
}

@test "the master is found by any sentinel that answers" {
	shard
	redis_stop s1
	answer=$(ask --sentinel main --redis "$sentinels" '[["SET","k","1"],["CONFIG","GET","port"]]')
	holds '.state == "ok" and .commands[1].values == ["port", "7001"]' "$answer"
	answer=$(ask --sentinel main --redis "$sentinels" --database 2 '[["SET","k","2"]]')
	is 2 "$(redis_cli a -n 2 GET k)"
	answer=$(ask --sentinel other --redis "$sentinels" '[["PING"]]')
	holds '.state == "no_master" and (.error | contains("knows no master called other"))' "$answer"
	answer=$(ask --sentinel main --redis 127.0.0.1:7001 '[["PING"]]')
	holds '.state == "no_master" and (.error | contains("no sentinel"))' "$answer"
	answer=$(ask --sentinel main --redis 127.0.0.1:7021,127.0.0.1:7029 '[["PING"]]')
	holds '.state == "unreachable" and (.error | contains("127.0.0.1:7029"))' "$answer"
	redis_stop a KILL
	answer=$(ask --sentinel main --redis 127.0.0.1:7022 '[["PING"]]')
	holds '.state == "unreachable" and (.error | contains("127.0.0.1:7001"))' "$answer"
}

@test "a sentinel that names a replica is not believed" {
	shard
	redis_start c --port 7003 --replicaof 127.0.0.1 7001
	redis_until redis_replica_is_fed c
	# One who has it from hearsay: it says so for as long as it has not asked
	sentinel_start wrong 7029 main 7003 1
	answer=$(ask --sentinel main --redis 127.0.0.1:7029,127.0.0.1:7022 '[["CONFIG","GET","port"]]')
	holds '.state == "ok" and .commands[0].values == ["port", "7001"]' "$answer"
}

@test "a master that is killed: the promoted one is found within 3 s" {
	shard
	talk_begin --sentinel main --redis "$sentinels" --command-timeout 100 --connect-timeout 200
	holds '.state == "ok"' "$(talk '[["INCR","n"],["WAIT","1","1000"]]')"
	redis_stop a KILL
	holds '.state == "unreachable"' "$(talk '[["INCR","n"]]')"
	took=$(back_after_promotion)
	echo "# back $took ms after the promotion"
	[ "$took" -lt 3000 ]
	is 2 "$(redis_cli b GET n)"
	# The old one comes back, and becomes a replica: nothing changes
	redis_start a --port 7001
	redis_until redis_role a slave
	holds '.state == "ok" and (.reconnected | not)' "$(talk '[["INCR","n"]]')"
	is 3 "$(redis_cli b GET n)"
}

@test "a master that is stopped: the promoted one is found within 3 s" {
	shard
	talk_begin --sentinel main --redis "$sentinels" --command-timeout 100 --connect-timeout 200
	holds '.state == "ok"' "$(talk '[["INCR","n"]]')"
	kill -STOP "$(redis_pid a)"
	holds '.state == "timeout"' "$(talk '[["INCR","n"]]')"
	took=$(back_after_promotion)
	echo "# back $took ms after the promotion"
	[ "$took" -lt 3000 ]
	# And it does not go back to the one that does not know yet
	before=$(redis_cli b GET n)
	kill -CONT "$(redis_pid a)"
	for _ in {1..20}; do
		holds '.state == "ok"' "$(talk '[["INCR","n"]]')"
		sleep 0.05
	done
	redis_until redis_role a slave
	is $((before + 20)) "$(redis_cli b GET n)"
}

@test "a master that is deposed alive: the same work goes to the new one" {
	shard
	talk_begin --sentinel main --redis "$sentinels"
	holds '.state == "ok"' "$(talk '[["SET","k","1"]]')"
	redis_cli s1 SENTINEL FAILOVER main
	redis_until redis_role b master
	redis_until redis_role a slave
	answer=$(talk '[["SET","k","2"]]')
	holds '.state == "ok" and .reconnected' "$answer"
	is 2 "$(redis_cli b GET k)"
}

@test "passwords: of the master alone, and of sentinels too, which have the same" {
	redis_start a --port 7001 --requirepass 'Its secret'
	sentinel_start open 7021 main 7001 1 'sentinel auth-pass main "Its secret"'
	sentinel_start closed 7022 main 7001 1 'sentinel auth-pass main "Its secret"' 'requirepass "Its secret"'
	sentinel_start other 7023 main 7001 1 'sentinel auth-pass main "Its secret"' 'requirepass "Not that"'
	for port in 7021 7022; do
		answer=$(ask --sentinel main --redis 127.0.0.1:$port --password 'Its secret' '[["PING"]]')
		holds '.state == "ok"' "$answer"
	done
	answer=$(ask --sentinel main --redis 127.0.0.1:7023 --password 'Its secret' '[["PING"]]')
	holds '.state == "password" and (.error | contains("127.0.0.1:7023"))' "$answer"
	[[ $answer != *secret* ]]
	answer=$(ask --sentinel main --redis 127.0.0.1:7021 --password 'Wrong secret' '[["PING"]]')
	holds '.state == "password" and (.error | contains("127.0.0.1:7001"))' "$answer"
	[[ $answer != *secret* ]]
	answer=$(ask --sentinel main --redis 127.0.0.1:7022 '[["PING"]]')
	holds '.state == "password" and (.error | contains("NOAUTH"))' "$answer"
}

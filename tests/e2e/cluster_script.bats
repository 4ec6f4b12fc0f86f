#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# user/cluster/round.lua and orders.lua in a real Redis, on a unix socket of its own: against their twins in C, which the unit tests
# of the control law and of the book of orders rely on, and what they leave behind.

load lib
load redis

setup() {
	redis_world
	round=$BATS_TEST_DIRNAME/../../build/tools/round
	script=$BATS_TEST_DIRNAME/../../user/cluster/round.lua
	orders=$BATS_TEST_DIRNAME/../../build/tools/orders
	orders_script=$BATS_TEST_DIRNAME/../../user/cluster/orders.lua
	socket=$redis_dir/s.sock
}

teardown() { redis_end; }

# redis [OPTION...]: a server that knows the script
redis() {
	redis_start s "$@"
	sha=$(cli SCRIPT LOAD "$(< "$script")")
	orders_sha=$(cli SCRIPT LOAD "$(< "$orders_script")")
}

cli() { redis_cli s "$@"; }

# batch NODE SEQUENCE [T_US [COUNT_NODES [BUCKET...]]]: 1000/s burst 1000, 100 asked for and spent
batch() {
	local node=$1 sequence=$2 interval=${3-1000000} count=${4-1} bucket
	local -a keys=("weir:{s0}:meta" "weir:{s0}:last:$1" "weir:{s0}:nodes") values=()
	for bucket in "${@:5}"; do
		keys+=("weir:{s0}:$bucket")
		values+=(1000 1000 100 0 100 0 '')
	done
	cli EVALSHA "$sha" ${#keys[@]} "${keys[@]}" "$node" boot "$sequence" "$interval" 0 "$count" "${values[@]}" | tr '\n' ' '
}

orders_keys=("weir:{s00}:orders" "weir:{s00}:orders:expiries" "weir:{s00}:orders:versions" "weir:{s00}:secret")

# order GENERATION VERSION [NAME GIVEN EXPIRY TEXT]...: as a node that shares no secret, and knows all up to that version
order() { cli EVALSHA "$orders_sha" 3 "${orders_keys[@]:0:3}" "$1" "$2" "$2" '' "${@:3}"; }

# share SECRET [REDIS-CLI OPTION...] [-- ORDER...]: as one that knows nothing, and shares a secret
share() {
	local secret=$1 options=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1") && shift; done
	redis-cli -s "$socket" "${options[@]}" EVALSHA "$orders_sha" 4 "${orders_keys[@]}" 0 0 0 "$secret" "${@:2}"
}

# What Redis has, but for what is about all: NAME VALUE lines
ordered() { cli HGETALL "weir:{s00}:orders" | paste - - | grep -v '^generation\|^version\|^history' | sort; }

now_ms() {
	local -a clock
	mapfile -t clock < <(cli TIME)
	echo $((clock[0] * 1000 + clock[1] / 1000))
}

nodes_of() { awk '{ print $6 }' <<< "$1"; }

@test "the script answers as its twin in C does, through repeats, restarts and epochs" {
	redis
	run -0 "$round" "$redis_dir/s.sock" 20000
	echo "# $output"
	# It has met what it was made for
	[[ $output =~ ([0-9]+)\ repeats,\ ([0-9]+)\ advances,\ ([0-9]+)\ levels ]]
	[ "${BASH_REMATCH[1]}" -gt 500 ]
	[ "${BASH_REMATCH[2]}" -gt 500 ]
	[ "${BASH_REMATCH[3]}" -gt 500 ]
}

@test "a batch sent again is not counted again" {
	redis
	first=$(batch a 7 1000000 1 key)
	again=$(batch a 7 1000000 1 key)
	older=$(batch a 6 1000000 1 key)
	other=$(batch b 7 1000000 1 key)
	echo "$first / $again / $older / $other"
	[ "$(awk '{ print $5 }' <<< "$first")" = 0 ]
	[ "$(awk '{ print $5 }' <<< "$again")" = 1 ]
	[ "$(awk '{ print $5 }' <<< "$older")" = 1 ]
	[ "$(awk '{ print $5 }' <<< "$other")" = 0 ]
	# 100 are missing from the bucket, not 300; it fills by 1 a millisecond
	level=$(awk '{ print $9 }' <<< "$other")
	[ "$level" -ge 900 ]
	[ "$(awk '{ print $9 }' <<< "$again")" -ge 900 ]
}

@test "a node not heard for five rounds is not counted any more" {
	redis
	for node in a b c; do answer=$(batch $node 1 100000); done
	[ "$(nodes_of "$answer")" = 3 ]
	sleep 0.3
	[ "$(nodes_of "$(batch a 2 100000)")" = 3 ]
	sleep 0.3
	[ "$(nodes_of "$(batch b 2 100000)")" = 2 ]
	[ "$(nodes_of "$(batch b 3 100000 0)")" = 0 ]
}

@test "everything in Redis expires, and a bucket when it is full again" {
	redis
	batch a 1 100000 1 key other > /dev/null
	left_behind=$(cli --scan)
	[ "$(wc -l <<< "$left_behind")" = 5 ]
	while read -r key; do
		left=$(cli PTTL "$key")
		echo "$key: $left ms"
		[ "$left" -gt 0 ]
		case $key in
		# (B + B + 2 R T) / R: from the deepest debt
		*key | *other) [ "$left" -le 2201 ] && [ "$left" -gt 500 ] ;;
		esac
	done <<< "$left_behind"
}

@test "out of memory, a batch changes nothing and can be sent again" {
	redis
	batch a 1 1000000 1 key > /dev/null
	before=$(cli --scan | sort)
	cli CONFIG SET maxmemory 1mb > /dev/null
	cli CONFIG SET maxmemory-policy noeviction > /dev/null
	run batch a 2 1000000 1 another
	[[ $output == *OOM* ]]
	[ "$(cli --scan | sort)" = "$before" ]
	cli CONFIG SET maxmemory 0 > /dev/null
	again=$(batch a 2 1000000 1 another)
	[ "$(awk '{ print $5 }' <<< "$again")" = 0 ]
}

@test "it runs on a Redis Cluster: all keys of a batch have one slot" {
	redis --cluster-enabled yes --cluster-config-file nodes.conf --port 6379 --bind 127.0.0.1
	cli CLUSTER ADDSLOTSRANGE 0 16383 > /dev/null
	redis_until redis_cluster_is_ok s
	run batch a 1 1000000 1 key other
	echo "$output"
	[ "$(nodes_of "$output")" = 1 ]
	[ "$(wc -w <<< "$output")" = 14 ]
}

@test "the script of orders answers as its twin in C does, through conflicts, expiry and loss of memory" {
	redis
	run -0 "$orders" "$socket" 20000
	echo "# $output"
	# It has met what it was made for
	[[ $output =~ ([0-9]+)\ orders\ stored,\ ([0-9]+)\ not,\ ([0-9]+)\ times.*,\ ([0-9]+)\ begun.*,\ ([0-9]+)\ pages ]]
	[ "${BASH_REMATCH[1]}" -gt 5000 ]
	[ "${BASH_REMATCH[2]}" -gt 2000 ]
	[ "${BASH_REMATCH[3]}" -gt 200 ]
	[ "${BASH_REMATCH[4]}" -gt 1000 ]
	[ "${BASH_REMATCH[5]}" -gt 500 ]
}

@test "orders expire one by one, and all that is in Redis does" {
	redis
	now=$(now_ms)
	order 0 0 short $((now - 5)) $((now + 300)) text long $((now - 5)) $((now + 600000)) text > /dev/null
	[ "$(ordered | wc -l)" = 2 ]
	left=$(cli PTTL "weir:{s00}:orders")
	[ "$left" -gt 86000000 ]
	[ "$left" -le 86400000 ]
	order 0 0 longest $((now - 5)) $((now + 172800000)) text > /dev/null
	left=$(cli PTTL "weir:{s00}:orders")
	[ "$left" -gt 172000000 ]
	[ "$left" -le 172800000 ]
	sleep 0.4
	order 0 0 > /dev/null
	ordered
	[ "$(ordered | cut -f 1 | paste -sd ' ')" = "long longest" ]
	for key in $(cli --scan); do [ "$(cli PTTL "$key")" -gt 172000000 ]; done
	[ "$(cli --scan | wc -l)" = 3 ]
}

@test "who knows all orders is told so in few words, and nothing is written" {
	redis
	now=$(now_ms)
	mapfile -t answer < <(order 0 0 name "$now" $((now + 60000)) text)
	[ "${answer[3]}" = "${answer[1]}" ]
	[ "${answer[4]}" = 1 ]
	[ "${answer[7]} ${answer[8]} ${answer[9]}" = "1 name $now $((now + 60000)) text" ]
	changes=$(cli INFO persistence | grep ^rdb_changes_since_last_save)
	mapfile -t again < <(order "${answer[0]}" "${answer[1]}")
	echo "${again[*]}"
	[ "${again[4]}${again[5]}" = 00 ]
	[ "${#again[@]}" -le 8 ]
	[ "$(cli INFO persistence | grep ^rdb_changes_since_last_save)" = "$changes" ]
}

@test "there is room for ten thousand orders, and for what lifts one of them" {
	redis
	now=$(now_ms)
	order 0 0 n0 "$now" $((now + 600000)) text > /dev/null
	cli EVAL "for i = 1, 9999 do redis.call('HSET', KEYS[1], 'n' .. i, ARGV[1]) redis.call('ZADD', KEYS[2], ARGV[2], 'n' .. i)
		redis.call('ZADD', KEYS[3], i, 'n' .. i) end" 3 "${orders_keys[@]:0:3}" "$now $((now + 600000)) text" $((now + 600000)) > /dev/null
	mapfile -t answer < <(order 0 0 one_more "$now" $((now + 60000)) text n5 $((now + 1)) $((now + 60000)) lifted)
	[ "${answer[7]}" = -1 ]
	[ "${answer[8]}" = 1 ]
	[ "$(ordered | wc -l)" = 10000 ]
	[[ $(cli HGET "weir:{s00}:orders" n5) == *lifted ]]
}

@test "out of memory, orders change nothing and can be sent again" {
	redis
	now=$(now_ms)
	order 0 0 name "$now" $((now + 600000)) text > /dev/null
	before=$(cli HGETALL "weir:{s00}:orders")
	cli CONFIG SET maxmemory 1mb > /dev/null
	cli CONFIG SET maxmemory-policy noeviction > /dev/null
	run order 0 0 other "$now" $((now + 600000)) text
	[[ $output == *OOM* ]]
	[ "$(cli HGETALL "weir:{s00}:orders")" = "$before" ]
	cli CONFIG SET maxmemory 0 > /dev/null
	mapfile -t again < <(order 0 0 other "$now" $((now + 600000)) text)
	[ "${again[7]}" = 1 ]
}

@test "nodes that share a secret have the first one that was offered, and it expires when nobody asks any more" {
	redis
	mapfile -t first < <(share "the first secret")
	mapfile -t second < <(share "the second secret")
	[ "${first[6]}" = "" ]
	[ "${second[6]}" = "the first secret" ]
	[ "$(cli PTTL "weir:{s00}:secret")" -gt 2591000000 ]
	cli PEXPIRE "weir:{s00}:secret" 1000000 > /dev/null
	share "the first secret" > /dev/null
	[ "$(cli PTTL "weir:{s00}:secret")" -gt 2591000000 ]
}

@test "the script of orders runs on a Redis Cluster, and with nothing allowed but what it says" {
	redis --cluster-enabled yes --cluster-config-file "$redis_dir/nodes.conf" --port 6379 --bind 127.0.0.1
	cli CLUSTER ADDSLOTSRANGE 0 16383 > /dev/null
	for _ in {1..250}; do
		[[ $(cli CLUSTER INFO) != *cluster_state:ok* ]] || break
		sleep 0.02
	done
	cli ACL SETUSER weir on '>secret' '~weir:*' -@all +evalsha +time +hmget +hget +hlen +hset +hdel \
		+zadd +zrem +zcard +zscore +zrangebyscore +del +pttl +pexpire +get +set > /dev/null
	now=$(now_ms)
	run share "the first secret" --user weir --pass secret --no-auth-warning -- over $((now - 9)) $((now + 100)) text \
		name "$now" $((now + 60000)) text
	echo "$output"
	[[ $output == *"name"*"text"* ]]
	sleep 0.2
	run share "the first secret" --user weir --pass secret --no-auth-warning
	[[ $output == *"name"*"text"* ]]
	[[ $output != *over* ]]
}

@test "one of the keys of orders is gone, as a Redis that is short of memory does it: then all are, and a new memory begins" {
	redis
	now=$(now_ms)
	for key in "${orders_keys[@]:0:3}"; do
		mapfile -t before < <(order 0 0 name "$now" $((now + 60000)) text)
		cli DEL "$key" > /dev/null
		mapfile -t after < <(order "${before[0]}" "${before[1]}")
		[ "${after[0]}" -gt "${before[0]}" ]
		[ "${after[4]}" = 1 ]
		[ "$(ordered)" = "" ]
	done
}

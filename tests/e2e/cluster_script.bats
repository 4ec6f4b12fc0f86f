#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# user/cluster/round.lua in a real Redis, on a unix socket of its own: against its twin in C, which the unit tests of the
# control law rely on, and what it leaves behind.

load lib
load redis

setup() {
	redis_world
	round=$BATS_TEST_DIRNAME/../../build/tools/round
	script=$BATS_TEST_DIRNAME/../../user/cluster/round.lua
}

teardown() { redis_end; }

# redis [OPTION...]: a server that knows the script
redis() {
	redis_start s "$@"
	sha=$(cli SCRIPT LOAD "$(< "$script")")
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

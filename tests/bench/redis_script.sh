#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What a round costs Redis: key updates a second of user/cluster/round.lua, in batches of 1 and of 50.
#   tests/bench/redis_script.sh [SECONDS]
# One line a figure: name, value, separated by tabs. keys_per_s_N is by the clock, with whatever else the machine does;
# keys_per_cpu_s_N by the processor time that Redis itself took (all its threads), which is what one core of it can do.
#
# A batch of 1 is what is reported ahead of a round, so it does not count the nodes; one of 50 does. sets_per_cpu_s is a
# plain SET at a time: what this machine makes of Redis at the moment, to read the others by.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-3}
command -v redis-server > /dev/null || { echo "redis-server is not installed: make deps" >&2; exit 77; }
dir=$(mktemp -d)
socket=$dir/s
unshare --net redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --dir "$dir" > "$dir/log" 2>&1 < /dev/null &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$dir"' EXIT

cli() { redis-cli -s "$socket" "$@"; }
for _ in {1..200}; do
	[ "$(cli ping 2> /dev/null)" != PONG ] || break
	sleep 0.02
done
sha=$(cli SCRIPT LOAD "$(< user/cluster/round.lua)")

# User and system time of the server, in seconds
cpu() { cli INFO cpu | tr -d '\r' | awk -F: '/^used_cpu_(sys|user):/ { s += $2 } END { print s }'; }
calls() { cli INFO commandstats | tr -d '\r' | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p'; }

# Boots are drawn by chance, so that hardly one batch is a repeat; keys are drawn from 10,000
measure() { # KEYS_IN_A_BATCH
	local size=$1 i count=$(($1 > 1)) before_cpu before_calls spent done_calls begin end
	local -a keys=("weir:{s0}:meta" "weir:{s0}:last:a" "weir:{s0}:nodes") values=()
	for ((i = 0; i < size; i++)); do
		keys+=("weir:{s0}:$i:__rand_int__")
		values+=(1000 1000 100 20 50 60 900)
	done
	cli FLUSHALL > /dev/null
	before_cpu=$(cpu) before_calls=$(calls)
	begin=$(date +%s.%N)
	timeout "$seconds" redis-benchmark -s "$socket" -c 8 -n 1000000000 -r $((10000 / size)) EVALSHA "$sha" ${#keys[@]} \
		"${keys[@]}" a __rand_int__ 1 100000 0 "$count" "${values[@]}" > /dev/null 2>&1 || [ $? = 124 ]
	end=$(date +%s.%N)
	spent=$(cpu) done_calls=$(calls)
	awk -v size="$size" -v calls=$((done_calls - ${before_calls:-0})) -v cpu="$spent" -v before="$before_cpu" \
		-v begin="$begin" -v end="$end" 'BEGIN {
		printf "keys_per_s_%d\t%d\n", size, calls * size / (end - begin)
		printf "keys_per_cpu_s_%d\t%d\n", size, calls * size / (cpu - before)
	}'
	# A script that fails is fast
	[ "$(cli INFO commandstats | tr -d '\r' | sed -n 's/^cmdstat_evalsha:.*failed_calls=\([0-9]*\).*/\1/p')" = 0 ] ||
		{ echo "redis_script.sh: the script failed" >&2; exit 1; }
}

read -r load _ < /proc/loadavg
printf 'load\t%s\n' "$load"
printf 'redis\t%s\n' "$(cli INFO server | tr -d '\r' | sed -n 's/^redis_version://p')"
before=$(cpu)
redis-benchmark -s "$socket" -c 8 -n 100000 -r 10000 -q SET key:__rand_int__ 12345678901234567890 > /dev/null 2>&1
awk -v before="$before" -v after="$(cpu)" 'BEGIN { printf "sets_per_cpu_s\t%d\n", 100000 / (after - before) }'
measure 1
measure 50

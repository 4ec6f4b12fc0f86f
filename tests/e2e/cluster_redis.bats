#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The whole daemon and a Redis that refuses, moves, fails over or is another: what it says, what it goes on doing, and that it comes
# back by itself. What the thread that talks to Redis makes of each answer is in redis*.bats.

load lib
load redis
load cluster

setup() {
	# The daemons are told a place, and this file changes who is there
	door=$BATS_TEST_TMPDIR/door
	redis_url=unix://$door
}
teardown() { end_of_cluster; }

# nodes_for N: that many, whose Redis will be at the door
nodes_for() {
	cluster_world "$1"
	at_door main
}

# at_door NAME: from now on that server is there
at_door() {
	ln -sfT "$redis_dir/$1.sock" "$door.new"
	mv -T "$door.new" "$door"
}

limits() {
	cluster_configure "$@" <<- END
		services:
		  - name: dns
		    match: [udp/53]
		    group_limits: {default: [{rate: 1000/s, unit: packets, burst: 1000, scope: cluster}]}
	END
}

# said_since: lines that the cluster thread of node 1 has written since heard()
said_lines=0
said_since() {
	jq -c 'select(.component == "cluster")' "$dir/weir-1.log" > "$dir/said"
	tail -n +$((said_lines + 1)) "$dir/said"
}
heard() { said_lines=$(jq -c 'select(.component == "cluster")' "$dir/weir-1.log" | wc -l); }

failed_rounds() { on 1 "$weir" cluster --json | jq .rounds.failed; }
more_have_failed() { [ "$(failed_rounds)" -ge "$1" ]; }

# is_told STATE TEXT: node 1 finds out, says what to do once, goes on trying, and is ready all the time
is_told() {
	local text
	eventually 5 cluster_is 1 ".redis.state == \"$1\""
	eventually 5 more_have_failed $(($(failed_rounds) + 4))
	said_since > "$dir/change"
	is 1 "$(wc -l < "$dir/change")" || { cat "$dir/change"; return 1; }
	holds '.level == "warning"' "$(cat "$dir/change")"
	contains "$(cat "$dir/change")" "$2" on_outage
	heard
	is 200 "$(on 1 curl -s -o "$dir/ready" -w '%{http_code}' --unix-socket "$dir/weir-1.sock" http://weir/health/ready)"
	text=$(on 1 curl -s --unix-socket "$dir/weir-1.sock" http://weir/health/detailed)
	holds '.components[] | select(.name == "redis") | .status == "degraded"' "$text"
	contains "$text" "$1" "$2"
	contains "$(on 1 "$weir" cluster)" "$1" "$2"
}

# is_mended: without a restart, and one line says so
is_mended() {
	eventually 5 cluster_is 1 '.redis.up and .mode == "shared"'
	said_since > "$dir/change"
	is 1 "$(wc -l < "$dir/change")" || { cat "$dir/change"; return 1; }
	contains "$(cat "$dir/change")" 'answers again after'
	heard
}

begun() {
	eventually 5 cluster_is 1 '.redis.up and .mode == "shared"'
	heard
}

# shown_nowhere SECRET: by nothing that node 1 says to anybody
shown_nowhere() {
	local path
	for path in metrics v1/cluster v1/status v1/config health/detailed; do
		on 1 curl -s --unix-socket "$dir/weir-1.sock" "http://weir/$path"
		on 1 curl -s "http://127.0.0.1:9464/$path"
	done > "$dir/shown"
	for path in status cluster; do
		on 1 "$weir" $path
		on 1 "$weir" $path --json
	done >> "$dir/shown"
	"$weir" check --print "$dir/weir-1.yaml" >> "$dir/shown"
	cat "$dir"/weir-1.log "$dir/weir-1.out" "/proc/${node_pid[1]}/cmdline" >> "$dir/shown"
	[ "$(wc -c < "$dir/shown")" -gt 10000 ]
	refute grep -aF -- "$1" "$dir/shown"
}

# --------------------------------------------------------------------------------------------- bad input

@test "password, ACL, memory and role: one line that says what to do, degraded, and back when mended" {
	nodes_for 1
	redis_start main
	redis_cli main ACL SETUSER weir on '>hush-password' '~*' +@all
	redis_url=unix://weir:hush-password@$door
	limits 'interval: 100ms, secret: "hush-secret-of-the-cluster"'
	start_node 1
	begun

	redis_cli main ACL SETUSER weir '>hush-other' '<hush-password'
	redis_cli main CLIENT KILL USER weir
	is_told password 'set the user and password of cluster.redis'
	redis_cli main ACL SETUSER weir '>hush-password'
	is_mended

	redis_cli main ACL SETUSER weir -@scripting
	is_told refused 'docs/redis.md'
	redis_cli main ACL SETUSER weir +@scripting
	is_mended

	redis_cli main CONFIG SET maxmemory 1
	is_told out_of_memory 'raise its maxmemory'
	redis_cli main CONFIG SET maxmemory 0
	is_mended

	redis_cli main REPLICAOF 127.0.0.1 1
	is_told read_only 'name its master'
	redis_cli main REPLICAOF NO ONE
	is_mended
	shown_nowhere hush
}

@test "not a Redis, one that is too old, and one without that database: the same" {
	nodes_for 1
	echo hush-password > "$dir/password"
	redis_url="unix://$door?db=20"
	limits "interval: 100ms, password_file: $dir/password, secret: hush-secret-of-the-cluster"
	redis_start main --databases 32 --requirepass hush-password
	redis_start small --databases 16 --requirepass hush-password
	redis_background ssh socat "UNIX-LISTEN:$redis_dir/ssh.sock,fork" SYSTEM:'printf "SSH-2.0-OpenSSH_9.2\\r\\n"; cat > /dev/null'
	redis_background old "$python" "$BATS_TEST_DIRNAME/old_redis.py" 7005 hush-password
	redis_background bridge socat "UNIX-LISTEN:$redis_dir/bridge.sock,fork" TCP:127.0.0.1:7005
	redis_until redis_listens tcp 7005
	at_door ssh
	start_node 1
	is_told not_redis 'see cluster.redis'
	at_door bridge
	is_told too_old 'Redis 6 or later'
	at_door small
	is_told database 'choose a database that it has'
	at_door main
	is_mended
	shown_nowhere hush
}

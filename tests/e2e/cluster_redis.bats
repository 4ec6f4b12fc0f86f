#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The whole daemon and a Redis that refuses, moves, fails over or is another: what it says, what it goes on doing, and that it comes
# back by itself. What the thread that talks to Redis makes of each answer is in redis*.bats.

load lib
load redis
load cluster
# shellcheck disable=SC2154 # theirs: weir, dir, python, redis_dir

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
	{
		for path in metrics v1/cluster v1/status v1/config health/detailed; do
			on 1 curl -s --unix-socket "$dir/weir-1.sock" "http://weir/$path"
			on 1 curl -s "http://127.0.0.1:9464/$path"
		done
		for path in status cluster; do
			on 1 "$weir" $path
			on 1 "$weir" $path --json
		done
		"$weir" check --print "$dir/weir-1.yaml"
		cat "$dir"/weir-1.log "$dir/weir-1.out" "/proc/${node_pid[1]}/cmdline"
	} > "$dir/shown"
	[ "$(wc -c < "$dir/shown")" -gt 10000 ]
	refute grep -aF -- "$1" "$dir/shown"
}

# --------------------------------------------------------------------------------------------- bad input

@test "password, ACL, memory and role: one line that says what to do, degraded, and back when mended" {
	nodes_for 1
	redis_start main
	redis_cli main ACL SETUSER weir on '>hush-password' '~*' +@all
	redis_url=unix://weir:hush-password@$door
	group_limit 'interval: 100ms, secret: "hush-secret-of-the-cluster"'
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
	group_limit "interval: 100ms, password_file: $dir/password, secret: hush-secret-of-the-cluster"
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

# ----------------------------------------------------------------------------------------------- the ACL

# acl_of_document PASSWORD: words of the command in docs/redis.md
acl_of_document() {
	awk '/^    ACL SETUSER weir/ { found = 1 } found && !NF { exit } found' "$BATS_TEST_DIRNAME/../../docs/redis.md" |
		sed "s/>PASSWORD/>$1/" | xargs -n 1
}

@test "the user of docs/redis.md may do all that Weir does, and its password may change" {
	local -a acl
	nodes_for 2
	redis_start main
	mapfile -t acl < <(acl_of_document first-password)
	[ ${#acl[@]} -gt 20 ]
	redis_cli main "${acl[@]}"
	redis_url=unix://weir@$door
	echo first-password > "$dir/password"
	group_limit "interval: 100ms, password_file: $dir/password"
	start_nodes
	joined
	begun
	on 1 "$weir" ban --cluster 203.0.113.0/24 --for 10m
	eventually 1 bans 2 203.0.113.0/24
	on 2 "$weir" unban --cluster 203.0.113.0/24
	eventually 1 refute bans 1 203.0.113.0/24
	flood_node 1 2000 1
	eventually 3 cluster_is 1 '.limits[0].demand > 500'
	eventually 3 all_are '.nodes.names == ["node-1", "node-2"]'

	redis_cli main ACL SETUSER weir '>second-password' '<first-password'
	echo second-password > "$dir/password"
	redis_cli main CLIENT KILL USER weir
	eventually 5 all_are '.redis.reconnects > 0 and .redis.up and .mode == "shared"'
	all_are '[.redis.commands[] | .ok > 0] | all'
	is '' "$(redis_cli main ACL LOG)"
	is '' "$(said_since | jq -r 'select(.level != "info")')"
	shown_nowhere -password
}

# bans NODE PREFIX: it is banned there
bans() { on "$1" "$weir" bans --json | jq -r '.bans[].prefix' | grep -qxF "$2"; }

# ------------------------------------------------------------------------------------- sentinels, Cluster

# servers_at ADDRESS: of the client's host, where all nodes reach it by TCP
servers_at() {
	local n
	redis_address=$1
	for ((n = 1; n <= nodes; n++)); do
		ip -n "${tag}n$n" route add "$1" via "10.77.$n.2"
	done
}

# sentinel_knows NAME: its replica and both of the others
sentinel_knows() {
	local said
	said=$(redis_cli "$1" SENTINEL MASTER main | paste - - | awk '$1 == "num-slaves" || $1 == "num-other-sentinels" { printf "%s ", $2 }')
	[ "$said" = "1 2 " ]
}

# ms_of TIME
ms_of() { date -d "$1" +%s%3N; }

@test "a master is killed: both nodes share by the promoted one within 3 s" {
	local i node promoted back
	cluster_world 2
	servers_at 10.77.99.1
	redis_start a --port 7001 --bind 10.77.99.1 --protected-mode no
	redis_start b --port 7002 --bind 10.77.99.1 --protected-mode no --replicaof 10.77.99.1 7001
	redis_until redis_replica_is_fed b
	for i in 1 2 3; do sentinel_start s$i 702$i main 7001 2 'protected-mode no'; done
	for i in 1 2 3; do redis_until sentinel_knows s$i; done
	redis_url=redis-sentinel://10.77.99.1:7021,10.77.99.1:7022,10.77.99.1:7023/main
	group_limit
	start_nodes
	joined
	redis_stop a KILL
	redis_until redis_role b master
	promoted=$(date +%s%3N)
	eventually 3 all_are '.redis.up and .mode == "shared" and .nodes.count == 2 and .rounds.lag_seconds < 0.5'
	# By the clocks of the logs: a test that polls is late
	for node in 1 2; do
		back=$(ms_of "$(jq -r 'select(.msg | test("answers again")) | .ts' "$dir/weir-$node.log" | tail -n 1)")
		echo "# node $node: back $((back - promoted)) ms after the promotion was seen" >&3
		[ $((back - promoted)) -lt 3000 ]
	done
	holds '.rounds.ok > 0' "$(on 1 "$weir" cluster --json)"
}

# holder KEY: the port of who has its slot
holder() {
	local slot
	slot=$(redis_cli "$1" CLUSTER KEYSLOT "$2")
	redis_cli "$1" CLUSTER NODES | awk -v slot="$slot" '$3 ~ /master/ {
		for (i = 9; i <= NF; i++) { n = split($i, range, "-"); if (slot >= range[1] && slot <= range[n]) { split($2, at, /[:@]/); print at[2] } } }'
}

# tags: of all keys there are, by the servers that are left
tags() { for port; do redis_cli "c$port" --scan --pattern 'weir:*:k:*'; done | grep -o '{s[0-9]*}' | sort -u; }
tags_are() { [ "$(tags "${@:2}" | wc -l)" -ge "$1" ]; }

@test "a Redis Cluster of three shards: all tags are used, a slot moves, one master dies and others go on" {
	local port slot from to dead
	cluster_world 2
	servers_at 10.77.99.1
	redis_cluster_start 7001 7002 7003
	for port in 7001 7002 7003; do redis_cli c$port CONFIG SET cluster-require-full-coverage no; done
	redis_url=redis-cluster://10.77.99.1:7001,10.77.99.1:7002,10.77.99.1:7003
	cluster_configure <<- END
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [{rate: 10/s, unit: packets, burst: 10, scope: cluster}]}
		    group_limits: {default: [{rate: 1000/s, unit: packets, burst: 1000, scope: cluster}]}
	END
	start_nodes
	joined
	for node in 1 2; do flood_node $node 2000 85 --sources 200 --consecutive; done
	hurry_all
	eventually 5 tags_are 16 7001 7002 7003
	eventually 5 all_are '.mode == "shared" and .hot_keys > 30 and ([.hot[] | .mode == "shared"] | all)'

	# Under traffic, the slot of a tag: keys of a batch are apart for a moment, which is nothing to tell anybody
	slot=$(redis_cli c7001 CLUSTER KEYSLOT '{s03}')
	from=$(holder c7001 '{s03}')
	to=$((from == 7003 ? 7001 : from + 1))
	redis_cluster_move "$slot" "$from" $to
	eventually 5 keys_of_slot_are_at "$slot" $to
	eventually 5 all_are '.redis.up and .mode == "shared" and ([.hot[] | .mode == "shared"] | all)'

	refute grep -q TRYAGAIN "$dir"/weir-{1,2}.log

	# The names of nodes are with tag s00: it lives
	dead=$(for port in 7001 7002 7003; do [ "$port" = "$(holder c7001 '{s00}')" ] || echo $port; done | tail -n 1)
	redis_stop "c$dead" KILL
	eventually 10 all_are '([.hot[] | select(.mode == "outage")] | length > 0) and .redis.up == false'
	for _ in {1..20}; do
		for node in 1 2; do
			holds '([.hot[] | select(.mode == "shared")] | length > 10) and .nodes.count == 2' "$(on $node "$weir" cluster --json)"
		done
	done
	# A line each: nothing of those shards that answer in between
	is '1 1' "$(for n in 1 2; do grep -c 'Connection refused' "$dir/weir-$n.log"; done | paste -sd ' ')"
	redis_start "c$dead" --port "$dead" --bind 10.77.99.1 --protected-mode no --cluster-enabled yes --cluster-config-file nodes.conf
	eventually 10 all_are '.redis.up and .mode == "shared" and ([.hot[] | .mode == "shared"] | all)'
}

keys_of_slot_are_at() { [ "$(redis_cli "c$2" CLUSTER COUNTKEYSINSLOT "$1")" -gt 0 ]; }

# ------------------------------------------------------------------------------------------------ reload

on_all() { for ((n = 1; n <= nodes; n++)); do on "$n" "$@" || return 1; done; }

client_limits() {
	cluster_configure "$@" <<- END
		services:
		  - name: dns
		    match: [udp/53]
		    limits: {default: [{rate: 1000/s, unit: packets, burst: 1000, scope: cluster}]}
	END
}

# keys_of NAME: of clients' buckets
keys_of() { redis_cli "$1" --scan --pattern 'weir:*:k:*' | sort; }
has_keys() { [ -n "$(keys_of "$1")" ]; }
has_other_keys() { has_keys "$1" && [ "$(keys_of "$1")" != "$2" ]; }

# top_is WATCHED: the client of the flood, which stands for no others
top_is() { on 1 "$weir" top --once --json | jq -e --argjson watched "$1" '.clients[0] | .watched == $watched and (.parent | not)'; }

@test "a reload takes the cluster away and brings it back, with another interval, secret and Redis" {
	local before
	nodes_for 2
	redis_start main
	redis_start other
	client_limits 'interval: 100ms, secret: "the first of the secrets"'
	start_nodes
	joined
	for n in 1 2; do flood_node $n 2000 60; done
	eventually 5 all_are '.hot[0].mode == "shared"'
	eventually 3 top_is true
	on 1 "$weir" ban --cluster 203.0.113.0/24
	eventually 1 bans 2 203.0.113.0/24

	sed -i '/^cluster:/d; s/, scope: cluster//' "$dir/weir-1.yaml"
	on 1 "$weir" reload
	cluster_is 1 '.enabled == false'
	eventually 3 top_is false
	refute on 1 "$weir" ban --cluster 203.0.113.1
	holds '[.components[].name] | index("redis") | not' \
		"$(on 1 curl -s --unix-socket "$dir/weir-1.sock" http://weir/health/detailed)"
	client_limits 'interval: 100ms, secret: "the first of the secrets"'
	on 1 "$weir" reload
	eventually 5 all_are '.nodes.count == 2 and .redis.up and .hot[0].mode == "shared"'

	client_limits 'interval: 200ms, secret: "the first of the secrets"'
	on_all "$weir" reload
	eventually 5 all_are '.rounds.interval_seconds == 0.2 and .nodes.count == 2 and .hot[0].mode == "shared"'

	# Names of clients and orders are others, and orders are told again by them
	before=$(keys_of main)
	client_limits 'interval: 200ms, secret: "the second of the secrets"'
	on_all "$weir" reload
	eventually 5 has_other_keys main "$before"
	eventually 5 all_are '.redis.up and .hot[0].mode == "shared"'
	on 2 "$weir" unban --cluster 203.0.113.0/24
	eventually 1 refute bans 1 203.0.113.0/24

	redis_url=unix://$redis_dir/other.sock
	client_limits 'interval: 200ms, secret: "the second of the secrets"'
	on_all "$weir" reload
	eventually 5 all_are '.redis.url == "unix://'"$redis_dir"'/other.sock?db=0" and .nodes.count == 2 and .hot[0].mode == "shared"'
	has_keys other
}

@test "without its secret_file it does not start, nor reload, and says which" {
	nodes_for 1
	redis_start main
	group_limit "interval: 100ms, secret_file: $dir/secret"
	run -2 --separate-stderr on 1 timeout 30 "$weir" run --log text -c "$dir/weir-1.yaml"
	contains "$stderr" "cluster.secret_file $dir/secret" 'No such file' 'the same on all nodes'
	echo hush > "$dir/secret"
	run -2 --separate-stderr on 1 timeout 30 "$weir" run --log text -c "$dir/weir-1.yaml"
	contains "$stderr" "cluster.secret_file $dir/secret" '16 to'
	echo hush-secret-of-the-cluster > "$dir/secret"
	start_node 1
	begun

	mv "$dir/secret" "$dir/away"
	group_limit "interval: 200ms, secret_file: $dir/secret"
	run -2 --separate-stderr on 1 "$weir" reload
	contains "$stderr" "cluster.secret_file $dir/secret" 'No such file' 'the same on all nodes'
	cluster_is 1 '.redis.up and .mode == "shared" and .rounds.interval_seconds == 0.1'
	mv "$dir/away" "$dir/secret"
	on 1 "$weir" reload
	eventually 5 cluster_is 1 '.redis.up and .mode == "shared" and .rounds.interval_seconds == 0.2'
	shown_nowhere hush
}

# ------------------------------------------------------------------------------------------------ orders

breaker_is() { on "$1" "$weir" breakers --json | jq -e "$2" > /dev/null; }
has_orders() { [ "$(redis_cli main EXISTS 'weir:{s00}:orders')" = 1 ]; }

@test "orders without Redis are told when it is back, survive its memory, and end everywhere" {
	local ordered
	nodes_for 2
	redis_start main
	cluster_configure <<- END
		upstreams:
		  - {name: api, endpoints: ["10.77.99.1:8080"], breaker: {mode: enforce}}
	END
	start_nodes
	joined
	on 1 "$weir" ban --cluster 203.0.113.0/24 --json | holds '.told' "$(cat)"
	ordered=$(date +%s%3N)
	on 1 "$weir" breaker open api --cluster
	eventually 1 breaker_is 2 '.upstreams[0].endpoints[0].state == "forced_open"'
	echo "# the other node's breaker was open after $(($(date +%s%3N) - ordered)) ms" >&3
	contains "$(on 2 "$weir" bans)" 203.0.113.0/24 cluster

	redis_cli main FLUSHALL
	eventually 2 has_orders
	kill -KILL "${node_pid[2]}"
	"$weir" detach --pins "$(node_pins 2)"
	start_node 2
	eventually 2 bans 2 203.0.113.0/24

	redis_stop main KILL
	eventually 5 all_are '.redis.up | not'
	holds '.told == false' "$(on 1 "$weir" ban --cluster 198.51.100.7 --json --for 10s)"
	contains "$(on 1 "$weir" ban --cluster 198.51.100.8 --for 10s)" 'when it is back'
	bans 1 198.51.100.7
	refute bans 2 198.51.100.7
	redis_start main
	eventually 3 bans 2 198.51.100.7
	bans 2 203.0.113.0/24
	eventually 10 refute bans 2 198.51.100.7
	eventually 1 refute bans 1 198.51.100.7
	bans 1 203.0.113.0/24
}

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # lib's and redis' own: weir, flood, python, redis_dir
#
# A cluster for one test: nodes, each a namespace with a daemon, and one client with a wire to each of them. After `load lib` and
# `load redis`.
#
#   $tag-N: wan 10.77.N.1/24 fd77:0:0:N::1/64  ----  ethN 10.77.N.2/24 fd77:0:0:N::2/64 :$client
#
# Redis is on a unix socket, which all of them see. setup() calls cluster_world NODES, teardown() end_of_cluster.

excess=$BATS_TEST_DIRNAME/../e2e/excess.py

cluster_world() {
	local n
	nodes=$1
	tag=wc$$t$BATS_TEST_NUMBER
	dir=$BATS_TEST_TMPDIR
	# shellcheck disable=SC2034 # in_client is lib's
	client=${tag}c host=${tag}n1
	ip netns add "$client"
	redis_world "$client"
	redis_socket=$redis_dir/main.sock
	ip -n "$client" link set lo up
	ip -n "$client" addr add 10.77.99.1/32 dev lo
	for ((n = 1; n <= nodes; n++)); do
		ip netns add "${tag}n$n"
		ip -n "${tag}n$n" link set lo up
		ip link add wan netns "${tag}n$n" type veth peer name "eth$n" netns "$client"
		ip -n "${tag}n$n" addr add "10.77.$n.1/24" dev wan
		ip -n "${tag}n$n" addr add "fd77:0:0:$n::1/64" dev wan nodad
		ip -n "$client" addr add "10.77.$n.2/24" dev "eth$n"
		ip -n "$client" addr add "fd77:0:0:$n::2/64" dev "eth$n" nodad
		ip -n "${tag}n$n" link set wan up
		ip -n "$client" link set "eth$n" up
		ip -n "$client" neigh replace "10.77.$n.1" lladdr "$(mac "${tag}n$n" wan)" dev "eth$n"
		eventually 5 link_is_up "${tag}n$n" wan
		eventually 5 link_is_up "$client" "eth$n"
	done
}

node_pins() { echo "/sys/fs/bpf/weir-${tag}n$1"; }
all_pins() { for ((n = 1; n <= nodes; n++)); do node_pins "$n"; done; }

# on NODE COMMAND...: in its namespace, asking its daemon
on() {
	local n=$1
	shift
	WEIR_SOCKET=$dir/weir-$n.sock nsenter --net="/run/netns/${tag}n$n" "$@"
}

# cluster_configure [CLUSTER FIELDS]: a configuration for each node around what comes on standard input
cluster_configure() {
	local n body
	body=$(cat)
	for ((n = 1; n <= nodes; n++)); do
		cat > "$dir/weir-$n.yaml" <<- END
			http: {listen: "127.0.0.1:9464", admin: $dir/weir-$n.sock}
			pins: $(node_pins "$n")
			node: node-$n
			table: {clients: 16384, flows: 1024}
			cluster: {redis: "${redis_url-unix://$redis_socket}", ${1-interval: 100ms}}
			interfaces: [{name: wan}]
			$body
		END
	done
}

# group_limit [CLUSTER FIELDS]: 1,000 packets a second over all nodes, burst 1,000
group_limit() {
	cluster_configure "$@" <<- END
		services:
		  - name: dns
		    match: [udp/53]
		    group_limits: {default: [{rate: 1000/s, unit: packets, burst: 1000, scope: cluster}]}
	END
}

# start_node N: and wait until it is ready; its pid is in ${node_pid[N]}
declare -a node_pid
start_node() {
	nsenter --net="/run/netns/${tag}n$1" "$weir" run --log json -c "$dir/weir-$1.yaml" \
		2>> "$dir/weir-$1.log" > "$dir/weir-$1.out" 3>&- < /dev/null &
	# shellcheck disable=SC2034 # for the tests
	node_pid[$1]=$!
	echo $! >> "$dir/pids"
	eventually 10 node_is_ready "$1" || { cat "$dir/weir-$1.log"; return 1; }
}
node_is_ready() { on "$1" curl -sf --unix-socket "$dir/weir-$1.sock" http://weir/health/ready > /dev/null; }

start_nodes() {
	for ((n = 1; n <= nodes; n++)); do start_node "$n"; done
}

# cluster_is NODE FILTER: `weir cluster --json` of the node holds this for jq
cluster_is() { on "$1" "$weir" cluster --json | jq -e "$2" > /dev/null; }
all_are() { for ((n = 1; n <= nodes; n++)); do cluster_is "$n" "$1" || return 1; done; }

# joined: all nodes have heard of all nodes
joined() { eventually 10 all_are ".nodes.count == $nodes and .redis.up"; }

# hurry_all: neither daemons, servers and senders nor the test itself need wait for a processor that others have, as hurry in lib
hurry_all() {
	local pid
	for pid in $$ $BASHPID $(cat "$dir/pids" "$redis_dir"/*.pid); do
		# shellcheck disable=SC2046 # its threads
		renice -n -20 -p $(ls "/proc/$pid/task") > /dev/null
	done
}

# flood_node N PPS SECONDS [OPTION...]: from one source, unless told otherwise
flood_node() {
	local n=$1 pps=$2 seconds=$3
	shift 3
	background "flood_$n" "$client" "$flood" --interface "eth$n" --to "10.77.$n.1" --dport 53 --pps "$pps" --seconds "$seconds" \
		--from 10.77.99.1 --batch 1 "$@"
}

# measure RATE BURST SECONDS: JSON of excess.py over all nodes
measure() {
	# shellcheck disable=SC2046 # a word each
	"$python" "$excess" "$@" $(all_pins)
}

end_of_cluster() {
	local n
	[ -n "${tag-}" ] || return 0
	if [ -z "${BATS_TEST_COMPLETED-}" ]; then
		for ((n = 1; n <= nodes; n++)); do
			[ ! -s "$dir/weir-$n.log" ] || { echo "--- node $n:"; tail -n 6 "$dir/weir-$n.log"; }
		done
	fi
	redis_end
	log=/dev/null pins=/nonexistent end_of_world
	for ((n = 1; n <= nodes; n++)); do
		[ ! -d "$(node_pins "$n")" ] || "$weir" detach --pins "$(node_pins "$n")" > /dev/null 2>&1
		rm -rf "$(node_pins "$n")"
		ip netns del "${tag}n$n" 2> /dev/null
	done
	return 0
}

#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# weir doctor on hosts that have what it looks for: each trouble is made, found by its name, and mended as it says.

load lib
load redis
setup() {
	world
	wrapper=()
}
teardown() {
	end_of_world
	redis_end
	rm -f "/tmp/$tag.yaml"
}

# examine STATUS [ARGUMENT...]: the report is in $report
examine() {
	local status=$1
	shift
	[ $# -gt 0 ] || set -- -c "$yaml"
	run -"$status" --separate-stderr in_host "${wrapper[@]}" "$weir" doctor --json "$@"
	# shellcheck disable=SC2154 # bats'
	report=$output
	jq -e '.checks | length > 10' <<< "$report" > /dev/null
}

# finds STATUS CHECK [TEXT [FIX]]: this check of the last report has this status, and these are in its words
finds() {
	local check
	check=$(jq -c --arg name "$2" '.checks[] | select(.name == $name)' <<< "$report")
	echo "$check"
	jq -e --arg status "$1" --arg text "${3-}" --arg fix "${4-}" \
		'.status == $status and (.message | contains($text)) and (.fix | contains($fix))' <<< "$check" > /dev/null
}

# troubles: the names of those that are neither fine nor skipped, but for what is the machine's own
troubles() {
	jq -r '[.checks[] | select(.status == "warn" or .status == "fail") | .name] -
		["clock", "bpf-stats", "unprivileged-bpf"] | join(" ")' <<< "$report"
}

@test "a host that is fit has nothing to mend, and it takes no daemon" {
	limited
	examine 0
	[ -z "$(troubles)" ] || finds none "$(troubles)"
	finds ok programs
	finds ok hooks XDP
	finds ok bpffs
	finds ok interface up
	finds ok xdp "veth has XDP"
	finds ok listen free
	finds ok pins nothing
	jq -e '.checks | map(select(.interface) | .interface) | unique == ["wan"]' <<< "$report"
	# Nothing is left behind of what was tried
	[ ! -e "$pins" ]
	refute has_xdp wan
}

@test "text has a line for each check, and what to do below it" {
	limited
	run -1 --separate-stderr in_host "$weir" doctor -c "$yaml" -i nowhere0
	[[ ${lines[0]} == STATUS* ]]
	[[ $output == *'fail    interface nowhere0'*'there is no interface nowhere0'*'to do: '*' lists them'* ]]
	[[ ${lines[-1]} == *' 1 in the way of Weir, '* ]]
	# What is not there is looked at no further
	[[ $output != *'xdp nowhere0'* ]]
}

@test "each check is known to the manual" {
	local name
	limited
	examine 0
	for name in $(jq -r '.checks[].name' <<< "$report"); do
		grep -qx ".It Em $name" "$BATS_TEST_DIRNAME/../../docs/man/weir.8"
	done
}

@test "a configuration that is not valid is said, and the rest is looked at" {
	limited 5/fortnight
	examine 1
	finds fail configuration "$yaml:" mend
	finds ok kernel
	examine 1 -c "$dir/nowhere.yaml"
	finds fail configuration nowhere.yaml
	# Interfaces alone need none
	examine 0 -i wan
	jq -e '.checks | map(.name) | index("configuration") == null' <<< "$report"
}

@test "without privileges it says what it could not look at, and that is no failure" {
	limited
	# Where anybody may look
	install -m 644 "$yaml" "/tmp/$tag.yaml"
	wrapper=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
	examine 0 -c "/tmp/$tag.yaml"
	finds skip capabilities CAP_BPF
	finds skip programs "not tried without" root
	finds ok kernel
	finds ok interface up
	finds ok xdp
}

@test "root without its capabilities, as in a container, does not start, and it says which" {
	limited
	wrapper=(setpriv --bounding-set '-bpf,-perfmon,-sys_admin')
	examine 1
	finds fail capabilities "CAP_BPF CAP_PERFMON" docs/deployment.md
	run -1 in_host "${wrapper[@]}" "$weir" run -c "$yaml"
	[[ $output == *'CAP_BPF CAP_PERFMON'* ]]
}

@test "the three capabilities of a pod are enough" {
	limited
	wrapper=(setpriv --bounding-set '-all,+bpf,+perfmon,+net_admin')
	examine 0
	[ -z "$(troubles)" ] || finds none "$(troubles)"
	finds ok programs
	finds ok hooks
}

@test "a bpffs that is not mounted is missed, and mounted it is there" {
	limited
	run -0 --separate-stderr in_host unshare --mount sh -c 'umount -l /sys/fs/bpf; exec "$@"' sh "$weir" doctor --json -c "$yaml"
	report=$output
	finds warn bpffs "no bpffs is mounted" "mount -t bpf bpf /sys/fs/bpf"
	# As a service, without the right to mount
	run -1 --separate-stderr in_host unshare --mount sh -c 'umount -l /sys/fs/bpf; exec "$@"' sh \
		setpriv --bounding-set -sys_admin "$weir" doctor --json -c "$yaml"
	report=$output
	finds fail bpffs "/sys/fs/bpf is not a bpffs" "mount -t bpf bpf /sys/fs/bpf"
	run -0 --separate-stderr in_host unshare --mount sh -c 'umount -l /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf; exec "$@"' sh \
		setpriv --bounding-set -sys_admin "$weir" doctor --json -c "$yaml"
	report=$output
	finds ok bpffs
	# Elsewhere, and not below a bpffs
	sed -i "s|^pins:.*|pins: $dir/pins|" "$yaml"
	examine 1
	finds fail bpffs "$dir is not a bpffs"
}

@test "who has the XDP slot is named, and whether that keeps Weir out" {
	limited
	in_host "$python" "$bpf" attach other wan native "$pins-other"
	examine 0
	finds warn conflicts "taken by other (id " detach
	attach=native limited
	examine 1
	finds fail conflicts "taken by other (id " "attach: auto"
	attach=tc limited
	examine 0
	finds ok conflicts
	rm "$pins-other"
	attach=native limited
	examine 0
	finds ok conflicts
}

@test "a port that another has is told from one that the daemon has" {
	limited
	background listener "$host" "$python" -c 'import socket,time
s = socket.create_server(("127.0.0.1", 9464)); time.sleep(60)'
	eventually 5 listens 9464
	examine 1
	finds fail listen "127.0.0.1:9464 is in use by another program" ss
	kill "$listener"
	wait "$listener" || true
	limited
	start
	examine 0
	finds ok listen "the daemon runs"
}

listens() { in_host ss -ltnH | grep -q ":$1 "; }

@test "what a daemon left is told from what a daemon has" {
	limited
	start
	examine 0
	finds ok pins "of the daemon that runs"
	finds ok conflicts "Weir has the XDP slot"
	finds ok admin-socket "a daemon answers"
	# It was started by root, with everything
	finds warn rights "process $daemon has more"
	crash
	examine 0
	finds warn pins "without a daemon" "weir detach --pins $pins"
	finds ok admin-socket "left over"
	finds skip rights
	"$weir" detach --pins "$pins"
	examine 0
	finds ok pins nothing
	finds ok conflicts
}

@test "a daemon with the capabilities it needs has nothing to be said of" {
	limited
	nsenter --net="/run/netns/$host" setpriv --bounding-set -all,+bpf,+perfmon,+net_admin \
		"$weir" run --log json --no-watch -c "$yaml" 2> "$log" > /dev/null 3>&- < /dev/null &
	daemon=$!
	echo "$daemon" >> "$dir/pids"
	is_ready
	examine 0
	finds ok rights "process $daemon"
}

@test "pins that no daemon can take over keep it from starting" {
	limited
	start
	crash
	rm "$pins/weir_state"
	examine 1
	finds fail pins incomplete "weir detach --pins $pins"
	refuses_to_start 1
	"$weir" detach --pins "$pins"
	examine 0
}

@test "an interface that is down, and one without Ethernet" {
	limited
	ip -n "$host" link set wan down
	examine 0
	finds warn interface down "ip link set wan up"
	ip -n "$host" tuntap add tun9 mode tun
	examine 1 -i tun9
	finds fail interface "does not carry Ethernet"
}

@test "a bridge and its port are two looks at one packet" {
	limited
	ip -n "$host" link add br0 type bridge
	ip -n "$host" link set wan master br0
	examine 0 -i wan -i br0
	jq -e '.checks[] | select(.name == "twice" and .interface == "wan") | .status == "warn"' <<< "$report"
	examine 0 -i wan
	finds ok twice
}

@test "a veth whose other end takes no RST, until it does" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: web, match: [tcp/80], on_limit: reject, limits: {default: [5/s connections]}}
	END
	in_client ethtool -K eth0 gro off
	examine 0
	finds warn reject "takes no RST" gro
	in_client ethtool -K eth0 gro on
	examine 0
	finds ok reject
}

@test "files that others may write or read" {
	limited
	chmod 666 "$yaml"
	examine 0
	finds warn secrets "$yaml can be written by others" "chmod go-w"
	chmod 644 "$yaml"
	install -m 644 /dev/null "$dir/secret"
	redis_world "$host"
	redis_start one
	printf 'cluster: {redis: "unix://%s", secret_file: %s}\n' "$redis_dir/one.sock" "$dir/secret" >> "$yaml"
	head -c 32 /dev/zero | tr '\0' x > "$dir/secret"
	examine 0
	finds warn secrets "cluster.secret_file: $dir/secret can be read by others (mode 0644)" "chmod 0600"
	chmod 600 "$dir/secret"
	examine 0
	finds ok secrets
}

@test "what a checklist of security asks for" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], mode: observe, limits: {default: [5/s packets]}}
	END
	sed -i 's/127.0.0.1:9464/0.0.0.0:9464/' "$yaml"
	SSH_CONNECTION="10.77.0.2 50000 10.77.0.1 2222" KUBERNETES_SERVICE_HOST=10.0.0.1 examine 0
	finds warn exposure "on every interface"
	finds warn mode "only observed" enforce
	finds warn protected-ports "port 2222" "add tcp/2222"
	finds warn on-exit detach keep
	limited '5/s packets' $'protected_ports: [tcp/22, tcp/2222]\non_exit: keep'
	SSH_CONNECTION="10.77.0.2 50000 10.77.0.1 2222" KUBERNETES_SERVICE_HOST=10.0.0.1 examine 0
	finds ok exposure
	finds ok mode
	finds ok protected-ports 2222
	finds ok on-exit
}

# clustered URL
clustered() { limited '1/hour packets burst 5 cluster' "cluster: {redis: \"$1\"}"; }

@test "Redis that is away, refuses the password, is a replica, or is fine" {
	redis_world "$host"
	clustered redis://127.0.0.1:6390
	examine 1
	finds fail redis "127.0.0.1:6390" "see that it runs"
	redis_start one --port 6390 --requirepass right
	clustered redis://:wrong@127.0.0.1:6390
	examine 1
	finds fail redis "" cluster.password_file
	refute grep -q wrong <<< "$report"
	clustered redis://:right@127.0.0.1:6390
	examine 0
	finds ok redis "scripts may write"
	finds ok redis-access "on this host"
	refute grep -q right <<< "$(jq -r '.checks[] | select(.name == "redis")' <<< "$report")"
	# Nothing is left there
	is 0 "$(REDISCLI_AUTH=right redis_cli one DBSIZE)"
}

@test "Redis that lets nobody write, or this user not enough" {
	redis_world "$host"
	redis_start one --port 6390
	redis_start two --port 6391 --replicaof "127.0.0.1 6390"
	redis_until redis_role two slave
	redis_until redis_replica_is_fed two
	clustered redis://127.0.0.1:6391
	examine 1
	finds fail redis "" "that is a replica"
	redis_cli one ACL SETUSER poor on '>pass' '~weir:*' +hello +auth +time +select +role +info +ping +evalsha +eval '+script|load' +get
	clustered redis://poor:pass@127.0.0.1:6390
	examine 1
	finds fail redis "" docs/redis.md
	# The user of docs/redis.md
	redis_cli one ACL SETUSER weir on '>pass' '~weir:*' +evalsha +eval '+script|load' +get +set +del +exists +time +incr +pexpire +pttl \
		+hget +hmget +hset +hdel +hlen +hgetall +zadd +zcard +zrange +zrangebyscore +zrem +zremrangebyscore +zscore \
		+auth +hello +select +role +info +ping '+cluster|slots'
	clustered redis://weir:pass@127.0.0.1:6390
	examine 0
	finds ok redis
}

@test "Redis elsewhere wants a password, and TLS" {
	redis_world "$host"
	redis_start one --port 6390 --bind 10.77.0.1 --protected-mode no
	clustered redis://10.77.0.1:6390
	examine 0
	finds warn redis-access "no password"
	redis_cli one CONFIG SET requirepass right
	clustered redis://:right@10.77.0.1:6390
	examine 0
	finds warn redis-access "in the clear" rediss://
}

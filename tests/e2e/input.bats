#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Bad input: one line that says where, what, and what was expected; and a running daemon keeps what it had.

# shellcheck disable=SC2016 # scripts for another shell and for awk
load lib
setup() { world; }
teardown() { end_of_world; }

# refused TEXT...: at start and by check, in one line, exit 2, nothing made; $output is the line
refused() {
	run -2 --separate-stderr timeout 20 nsenter --net="/run/netns/$host" "$weir" run -c "$yaml"
	is 1 "${#stderr_lines[@]}"
	contains "$stderr" "$@"
	[ ! -e "$pins" ]
	local said=$stderr
	run -2 --separate-stderr "$weir" check "$yaml"
	is "$said" "$stderr"
}

# One table: what is wrong in a service, and what the line must say beside the file
@test "each mistake is one line with file, line, field and what was expected" {
	while IFS='|' read -r text wanted; do
		[ -n "$text" ] || continue
		configure <<< "interfaces: [{name: wan}]
$(printf '%b' "$text")"
		echo "$text"
		refused "$yaml:6: $wanted" "expected"
	done <<- 'END'
		colour: blue|colour: unknown field
		services: [{name: web, match: [tcp/80], limits: {default: [10/s parcels]}}]|services[0].limits.default[0]
		services: [{name: web, match: [tcp/80], limits: {default: [0/s packets]}}]|services[0].limits.default[0]: rate 0
		services: [{name: web, match: [tcp/80], limits: {default: [10/s packets burst 0]}}]|services[0].limits.default[0]: burst 0
		services: [{name: web, match: [tcp/80], limits: {default: [10/fortnight packets]}}]|services[0].limits.default[0]
		services: [{name: web, match: [tcp/99999]}]|services[0].match[0]
		services: [{name: web, match: [tcp/80], limits: {gold: [10/s packets]}}]|services[0].limits
		services: [{name: web, match: [tcp/80]}, {name: shop, match: [tcp/80-90]}]|services[0].match[0]: tcp/80 at any destination is already matched
		tiers: [{name: a}, {name: b, prefixes: [10.0.0.0/8]}, {name: c, prefixes: [10.0.0.0/8]}]|tiers[2].prefixes[0]
		tiers: [{name: a}, {name: b, prefixes: [10.0.0.1/8]}]|tiers[1].prefixes[0]
		deny: [nonsense]|deny[0]
		on_exit: perhaps|on_exit
		log: {level: loud}|log.level
		services: [{name: web, match: [tcp/80], client_prefix: {ipv4: 33}}]|services[0].client_prefix.ipv4
		services: [{name: web, match: [tcp/80], mode: sometimes}]|services[0].mode
	END
}

@test "what is no configuration at all is refused the same: missing, a directory, binary, empty" {
	yaml=$dir/nothing.yaml
	refused "$yaml"
	yaml=$dir/folder
	mkdir "$yaml"
	refused "$yaml" directory
	yaml=$dir/binary
	head -c 4096 "$weir" > "$yaml"
	refused "$yaml"
	yaml=$dir/empty
	: > "$yaml"
	refused "$yaml"
	yaml=$dir/unreadable
	printf 'interfaces: [{name: "wan' > "$yaml"
	refused "$yaml:1"
}

@test "a running daemon keeps what it had through every one of them" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 5]}}
	END
	start
	cp "$yaml" "$dir/good"
	head -c 4096 "$weir" > "$dir/binary"
	: > "$dir/empty"
	printf 'interfaces: [{name: "wan' > "$dir/cut"
	n=0
	for bad in binary empty cut missing; do
		rm -f "$yaml"
		[ ! -e "$dir/$bad" ] || cp "$dir/$bad" "$yaml"
		run -2 --separate-stderr "$weir" reload
		contains "$stderr" "$yaml"
		n=$((n + 1))
		send udp 10.77.0.1 53 --count 10 --from 10.77.128.$n
	done
	rm -f "$yaml"
	mkdir "$yaml"
	run -2 --separate-stderr "$weir" reload
	rmdir "$yaml"
	is 20 "$(udp_received)"
	cp "$dir/good" "$yaml"
	"$weir" reload
	send udp 10.77.0.1 53 --count 10 --from 10.77.128.1
	is 20 "$(udp_received)"
}

@test "10,000 prefixes are fine, fast to start with and fast to reload" {
	prefixes() { seq -f '%.0f' "$1" $(($1 + 9999)) | awk '{ printf "10.%d.%d.%d/32, ", $1 / 65536 % 256, $1 / 256 % 256, $1 % 256 }'; }
	many() {
		configure <<- END
			interfaces: [{name: wan}]
			tiers: [{name: all}, {name: known, prefixes: [$(prefixes "$1") 10.77.128.0/24]}]
			services:
			  - {name: dns, match: [udp/53], limits: {all: [1/hour packets burst 5], known: [1/hour packets burst 9]}}
		END
	}
	many 0
	run -0 "$weir" check "$yaml"
	contains "$output" valid
	start
	send udp 10.77.0.1 53 --count 20
	send udp 10.77.0.1 53 --count 20 --from 10.77.128.1
	is 14 "$(udp_received)"
	many 500000
	before=$(date +%s%N)
	"$weir" reload
	took=$((($(date +%s%N) - before) / 1000000))
	echo "# reload of 10,000 other prefixes: $took ms" >&3
	[ $took -lt 2000 ]
	send udp 10.77.0.1 53 --count 20 --from 10.77.128.1
	is 14 "$(udp_received)"
}

@test "without privileges: names the capabilities, exit 1, nothing left" {
	configure <<< 'interfaces: [{name: wan}]'
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$dir" 2> /dev/null
	chmod 644 "$yaml"
	cp "$weir" "$dir/weir"
	run -1 --separate-stderr timeout 20 nsenter --net="/run/netns/$host" setpriv --reuid 65534 --clear-groups \
		"$dir/weir" run --log text -c "$yaml"
	contains "$stderr" "not permitted without CAP_BPF CAP_NET_ADMIN CAP_PERFMON;"
	[ ! -e "$pins" ]
	[ ! -e "$socket" ]
	# nothing of it is needed to check
	run -0 setpriv --reuid 65534 --clear-groups "$dir/weir" check "$yaml"
}

@test "each capability that is missing is named; a start that failed leaves nothing" {
	configure <<< 'interfaces: [{name: wan}]'
	# CAP_SYS_ADMIN stands for each of them
	for missing in "bpf sys_admin" "net_admin sys_admin" "perfmon sys_admin"; do
		echo "without $missing"
		run -1 --separate-stderr timeout 20 nsenter --net="/run/netns/$host" \
			setpriv --bounding-set "-${missing// /,-}" --inh-caps "-${missing// /,-}" "$weir" run --log text -c "$yaml"
		contains "$stderr" "not permitted without CAP_$(tr '[:lower:]' '[:upper:]' <<< "${missing%% *}");"
		[ ! -e "$pins" ]
		[ ! -e "$socket" ]
		refute has_xdp wan
	done
}

@test "root with just CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON can run it" {
	configure <<< 'interfaces: [{name: wan}]'
	caps="-all,+bpf,+net_admin,+perfmon"
	log=$dir/few.log
	nsenter --net="/run/netns/$host" setpriv --bounding-set "$caps" --inh-caps "$caps" \
		"$weir" run --log json -c "$yaml" 2> "$log" 3>&- < /dev/null &
	daemon=$!
	echo $daemon >> "$dir/pids"
	is_ready
	"$weir" reload
	"$weir" ban 10.77.0.0/16
	stop
}

@test "where no bpffs is mounted at the usual place it is mounted; elsewhere the way is said" {
	local before
	before=$(pins_there)
	configure <<< 'interfaces: [{name: wan}]'
	run -1 --separate-stderr timeout 20 nsenter --net="/run/netns/$host" unshare --mount sh -c \
		'mount -t tmpfs none /sys/fs/bpf && mkdir /sys/fs/bpf/x && sed -i "s#^pins:.*#pins: /sys/fs/bpf/x/weir#" "$2" && exec "$1" run --log text -c "$2"' \
		sh "$weir" "$yaml"
	contains "$stderr" "/sys/fs/bpf/x is not on a bpffs" "mount -t bpf bpf /sys/fs/bpf/x"
	sed -i "s#^pins:.*#pins: /sys/fs/bpf/weir#" "$yaml"
	log=$dir/mounts.log
	nsenter --net="/run/netns/$host" unshare --mount sh -c 'umount -l /sys/fs/bpf; ! mountpoint -q /sys/fs/bpf && exec "$1" run --log json -c "$2"' \
		sh "$weir" "$yaml" 2> "$log" 3>&- < /dev/null &
	daemon=$!
	echo $daemon >> "$dir/pids"
	is_ready
	"$weir" status
	stop
	is "$before" "$(pins_there)"
}

# What this host has at the usual place: perhaps a Weir of its own
pins_there() { stat -c '%i %y' /sys/fs/bpf/weir 2> /dev/null || true; }

@test "wrong arguments end with 2 and say which" {
	run -2 --separate-stderr "$weir" run -c "$yaml" -i wan
	contains "$stderr" --config --interface
	run -2 --separate-stderr "$weir" run --colour
	run -2 --separate-stderr "$weir" frobnicate
	run -1 --separate-stderr in_host "$weir" run -i nothere --socket "$socket"
	contains "$stderr" nothere
}

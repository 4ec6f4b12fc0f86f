#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The host around the daemon breaks: its clock is set, its disk is full, its bpffs is unmounted.

load ../e2e/lib
setup() { world; }
teardown() { end_of_world; }

# start_by COMMAND [ARGUMENT...]: the daemon as COMMAND starts it, which execs what follows
start_by() {
	log=$dir/weir-by.log
	nsenter --net="/run/netns/$host" "$@" "$weir" run --no-watch --log json -c "$yaml" 2> "$log" > "$dir/weir.out" 3>&- < /dev/null &
	daemon=$!
	echo "$daemon" >> "$dir/pids"
	is_ready
}

# mounted WHAT...: start_by with a mount of its own
mounted() {
	# shellcheck disable=SC2016 # the inner shell's
	start_by unshare --mount sh -c 'mount -t "$1" $2 "$1" "$3" && shift 3 && exec "$@"' sh "$@"
}

disk_is() { [ "$(metric 'weir_component_healthy{component="disk"}')" = "$1" ]; }
datapath_is() { [ "$(metric 'weir_component_healthy{component="datapath"}')" = "$1" ]; }
ready_is() { [ "$(get /health/ready -o "$dir/ready" -w '%{http_code}')" = "$1" ]; }

@test "the clock is set a day ahead and two back: limits, bans and health go by another" {
	local library
	library=$(find /usr/lib -name libfaketimeMT.so.1 2> /dev/null | head -1)
	[ -n "$library" ] || skip "faketime is not installed: make deps"
	! nm -D "$weir" 2> /dev/null | grep -q __asan || skip "nothing can be loaded before the address sanitizer"
	limited "1/hour packets burst 5"
	echo +0 > "$dir/clock"
	start_by env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$dir/clock" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
	is 5 "$(sends 20)"
	"$weir" ban 10.9.9.9 --for 1h
	for step in +1 -2; do
		echo "${step}d" > "$dir/clock"
		"$weir" reload
		contains "$(tail -n 1 "$log")" "\"ts\":\"$(date -u -d "$step day" +%F)"
		is 0 "$(sends 20)"
		holds '.bans | length == 1 and (.[0].seconds_left | . > 3000 and . <= 3600)' "$("$weir" bans --json)"
		ready_is 200
	done
	stop
}

@test "a full disk: degraded, then not ready; limits, bans and reloads go on, and it heals" {
	limited "1/hour packets burst 5"
	mounted tmpfs "-o size=1M" /var
	is 5 "$(sends 20)"
	nsenter --mount -t "$daemon" sh -c 'head -c 960k /dev/zero > /var/fill'
	eventually 5 disk_is 0.5
	ready_is 200
	nsenter --mount -t "$daemon" sh -c 'head -c 4M /dev/zero > /var/fill' 2> /dev/null || true
	eventually 5 disk_is 0
	ready_is 503
	contains "$(cat "$dir/ready")" "of /var is free"
	is 200 "$(get /health/live -o "$dir/live" -w '%{http_code}')"
	"$weir" reload
	"$weir" ban 10.9.9.9
	is 0 "$(sends 20)"
	nsenter --mount -t "$daemon" rm /var/fill
	eventually 5 disk_is 1
	ready_is 200
	stop
}

@test "the bpffs is unmounted: limits go on as long as the daemon does, and no longer" {
	mkdir "$dir/bpf"
	pins=$dir/bpf/weir
	limited "1/hour packets burst 5"
	mounted bpf "-o mode=0700" "$dir/bpf"
	is 5 "$(sends 20)"
	datapath_is 1
	nsenter --mount -t "$daemon" umount --lazy "$dir/bpf"
	eventually 5 datapath_is 0.5
	ready_is 200
	contains "$(cat "$dir/ready")" "the pins in $pins are gone" restart
	"$weir" reload
	is 0 "$(sends 20)"
	crash
	eventually 5 all_pass
}

all_pass() { [ "$(sends 20)" = 20 ]; }

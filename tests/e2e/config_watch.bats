#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A configuration that changes is applied without being asked for, and a broken one is not.

load lib
setup() { world; }
teardown() { end_of_world; }

# generation N: the daemon has come to this one
generation() { [ "$("$weir" status --json | jq .generation)" = "$1" ]; }

@test "a file written again, and one put in its place, is in force by itself; a broken one is not" {
	limited "1/hour packets burst 5"
	start -c "$yaml"
	is 5 "$(sends 20)"
	limited "1/hour packets burst 30"
	eventually 3 logged "reloaded $yaml, generation 2"
	is 30 "$(sends 40 --from 10.77.128.1)"

	sed -i 's/burst 30/burst 7/' "$yaml"
	eventually 3 logged "reloaded $yaml, generation 3"
	is 7 "$(sends 40 --from 10.77.128.2)"

	echo "colour: blue" >> "$yaml"
	eventually 3 logged "not reloaded, the old one stays: $yaml:"
	is 7 "$(sends 40 --from 10.77.128.3)"
	is 0 "$(metric weir_config_last_reload_successful)"
	# it is tried once, and again when it is another
	is 1 "$(metric 'weir_config_reloads_total{result="failure"}')"
	sed -i /colour/d "$yaml"
	eventually 3 generation 4
	is 1 "$(metric weir_config_last_reload_successful)"
}

@test "a ConfigMap's volume: each switch of ..data is one reload, none is missed" {
	limited "1/hour packets burst 5"
	map=$dir/map
	mkdir -p "$map/..1"
	cp "$yaml" "$map/..1/weir.yaml"
	ln -s ..1 "$map/..data"
	ln -s ..data/weir.yaml "$map/weir.yaml"
	start -c "$map/weir.yaml"
	# as the kubelet does it: a new directory, a link to it, renamed over the old link; the old directory goes
	for n in 2 3 4; do
		mkdir "$map/..$n"
		sed "s/burst 5/burst $n/" "$yaml" > "$map/..$n/weir.yaml"
		ln -s "..$n" "$map/..data_tmp"
		mv -T "$map/..data_tmp" "$map/..data"
		rm -r "$map/..$((n - 1))"
		eventually 3 generation "$n"
		is "$n" "$(sends 20 --from "10.77.128.$n")"
	done
	is 3 "$(metric 'weir_config_reloads_total{result="success"}')"
}

@test "--no-watch: a changed file waits for the command" {
	limited "1/hour packets burst 5"
	start --no-watch -c "$yaml"
	limited "1/hour packets burst 30"
	sleep 1
	is 5 "$(sends 20)"
	"$weir" reload
	is 30 "$(sends 40 --from 10.77.128.1)"
	generation 2
}

@test "a file that cannot be watched is no reason not to start, and the log says so" {
	limited "1/hour packets burst 5"
	log=$dir/unwatched.log
	# what a host answers whose instances of inotify are all taken
	nsenter --net="/run/netns/$host" strace -o /dev/null -e inject=inotify_init1:error=EMFILE \
		"$weir" run --log json -c "$yaml" 2> "$log" 3>&- < /dev/null &
	echo $! >> "$dir/pids"
	daemon=$!
	is_ready
	pgrep -P "$daemon" >> "$dir/pids"
	logged "cannot watch $yaml: Too many open files; a change is applied by \`weir reload\` only"
	is 5 "$(sends 20)"
	limited "1/hour packets burst 30"
	"$weir" reload
	is 30 "$(sends 40 --from 10.77.128.1)"
}

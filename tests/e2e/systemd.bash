# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A real systemd, first process of namespaces of its own in the network of $host, that runs the installed unit
# with all it says. This host's systemd, where it has one, knows nothing of it.
#
# After world: boot [LINE OF A DROP-IN...]; then ctl, member_of, unit_says. Before end_of_world: halt.

# shellcheck disable=SC2154,SC2016 # lib.bash sets the world; a script for another shell
unit=$BATS_TEST_DIRNAME/../../deploy/systemd/weir.service

# Where cgroup v2 is mounted: alone, or beside the controllers of v1
cgroups() { findmnt -rn -t cgroup2 -o TARGET | head -1; }

# why_not: a reason to skip, or nothing
why_not() {
	[ -x /lib/systemd/systemd ] || { echo "systemd is not installed"; return; }
	[ -n "$(cgroups)" ] || { echo "no cgroup v2 is mounted here"; return; }
	mkdir "$(cgroups)/weir-try-$$" 2> /dev/null || { echo "cgroups cannot be made here"; return; }
	rmdir "$(cgroups)/weir-try-$$"
}

# install_once: `make install` as a packager calls it, into $root
install_once() {
	root=$BATS_FILE_TMPDIR/root
	[ ! -d "$root" ] || return 0
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$root" > "$BATS_FILE_TMPDIR/install.log"
	cp "$weir" "$root/usr/local/sbin/weir"
}

# boot [LINE...]: systemd is up and has the unit; what the drop-in says besides is up to the test
boot() {
	install_once
	cgroup=$(cgroups)/weir-$tag
	mkdir "$cgroup" "$dir/etc"
	cp "$yaml" "$dir/etc/weir.yaml"
	socket=/run/weir/weir.sock
	sed -i "s#admin: [^}]*#admin: $socket#" "$dir/etc/weir.yaml"
	# The journal is not there: the log is a file. Nothing else of this host is to be started.
	printf '%s\n' '[Unit]' DefaultDependencies=no '[Service]' "StandardError=append:$dir/weir.log" "$@" > "$dir/drop-in"
	log=$dir/weir.log
	touch "$log"
	export container=weir-test
	nsenter --net="/run/netns/$host" sh -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' sh "$cgroup" \
		unshare --mount --pid --uts --ipc --cgroup --fork --propagation private \
		bash "$BATS_TEST_DIRNAME/systemd_init.sh" "$root" "$dir" > "$dir/init.log" 2>&1 3>&- < /dev/null &
	echo $! >> "$dir/pids"
	init=
	eventually 10 first_process $!
	echo "$init" >> "$dir/pids"
	eventually 10 answers
	export WEIR_SOCKET=/proc/$init/root$socket
	daemon=
}

first_process() { init=$(pgrep -P "$1" -f '^/lib/systemd/systemd'); }

answers() { ctl list-units > /dev/null 2>&1; }

# inside COMMAND...: where systemd is
inside() { nsenter -t "$init" --mount --pid --net --uts --ipc --cgroup "$@"; }
ctl() { inside systemctl "$@"; }

# up: the unit is started, as systemd sees it; its pid, as seen from here, is in $daemon
up() {
	ctl start weir || { cat "$log"; return 1; }
	find_daemon
}

find_daemon() {
	daemon=$(cat "$cgroup/system.slice/weir.service/cgroup.procs")
	[ -n "$daemon" ]
}

# another_daemon: not the one of before
another_daemon() {
	local before=$daemon
	if find_daemon 2> /dev/null && [ "$daemon" != "$before" ] && [ "$(is_now)" = active ]; then
		return 0
	fi
	daemon=$before
	return 1
}

is_now() { ctl show -P ActiveState weir; }

# unit_says NAME: the value in the unit file
unit_says() { sed -n "s/^$1=//p" "$unit"; }

# halt: nothing of it is left
halt() {
	[ -d "${cgroup-/none}" ] || return 0
	[ -z "${init-}" ] || kill -KILL "$init" 2> /dev/null
	eventually 5 remove_cgroups
}

remove_cgroups() {
	find "$cgroup" -depth -type d -exec rmdir {} + 2> /dev/null
	[ ! -d "$cgroup" ]
}

# journal: after boot, before up; the unit needs StandardError=journal
journal() {
	# Nothing of this host's is read, and nothing is left of it
	inside mkdir -p /etc/systemd/journald.conf.d
	printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\n' | inside tee /etc/systemd/journald.conf.d/test.conf > /dev/null
	echo 0123456789abcdef0123456789abcdef | inside tee /etc/machine-id > /dev/null
	inside /lib/systemd/systemd-journald > "$dir/journald.log" 2>&1 3>&- < /dev/null &
	echo $! >> "$dir/pids"
	eventually 5 inside test -S /run/systemd/journal/stdout
}

# journaled [OPTION...]: priority and message of each entry of the unit
journaled() { inside journalctl -u weir -o json "$@" | jq -r 'select(._TRANSPORT == "stdout" and .SYSLOG_IDENTIFIER == "weir") | .PRIORITY + " " + .MESSAGE'; }

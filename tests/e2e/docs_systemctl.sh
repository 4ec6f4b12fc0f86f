#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# systemctl for a host without systemd, as far as the docs go: does to the unit weir, as it was installed, what the
# real one would. systemd.bats has the real one.
set -euo pipefail
unit=/usr/local/lib/systemd/system/weir.service

# exec_of NAME: the command that the unit says
exec_of() { sed -n "s/^$1=//p" "$unit" | sed "s/\$MAINPID/$(pidof weir || true)/"; }

stop() {
	local _
	pkill -TERM -x weir || return 0
	for _ in {1..1000}; do
		pgrep -x weir > /dev/null || return 0
		sleep 0.02
	done
	echo "weir does not stop" >&2
	return 1
}

start() {
	local log _
	stop
	log=$(mktemp)
	# shellcheck disable=SC2046 # words
	setsid $(exec_of ExecStart) > "$log" 2>&1 < /dev/null &
	for _ in {1..1000}; do
		! grep -q ready "$log" || return 0
		kill -0 $! 2> /dev/null || break
		sleep 0.02
	done
	cat "$log" >&2
	return 1
}

verb=$1
shift
for word; do
	case $word in
	--now) now=yes ;;
	weir | weir.service) ;;
	*) echo "docs_systemctl.sh knows nothing of $word" >&2 && exit 1 ;;
	esac
done
[ -e "$unit" ] || { echo "the unit weir is not installed" >&2 && exit 1; }
case $verb in
daemon-reload) ;;
enable) [ -z "${now-}" ] || start ;;
start | restart) start ;;
stop) stop ;;
reload)
	# shellcheck disable=SC2091 # it is what the unit says
	$(exec_of ExecReload)
	;;
status | is-active) pgrep -x weir ;;
*) echo "docs_systemctl.sh does not know systemctl $verb" >&2 && exit 1 ;;
esac

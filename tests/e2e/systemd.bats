#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The unit as it is installed, run by a real systemd with all of its restrictions.

load lib
load systemd
setup() {
	reason=$(why_not)
	[ -z "$reason" ] || skip "$reason"
	world
}
teardown() {
	halt
	end_of_world
}

@test "make install: everything in its place, under DESTDIR, PREFIX and SYSCONFDIR; a configuration stays" {
	install_once
	is 755 "$(stat -c %a "$root/usr/local/sbin/weir")"
	is 640 "$(stat -c %a "$root/etc/weir/weir.yaml")"
	for file in systemd/system/weir.service sysusers.d/weir.conf tmpfiles.d/weir.conf; do
		is 644 "$(stat -c %a "$root/usr/local/lib/$file")"
	done
	cmp "$root/usr/local/lib/systemd/system/weir.service" "$unit"
	is "$root" "$(find "$BATS_FILE_TMPDIR" -mindepth 1 -maxdepth 1 -type d)"

	echo '# mine' > "$root/etc/weir/weir.yaml"
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$root" > "$dir/again"
	is '# mine' "$(cat "$root/etc/weir/weir.yaml")"
	contains "$(cat "$dir/again")" "left alone"

	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$dir/other" PREFIX=/usr SYSCONFDIR=/opt/etc > "$dir/other.log"
	is "/usr/sbin/weir run --no-watch --config /opt/etc/weir/weir.yaml" \
		"$(sed -n 's/^ExecStart=//p' "$dir/other/usr/lib/systemd/system/weir.service")"
	grep -q '^d /opt/etc/weir ' "$dir/other/usr/lib/tmpfiles.d/weir.conf"
	rm "$root/etc/weir/weir.yaml"
}

@test "systemd-analyze security: exposure under 2.5, and verify has nothing to say" {
	run -0 systemd-analyze security --offline=true --threshold=25 --no-pager "$unit"
	echo "# ${lines[-1]}" >&3
	# it can fail
	sed '/^SystemCallFilter/d; /^CapabilityBoundingSet/d' "$unit" > "$dir/weir.service"
	refute systemd-analyze security --offline=true --threshold=25 --no-pager "$dir/weir.service" > /dev/null
	install_once
	limited
	boot
	run -0 inside systemd-analyze verify --man=no weir.service
	is "" "$output"
}

@test "started by systemd: ready when limits hold, with the unit's rights and no more" {
	limited "1/hour packets burst 5"
	boot
	up
	is 5 "$(sends 20)"
	is active "$(is_now)"

	status=/proc/$daemon/status
	wanted=$(unit_says CapabilityBoundingSet | tr ' ' '\n' | tr '[:upper:]' '[:lower:]' | sort)
	is "$wanted" "$(capsh --decode="$(awk '$1 == "CapBnd:" { print $2 }' "$status")" | sed 's/.*=//' | tr , '\n' | sort)"
	is "$(awk '$1 == "CapBnd:" { print $2 }' "$status")" "$(awk '$1 == "CapEff:" { print $2 }' "$status")"
	is 1 "$(awk '$1 == "NoNewPrivs:" { print $2 }' "$status")"
	is 2 "$(awk '$1 == "Seccomp:" { print $2 }' "$status")"
	# it sees a world that it cannot change, but for the pins and its own directory
	is "read-only" "$(access_of /)"
	is "read-only" "$(access_of /etc)"
	is "read-only" "$(access_of /sys)"
	is "read-only" "$(access_of /proc/sys)"
	is "writable" "$(access_of /sys/fs/bpf)"
	is "writable" "$(access_of /run/weir)"
}

# access_of PATH: as the daemon has it mounted
access_of() {
	findmnt -rn -N "$daemon" -o OPTIONS -T "$1" | tail -1 | grep -qw ro && echo read-only || echo writable
}

@test "the admin socket is for root and the group weir" {
	limited
	boot
	up
	is "660 root weir" "$(inside stat -c '%a %U %G' /run/weir/weir.sock)"
	is "750 root weir" "$(inside stat -c '%a %U %G' /run/weir)"
	is "750 root weir" "$(inside stat -c '%a %U %G' /etc/weir)"
	is "640 root weir" "$(inside stat -c '%a %U %G' /etc/weir/weir.yaml)"
	group=$(inside getent group weir | cut -d: -f3)
	as() { inside setpriv --reuid 65534 --regid "$1" --clear-groups env -u WEIR_SOCKET /usr/local/sbin/weir status; }
	as "$group" > /dev/null
	refute as 65534 > /dev/null
}

@test "each capability of the unit is needed: without it the start fails and names it" {
	limited
	boot
	mkdir "$dir/drop"
	all=$(unit_says CapabilityBoundingSet)
	for without in $all; do
		: > "$log"
		printf '[Service]\nCapabilityBoundingSet=\nCapabilityBoundingSet=%s\nRestart=no\n' "${all/$without/}" > "$dir/fewer.conf"
		inside cp "$dir/fewer.conf" /etc/systemd/system/weir.service.d/
		ctl daemon-reload
		refute ctl start weir
		logged "not permitted without $without;"
		is failed "$(is_now)"
	done
	[ ! -e "$pins" ]
	inside rm /etc/systemd/system/weir.service.d/fewer.conf
	ctl daemon-reload
	up
}

@test "nothing that the daemon does is met by the filter of system calls" {
	limited "1/hour packets burst 5" "upstreams:
		  - {name: api, endpoints: ['127.0.0.1:80', 'localhost:80', '[::1]:80'], breaker: {consecutive_failures: 5, recovery: 1s},
		     probe: {path: /, expect: 200, interval: 1s, timeout: 500ms}}"
	expand -t 2 "$yaml" > "$dir/spaces" && cp "$dir/spaces" "$yaml"
	web
	# here what is refused is not answered by an error, which the daemon may get over, but ends it
	boot SystemCallErrorNumber=kill Restart=no
	up
	is 5 "$(sends 20)"
	"$weir" ban 10.77.129.0/24 --for 1h
	"$weir" breaker open api --for 1m
	background events "$host" "$weir" events --count 1
	until stopped "$events"; do sends 3 > "$dir/more"; done
	for command in bans breakers "top --once --flows" "latency --once api" "unban 10.77.129.0/24"; do
		# shellcheck disable=SC2086 # words
		timeout 20 "$weir" $command > "$dir/told"
	done
	get /metrics | grep -q '^weir_upstream_'
	"$weir" reload
	sleep 2 # probes, scans, names
	is active "$(is_now)"
	ctl stop weir
	is success "$(ctl show -P Result weir)"
	# it can fail
	printf '[Service]\nSystemCallFilter=~bpf\n' > "$dir/fewer.conf"
	inside cp "$dir/fewer.conf" /etc/systemd/system/weir.service.d/
	ctl daemon-reload
	refute ctl start weir
	is 31 "$(ctl show -P ExecMainStatus weir)" # SIGSYS
}

@test "systemctl restart under traffic, with on_exit: keep: not a packet over the limit" {
	limited "1/hour packets burst 5" "on_exit: keep"
	boot
	up
	keep_sending 53 --rate 2000
	for _ in 1 2; do
		ctl restart weir
	done
	ctl stop weir
	is inactive "$(is_now)"
	before=$(udp_received)
	sleep 1
	is "$before" "$(udp_received)"
	up
	end_sending
	is 5 "$(udp_received)"
	holds ".passed == 5" "$(verdicts dns)"
}

@test "kill -9 under traffic: systemd starts the next one, which adopts; not a packet over the limit" {
	limited "1/hour packets burst 5"
	boot
	up
	keep_sending 53 --rate 2000
	for _ in 1 2; do
		kill -KILL "$daemon"
		eventually 10 another_daemon
	done
	end_sending
	is 5 "$(udp_received)"
	is 2 "$(ctl show -P NRestarts weir)"
}

@test "a daemon that hangs is ended by the watchdog, and the next one adopts what it left" {
	limited "1/hour packets burst 5"
	is 30 "$(unit_says WatchdogSec)"
	# the same, but one need not wait for it
	boot WatchdogSec=3 TimeoutAbortSec=1
	up
	is 5 "$(sends 20)"
	sleep 5 # it answers
	is 0 "$(ctl show -P NRestarts weir)"
	kill -STOP "$daemon"
	eventually 10 another_daemon
	is 1 "$(ctl show -P NRestarts weir)"
	is 0 "$(sends 20)"
}

@test "systemctl reload: a good file is in force, a broken one fails and changes nothing" {
	limited "1/hour packets burst 5"
	boot
	up
	inside sed -i 's/burst 5/burst 30/' /etc/weir/weir.yaml
	ctl reload weir
	is 30 "$(sends 40)"
	echo "colour: blue" | inside tee -a /etc/weir/weir.yaml > /dev/null
	refute ctl reload weir
	is active "$(is_now)"
	is 30 "$(sends 40 --from 10.77.128.1)"
}

@test "a port below 1024 needs one more capability, which a drop-in adds" {
	limited "1/hour packets burst 5"
	sed -i 's/127.0.0.1:9464/127.0.0.1:81/' "$yaml"
	boot Restart=no
	refute ctl start weir
	logged "need CAP_NET_BIND_SERVICE"
	printf '[Service]\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n' > "$dir/more.conf"
	inside cp "$dir/more.conf" /etc/systemd/system/weir.service.d/
	ctl daemon-reload
	up
	is 200 "$(in_host curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:81/health/ready)"
}

@test "a broken configuration is not tried again and again; an interface that is away is" {
	limited "1/hour packets burst 5" "colour: blue"
	boot RestartSec=100ms
	refute ctl start weir
	is failed "$(is_now)"
	is 2 "$(ctl show -P ExecMainStatus weir)"
	is 0 "$(ctl show -P NRestarts weir)"

	inside sed -i '/colour/d; s/name: wan/name: late/' /etc/weir/weir.yaml
	ctl start --no-block weir
	eventually 10 tried_again
	ip link add late netns "$host" type veth peer name late0 netns "$client"
	eventually 10 up
}

tried_again() { [ "$(ctl show -P NRestarts weir)" -gt 2 ]; }

@test "the journal: each line with its priority, without a second time; in JSON as well" {
	limited "1/hour packets burst 5"
	boot StandardError=journal
	journal
	up
	echo "colour: blue" | inside tee -a /etc/weir/weir.yaml > /dev/null
	refute env WEIR_REQUEST_ID=deploy-42 "$weir" reload
	eventually 5 is_journaled "^3 config: \[deploy-42\] not reloaded, the old one stays: /etc/weir/weir.yaml"
	is_journaled "^6 daemon: ready: "
	is 1 "$(journaled -p err | wc -l)"
	contains "$(inside journalctl -u weir -p err -o cat -g deploy-42)" "config: [deploy-42] not reloaded"
	ctl stop weir
	# a start that fails is one line of an error
	refute ctl start weir
	eventually 5 is_journaled "^3 /etc/weir/weir.yaml:[0-9]*: .*colour"
	is 2 "$(journaled -p err | wc -l)"

	inside sed -i 's/^colour.*/log: {format: json, level: debug}/' /etc/weir/weir.yaml
	up
	"$weir" status > "$dir/status"
	eventually 5 is_journaled '^7 {"ts":"[-0-9T:.]*Z","level":"debug","component":"http","request_id":"[0-9a-f]*","msg":"GET /v1/status'
	is_journaled '^6 {"ts":.*"msg":"ready: '
}

is_journaled() { journaled | grep -q -- "$1"; }

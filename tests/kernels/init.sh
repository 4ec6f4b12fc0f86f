#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The first process of a kernel under test: two ends of a veth, weir on one, pings through it. Each
# line "ok ..." or "not ok ..." is a result; the last line is "done".
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /run /tmp /var /run/netns
mount -t tmpfs run /run
mkdir -p /sys/fs/bpf
for module in veth sch_ingress cls_bpf; do find /lib/modules -name "$module.ko*" -exec insmod {} \;; done

say() { # RESULT NAME
	if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2"; fi
}

# A network namespace that lives as long as a sleeping process in it
unshare -n sleep 1000 &
other=$!
sleep 1
/usr/sbin/ip link add v0 type veth peer name v1
/usr/sbin/ip link set v1 netns $other
/usr/sbin/ip addr add 10.9.0.1/24 dev v0
/usr/sbin/ip link set v0 up
there() { nsenter -t $other -n "$@"; }
there /usr/sbin/ip addr add 10.9.0.2/24 dev v1
there /usr/sbin/ip link set v1 up

run() { # ATTACH
	cat >/run/weir.yaml <<EOF
interfaces: [{name: v0, attach: $1}]
services: [{name: ping, match: [icmp], limits: {default: [5/hour packets]}}]
http: {listen: "off", admin: /run/weir.sock}
table: {clients: 4096}
EOF
	weir run -c /run/weir.yaml --log text >/run/weir.log 2>&1 &
	daemon=$!
	for _ in $(seq 300); do # emulated: seconds, not milliseconds
		grep -q ready: /run/weir.log && return 0
		sleep 0.2
	done
	cat /run/weir.log
	return 1
}

filters() { for way in ingress egress; do /usr/sbin/tc filter show dev v0 $way; done; }

uname -r
for attach in native generic tc; do
	run $attach
	say $? "$attach: starts"
	grep attached, /run/weir.log
	followed=$(weir status --socket /run/weir.sock --json | grep -o '"weir_flow_[a-z]*"' | sort | xargs)
	[ "$followed" = "weir_flow_in weir_flow_out" ]
	say $? "$attach: telemetry is attached (saw $followed; $(filters | grep -c weir_flow) filters of it)"
	received=$(there ping -c 8 -i 0.2 -W 1 10.9.0.1 | grep -c 'bytes from')
	[ "$received" = 5 ]
	say $? "$attach: five of eight pings pass (saw $received)"
	kill $daemon
	wait $daemon
	[ ! -e /sys/fs/bpf/weir ] && [ -z "$(filters)" ]
	say $? "$attach: leaves nothing"
done
echo "done"
reboot -f

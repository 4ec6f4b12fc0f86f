#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The first process of a kernel under test: two ends of a veth, weir on one, pings through it, and calls that a breaker rejects. Each
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
/usr/sbin/ip addr add fd09::1/64 dev v0 nodad
/usr/sbin/ip link set v0 up
for address in 10.9.0.3 fd09::3; do /usr/sbin/ip neigh replace $address lladdr 02:00:00:00:00:03 dev v0; done
there() { nsenter -t $other -n "$@"; }
there /usr/sbin/ip addr add 10.9.0.2/24 dev v1
there /usr/sbin/ip addr add fd09::2/64 dev v1 nodad
there /usr/sbin/ip link set v1 up

run() { # ATTACH
	cat >/run/weir.yaml <<EOF
interfaces: [{name: v0, attach: $1}]
services: [{name: ping, match: [icmp], limits: {default: [5/hour packets]}}]
upstreams:
  - {name: api, endpoints: ["10.9.0.3:80", "[fd09::3]:80"]}
  - {name: dns, protocol: udp, endpoints: ["10.9.0.3:53", "[fd09::3]:53"]}
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

# Rejected by the kernel here: nobody is there who could refuse. The errors are as many as the limit on ICMP lets pass from one
# address, for generic XDP takes them for the endpoint's.
rejected() { # connect|send PORT PROTOCOL
	for address in 10.9.0.3 fd09::3; do
		gate set /sys/fs/bpf/weir $address "$2" "$3" reject 0 600
		gate "$1" $address "$2" 5 >/run/calls 2>&1
		grep -q '"ECONNREFUSED":5,' /run/calls || return 1
		gate show /sys/fs/bpf/weir $address "$2" "$3" | grep -q '"rejected":5,' || return 1
	done
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
	rejected connect 80 tcp && rejected send 53 udp
	say $? "$attach: calls to an open breaker are refused (saw $(cat /run/calls))"
	kill $daemon
	wait $daemon
	[ ! -e /sys/fs/bpf/weir ] && [ -z "$(filters)" ]
	say $? "$attach: leaves nothing"
done
echo "done"
reboot -f

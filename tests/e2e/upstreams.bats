#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Endpoints of upstreams, from the names in the file to addresses in the kernel. The daemon runs with an /etc/hosts
# and an /etc/resolv.conf of its own, so that names come, change and go as each test wants.

load lib
setup() {
	world
	echo 'hosts: files dns' > "$dir/nsswitch.conf"
	echo 'nameserver 127.0.0.1' > "$dir/resolv.conf" # where nobody listens: no answer, at once
	names
	cat > "$dir/weir-here" <<- END
		#!/bin/sh
		exec unshare --mount sh -c '
			for file in hosts resolv.conf nsswitch.conf; do
				mount --bind "$dir/\$file" "/etc/\$file" || exit
			done
			exec "$weir" "\$@"' weir "\$@"
	END
	chmod +x "$dir/weir-here"
}
teardown() { end_of_world; }

# names ["ADDRESS NAME"...]: what the daemon's /etc/hosts says from now on, in place, for it is mounted there
names() { printf '%s\n' '127.0.0.1 localhost' "$@" > "$dir/hosts"; }

# start_here: as start, with these files
start_here() {
	local weir=$dir/weir-here
	start
}

# addresses: of endpoints in the kernel, "ADDRESS PORT PROTOCOL" sorted, one a line
addresses() {
	"${BPFTOOL:-/usr/sbin/bpftool}" -j map dump pinned "$pins/weir_endpoints" | "$python" -c '
import ipaddress, json, sys
for entry in json.load(sys.stdin):
    key = bytes(int(byte, 16) for byte in entry["key"])
    address = ipaddress.IPv6Address(key[:16])
    print(address.ipv4_mapped or address, int.from_bytes(key[16:18], sys.byteorder), key[18])' | LC_ALL=C sort
}

# has LINE...: just these are in the kernel
has() { [ "$(addresses)" = "$([ $# = 0 ] || printf '%s\n' "$@")" ]; }

said() { grep -c -- "$1" "$log" || true; }

upstreams() { # LINE...
	configure <<- END
		interfaces: [{name: wan}]
		services: [{name: dns, match: [udp/53], limits: {default: [1/min packets burst 5]}}]
		upstreams:
		$(printf '  - %s\n' "$@")
	END
}

@test "numbers and names become addresses; both families, TCP and UDP" {
	names "10.9.0.1 api.test" "fd09::1 api.test" "10.9.0.1 again.test"
	upstreams '{name: api, endpoints: ["10.9.0.9:80", "[fd09::9]:81", "API.test:443"]}' \
		'{name: dns, protocol: udp, endpoints: ["api.test:53"]}'
	start_here
	eventually 3 has "10.9.0.1 443 6" "10.9.0.1 53 17" "10.9.0.9 80 6" "fd09::1 443 6" "fd09::1 53 17" "fd09::9 81 6"
	is 0 "$(said 'does not resolve')"
}

@test "a name that changes, goes and comes back: the kernel follows, keeps, follows; each change is said once" {
	names "10.9.0.1 api.test" "10.9.0.2 api.test"
	upstreams '{name: api, endpoints: ["api.test:443", "10.9.0.9:80"]}'
	start_here
	eventually 3 has "10.9.0.1 443 6" "10.9.0.2 443 6" "10.9.0.9 80 6"
	names "10.9.0.2 api.test" "fd09::3 api.test"
	"$weir" reload
	eventually 3 has "10.9.0.2 443 6" "10.9.0.9 80 6" "fd09::3 443 6"

	names
	"$weir" reload
	eventually 3 logged 'api.test does not resolve: .*; keeping the 2 addresses it had'
	has "10.9.0.2 443 6" "10.9.0.9 80 6" "fd09::3 443 6"
	"$weir" reload
	"$weir" reload
	names "10.9.0.2 api.test" "fd09::3 api.test"
	"$weir" reload
	eventually 3 logged 'api.test resolves again: 2 addresses'
	names "10.9.0.4 api.test"
	"$weir" reload
	eventually 3 has "10.9.0.4 443 6" "10.9.0.9 80 6"
	is 1 "$(said 'does not resolve')"
	is 1 "$(said 'resolves again')"
}

@test "names are looked up again every 30 s, without being told" {
	names "10.9.0.1 api.test"
	upstreams '{name: api, endpoints: ["api.test:443"]}'
	start_here
	eventually 3 has "10.9.0.1 443 6"
	names "10.9.0.2 api.test"
	sleep 25
	has "10.9.0.1 443 6"
	eventually 5 has "10.9.0.2 443 6"
}

@test "a name that never resolved has no address, says so once, and gets them when it does" {
	upstreams '{name: api, endpoints: ["api.test:443", "10.9.0.9:80"]}'
	start_here
	eventually 3 logged 'api.test does not resolve: .*; it has no address yet'
	has "10.9.0.9 80 6"
	"$weir" reload
	names "10.9.0.1 api.test"
	"$weir" reload
	eventually 3 logged 'api.test resolves: 1 address'
	eventually 3 has "10.9.0.1 443 6" "10.9.0.9 80 6"
	is 1 "$(said 'does not resolve')"
}

@test "a reload changes the endpoints at once: what is gone is gone when it returns, what is new is there" {
	names "10.9.0.1 api.test"
	upstreams '{name: api, endpoints: ["api.test:443", "10.9.0.9:80", "10.9.0.8:80"]}'
	start_here
	eventually 3 has "10.9.0.1 443 6" "10.9.0.8 80 6" "10.9.0.9 80 6"
	names # what stays keeps its addresses until it resolves anew
	upstreams '{name: web, endpoints: ["10.9.0.8:80"]}' '{name: api, endpoints: ["10.9.0.7:80", "api.test:443"]}'
	"$weir" reload
	has "10.9.0.1 443 6" "10.9.0.7 80 6" "10.9.0.8 80 6"
	upstreams '{name: api, endpoints: ["10.9.0.7:80"]}'
	echo 'latency: {enabled: false}' >> "$yaml"
	"$weir" reload
	has
}

@test "a broken reload leaves the endpoints alone" {
	upstreams '{name: api, endpoints: ["10.9.0.9:80"]}'
	start_here
	has "10.9.0.9 80 6"
	upstreams '{name: api, endpoints: ["10.9.0.9"]}'
	run -2 --separate-stderr "$weir" reload
	contains "$stderr" "upstreams[0].endpoints[0]" "has no port"
	has "10.9.0.9 80 6"
}

@test "after a crash the next daemon keeps what a name had, should it not resolve just then" {
	names "10.9.0.1 api.test" "10.9.0.2 api.test"
	upstreams '{name: api, endpoints: ["api.test:443", "10.9.0.9:80"]}'
	start_here
	eventually 3 has "10.9.0.1 443 6" "10.9.0.2 443 6" "10.9.0.9 80 6"
	crash
	names
	upstreams '{name: web, endpoints: ["10.9.0.8:80"]}' '{name: api, endpoints: ["api.test:443"]}'
	start_here
	eventually 3 logged 'api.test does not resolve: .*; keeping the 2 addresses it had'
	has "10.9.0.1 443 6" "10.9.0.2 443 6" "10.9.0.8 80 6"
}

@test "silent name servers delay neither limits, nor the start, nor a reload, nor the end" {
	local begin
	background silent "$host" "$python" -c '
import socket, time
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", 53))
time.sleep(600)'
	eventually 3 grep -q ':0035 ' "/proc/$silent/net/udp"
	upstreams '{name: api, endpoints: ["a.test:1", "b.test:1", "c.test:1", "d.test:1", "e.test:1", "10.9.0.9:80"]}'
	begin=$(date +%s%N)
	start_here
	# resolv.conf(5): two tries of 5 s. Who waits for a name waits for 10
	[ $((($(date +%s%N) - begin) / 1000000)) -lt 8000 ]
	has "10.9.0.9 80 6"
	is 0 "$(said 'does not resolve')"
	send udp 10.77.0.1 53 --count 20 > "$dir/sent"
	is 5 "$(udp_received)"
	upstreams '{name: api, endpoints: ["f.test:1", "10.9.0.8:80"]}'
	begin=$(date +%s%N)
	"$weir" reload
	has "10.9.0.8 80 6"
	stop
	[ $((($(date +%s%N) - begin) / 1000000)) -lt 8000 ]
}

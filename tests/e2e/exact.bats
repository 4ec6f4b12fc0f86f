#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir-test: alone
#
# The limit is the limit: what passes is burst + rate x time, whatever is offered. Time is the sender's
# CLOCK_MONOTONIC, which is the limiter's.

load lib
setup() { world; }
teardown() { end_of_world; }

@test "at 1000/s, of 1100, 1500 and 1900 offered 1000 pass, within 1 %" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: a, match: [udp/1100], limits: {default: [1000/s packets burst 100]}}
		  - {name: b, match: [udp/1500], limits: {default: [1000/s packets burst 100]}}
		  - {name: c, match: [udp/1900], limits: {default: [1000/s packets burst 100]}}
	END
	start
	for rate in 1100 1500 1900; do
		background "sender_$rate" "$client" "$python" "$traffic" udp 10.77.0.1 $rate --seconds 4 --rate $rate \
			--bucket 1000 100
	done
	wait "$sender_1100" "$sender_1500" "$sender_1900"
	status=$(status_now)
	for rate in 1100 1500 1900; do
		passed=$(jq '.services[] | select([.name] | inside(["a","b","c"])) | .passed.packets' <<< "$status" |
			sed -n "$(((rate - 700) / 400))p")
		echo "# offered $rate/s: $passed passed of $(cat "$dir/sender_$rate.out")"
		passes_exactly "$(cat "$dir/sender_$rate.out")" 1000 100 "$passed"
	done
}

@test "1, 2 and 3 a second are held as exactly as 1000, and 5 an hour is 5" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: one, match: [udp/1], limits: {default: [1/s packets]}}
		  - {name: two, match: [udp/2], limits: {default: [2/s packets]}}
		  - {name: three, match: [udp/3], limits: {default: [3/s packets]}}
		  - {name: hour, match: [udp/5], limits: {default: [5/hour packets]}}
	END
	start
	bucket=([1]=1 [2]=2 [3]=3 [5]=0.00138889) burst=([1]=1 [2]=2 [3]=3 [5]=5)
	for port in 1 2 3 5; do
		background "sender_$port" "$client" "$python" "$traffic" udp 10.77.0.1 $port --seconds 3.5 --rate 97 \
			--bucket "${bucket[$port]}" "${burst[$port]}"
	done
	wait "$sender_1" "$sender_2" "$sender_3" "$sender_5"
	status=$(status_now)
	got=$(jq -c '[.services[] | select(.name != "other") | .passed.packets]' <<< "$status")
	due=$(for port in 1 2 3 5; do cat "$dir/sender_$port.out"; done | jq -sc 'map(.due)')
	echo "# passed $got, due $due" >&3
	# burst N, then one each 1/N s: 1 + 3, 2 + 7 (or 6, when the last is a hair away), 3 + 10
	holds '.[0] <= 4 and .[1] <= 9 and .[2] <= 13 and .[3] == 5' "$got"
	if [ "${due/9/8}" = '[4,8,13,5]' ]; then
		is '[4,8,13,5]' "${got/9/8}"
	else # the sender had to wait for a processor
		holds 'transpose | map(.[0] - .[1] | . >= -1 and . <= 1) | all' "[$got,$due]"
	fi
}

@test "a burst across the edge of a second passes burst + 1 at most" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [100/s packets burst 100]}}
	END
	start
	# 100 late in one second of the wall clock, 100 early in the next
	sleep "$(date +%N | awk '{ print (1995000000 - $1) % 1000000000 / 1e9 }')"
	sent=$(send udp 10.77.0.1 53 --count 200)
	passed=$(udp_received)
	most=$(jq '100 + (.seconds * 100 | ceil) + 1 | floor' <<< "$sent")
	[ "$passed" -ge 100 ] && [ "$passed" -le "$most" ] || { echo "$passed passed, of $sent"; false; }
}

@test "the same in bytes: 1 MB/s passes 1 MB/s" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1MB/s bytes burst 100kB]}}
	END
	start
	sent=$(send udp 10.77.0.1 53 --seconds 2 --rate 1700 --size 958 --bucket 1000 100)
	passes_exactly "$sent" 1000 100 "$(udp_received)"
}

@test "the same in connections, over real TCP: 200/s passes 200/s" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: web, match: [tcp/80], on_limit: reject, limits: {default: [200/s connections burst 20]}}
	END
	start
	web
	answers_arrive
	sent=$(send connect 10.77.0.1 80 --seconds 2 --rate 350 --timeout 3 --bucket 200 20)
	echo "$sent"
	passes_exactly "$sent" 200 20 "$(jq .ok <<< "$sent")"
	holds '.silent == 0 and .refused > 200' "$sent"
}

@test "tags, options, extension headers, fragments: the same packet has the same verdict, over the wire" {
	configure <<- END
		interfaces: [{name: wan}]
		services:
		  - {name: dns, match: [udp/53], limits: {default: [1/hour packets burst 3]}}
		  - {name: other, limits: {default: [1/hour packets burst 1]}}
	END
	start
	ether="Ether(dst='$host_mac',src='$client_mac')"
	udp4="UDP(dport=53)/(b'x'*16)" from=10.77.0.2
	for tags in '' 'Dot1Q(vlan=5)/' 'Dot1Q(vlan=5)/Dot1Q(vlan=6)/' 'Dot1AD(vlan=4)/Dot1Q(vlan=5)/Dot1Q(vlan=6)/'; do
		frames+="$ether/${tags}IP(src='$from',dst='10.77.0.1')/$udp4,"
		frames+="$ether/${tags}IP(src='$from',dst='10.77.0.1',options=[IPOption_NOP()]*8)/$udp4,"
		frames+="$ether/${tags}IP(src='$from',dst='10.77.0.1',flags='MF')/$udp4,"
		frames6+="$ether/${tags}IPv6(src='fd77::2',dst='fd77::1')/$udp4,"
		frames6+="$ether/${tags}IPv6(src='fd77::2',dst='fd77::1')/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/$udp4,"
		frames6+="$ether/${tags}IPv6(src='fd77::2',dst='fd77::1')/IPv6ExtHdrFragment(m=1,id=7)/$udp4,"
	done
	send raw eth0 "[$frames]"
	is '{"limited":9,"passed":3}' "$(verdicts dns | jq -cS)"
	send raw eth0 "[$frames6]"
	is '{"limited":18,"passed":6}' "$(verdicts dns | jq -cS)"
	# ICMPv6 and later fragments are clients of `other`, limited too
	send raw eth0 "[$ether/IPv6(src='fd77::2',dst='fd77::1')/ICMPv6EchoRequest(),$ether/IPv6(src='fd77::2',dst='fd77::1')/IPv6ExtHdrFragment(offset=9,id=7)/(b'x'*16)]" --count 3
	is 1 "$(verdicts other | jq .passed)"
	is 5 "$(verdicts other | jq .limited)"
}

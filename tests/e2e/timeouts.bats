#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Calls that nobody answers: no packet tells the kernel, so the daemon's pass over the flow table gives up on them.

load lib
setup() { world; }
teardown() { end_of_world; }

calls() { # ENDPOINT RESULT
	metric "weir_upstream_calls_total{upstream=\"quiet\",endpoint=\"$1\",result=\"$2\"}"
}

connections() { metric "weir_upstream_connections{upstream=\"quiet\",endpoint=\"$1\"}"; }

counts() { # CONNECT-TIMEOUTS NO-ANSWERS CONNECTIONS
	[ "$(calls 10.77.0.3:81 connect_timeout) $(calls 10.77.0.2:82 no_answer) $(connections 10.77.0.2:82)" = "$1 $2 $3" ]
}

@test "a SYN and a request that nobody answers are counted once, by whichever daemon is there" {
	# frames for .3 arrive at the client, whose address that is not
	ip -n "$host" neigh replace 10.77.0.3 lladdr "$client_mac" dev wan
	configure <<- END
		interfaces: [{name: wan}]
		on_exit: keep
		upstreams:
		  - {name: quiet, endpoints: ["10.77.0.3:81", "10.77.0.2:82"], connect_timeout: 1s, answer_timeout: 2s}
	END
	background listener "$client" socat -u TCP4-LISTEN:82,fork OPEN:/dev/null
	eventually 3 in_client sh -c 'ss -ltn | grep -q :82'
	start
	background knocker "$host" "$python" -c 'import socket; socket.create_connection(("10.77.0.3", 81), 60)'
	background asker "$host" "$python" -c 'import socket, time; s = socket.create_connection(("10.77.0.2", 82)); s.sendall(b"anybody?"); time.sleep(600)'
	eventually 5 counts 1 1 1
	# SYNs are sent again after 1, 3 and 7 s: that is still the same call
	sleep 4
	counts 1 1 1
	crash
	start
	sleep 1.5
	counts 1 1 1
	kill "$asker"
	eventually 3 counts 1 1 0
	is 0 "$(calls 10.77.0.3:81 refused)"
	is 0 "$(calls 10.77.0.2:82 ok)"
	is 0 "$(connections 10.77.0.3:81)"
}

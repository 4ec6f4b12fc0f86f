# shellcheck shell=bash
# shellcheck disable=SC2154 # host, dir and such are those of lib.bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# tcpdump beside Weir, servers to watch, and Weir's figures of the same: `load capture` after lib.

# capture: of the host's interface, from now on, into $dir/capture
capture() {
	background tcpdump "$host" tcpdump -i wan -w "$dir/capture" -U --immediate-mode --time-stamp-precision=nano -B 16384 -s 0 -Z root
	eventually 5 grep -q 'listening on' "$dir/tcpdump.out"
}

# captured: all of it is in the file
captured() {
	sleep 0.5
	kill -INT "$tcpdump"
	wait "$tcpdump" || true
	contains "$(cat "$dir/tcpdump.out")" "0 packets dropped by kernel"
}

# in_capture PORT service|upstream: lines "HISTOGRAM SECONDS" by the capture itself
in_capture() { "$python" "$BATS_TEST_DIRNAME/capture.py" samples "$dir/capture" "$1" "$2"; }

# delays NAME NAMESPACE PORT: a server whose delays are known (delays.py)
delays() {
	background "$1" "$2" "$python" "$BATS_TEST_DIRNAME/delays.py" serve "$3"
	eventually 5 grep -q serving "$dir/$1.out"
}

# nginx_before NAMESPACE PORT SERVER: a real nginx; / at once, /slow/... as SERVER, ADDRESS:PORT, answers for /...
nginx_before() {
	mkdir -p "$dir/nginx"
	cat > "$dir/nginx/nginx.conf" <<- END
		daemon off;
		worker_processes 1;
		pid $dir/nginx/pid;
		error_log $dir/nginx/error.log;
		events { worker_connections 512; }
		http {
			access_log off;
			client_body_temp_path $dir/nginx/body;
			proxy_temp_path $dir/nginx/proxy;
			server {
				listen $2;
				listen [::]:$2;
				location / { return 200 "served\n"; }
				location /slow/ {
					proxy_pass http://$3/;
					proxy_ignore_client_abort on;
				}
			}
		}
	END
	background nginx "$1" nginx -p "$dir/nginx" -c "$dir/nginx/nginx.conf"
	eventually 5 nsenter --net="/run/netns/$1" curl -s -o "$dir/nginx/first" "http://127.0.0.1:$2/"
}

# latency_of NAME: /v1/latency of it into $dir/latency, with figures that were taken after the call
latency_of() {
	local called waited
	called=$(date +%s%N)
	for _ in {1..200}; do
		waited=$(($(date +%s%N) - called))
		get "/v1/latency?name=$1" > "$dir/latency"
		jq -e --argjson waited $waited '.age_seconds * 1e9 < $waited' "$dir/latency" > /dev/null && return
		sleep 0.05
	done
	echo "the figures are never renewed"
	return 1
}

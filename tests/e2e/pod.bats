#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The pod as deploy/kubernetes describes it: user, capabilities, read-only root, mounts, seccomp profile, memory limit.

load lib
load pod
setup() {
	reason=$(why_not_render; why_not_run)
	[ -z "$reason" ] || skip "$reason"
	world
}
teardown() {
	end_pod
	end_of_world
}

@test "it comes up with what the manifest gives it and nothing else, and limits" {
	limited "1/hour packets burst 5"
	pod
	init_pod
	start_pod
	is 5 "$(sends 20)"
	status=/proc/$process/status
	for set in CapEff CapPrm CapBnd; do
		is cap_net_admin,cap_perfmon,cap_bpf "$(capsh --decode="$(awk -v set="$set:" '$1 == set { print $2 }' "$status")" | sed 's/.*=//')"
	done
	for set in CapInh CapAmb; do
		is 0000000000000000 "$(awk -v set="$set:" '$1 == set { print $2 }' "$status")"
	done
	is 0 "$(awk '$1 == "Uid:" { print $3 }' "$status")"
	is 1 "$(awk '$1 == "NoNewPrivs:" { print $2 }' "$status")"
	is 2 "$(awk '$1 == "Seccomp:" { print $2 }' "$status")"
	is "node-1" "$("$weir" status --json | jq -r .node)"
	# what it cannot write to
	for path in / /usr/x /etc/weir/x /sys/kernel/x /proc/sys/kernel/hostname; do
		refute oci exec "$tag" /bin/sh -c "echo x > ${path%/}/y" 2> /dev/null
	done
	# the commands are there for kubectl exec
	holds '.passed == 5' "$(verdicts dns)"
	is 5 "$(oci exec "$tag" weir status --json | jq '[.services[] | select(.name == "dns") | .tiers[].verdicts.passed.packets] | add')"
}

@test "each probe of the manifest is answered; readiness says when it does not enforce" {
	limited "1/hour packets burst 5"
	pod
	init_pod
	start_pod
	for probe in startupProbe livenessProbe readinessProbe; do
		is 200 "$(in_host curl -s -o /dev/null -w '%{http_code}' "$("$python" "$pod_py" probe "$manifest" $probe)")"
	done
	ip -n "$host" link del wan
	eventually 5 not_ready
	is 200 "$(in_host curl -s -o /dev/null -w '%{http_code}' "$("$python" "$pod_py" probe "$manifest" livenessProbe)")"
}

not_ready() { [ "$(in_host curl -s -o /dev/null -w '%{http_code}' "$("$python" "$pod_py" probe "$manifest" readinessProbe)")" = 503 ]; }

@test "the overlay monitoring answers on the node's address, and so do its probes" {
	limited "1/hour packets burst 5"
	pod overlays/monitoring
	init_pod
	start_pod
	for probe in startupProbe livenessProbe readinessProbe; do
		url=$("$python" "$pod_py" probe "$manifest" $probe)
		contains "$url" http://10.77.0.1:9464/
		is 200 "$(in_host curl -s -o /dev/null -w '%{http_code}' "$url")"
	done
	in_client curl -s http://10.77.0.1:9464/metrics | grep -q '^weir_build_info'
}

@test "the overlay minimal needs no init container and no profile on the host" {
	limited "1/hour packets burst 5"
	pod overlays/minimal
	init_pod
	[ ! -e "$dir/pod/seccomp" ]
	start_pod
	is 5 "$(sends 20)"
	[ ! -e "$dir/host/var" ]
}

@test "kill -9 and restarts under traffic: the pins are adopted, not a packet passes over the limit" {
	limited "1/hour packets burst 5" "on_exit: keep"
	pod
	init_pod
	start_pod
	keep_sending 53 --rate 2000
	for _ in 1 2 3; do
		crash_pod
		before=$(udp_received)
		start_pod
	done
	end_sending
	is 5 "$(udp_received)"
	holds '.passed == 5' "$(verdicts dns)"
	is "wan xdp" "$(attached)"
}

@test "a rolling update under traffic: SIGTERM, another pod with another profile; nothing passes in between" {
	limited "1/hour packets burst 5" "on_exit: keep"
	pod
	init_pod
	start_pod
	keep_sending 53 --rate 2000
	stop_pod
	logged 'enforcement goes on'
	is "wan xdp" "$(attached)"
	# the new pod has volumes of its own
	rm -r "$dir/pod"
	init_pod
	start_pod
	end_sending
	is 5 "$(udp_received)"
}

@test "each capability is needed: without it the container ends and says which" {
	limited
	for index in 0 1 2; do
		POD_JSON_PATCH="[{\"op\": \"remove\", \"path\": \"/spec/template/spec/containers/0/securityContext/capabilities/add/$index\"}]" pod
		init_pod
		launch_pod
		eventually 10 stopped "$daemon"
		logged "not permitted without CAP_$(sed -n "$((index + 1))p" <<< $'BPF\nNET_ADMIN\nPERFMON');"
	done
	[ ! -e "$pins" ]
}

@test "nothing that the daemon does is met by the profile" {
	limited "1/hour packets burst 5" "upstreams:
		  - {name: api, endpoints: ['127.0.0.1:80', 'localhost:80', '[::1]:80'], breaker: {consecutive_failures: 5, recovery: 1s},
		     probe: {path: /, expect: 200, interval: 1s, timeout: 500ms}}"
	expand -t 2 "$yaml" > "$dir/spaces" && cp "$dir/spaces" "$yaml"
	web
	pod
	init_pod
	# what is not allowed is not answered by an error, which the daemon may get over, but ends it
	profile=$dir/host/var/lib/kubelet/seccomp/weir/weir.json
	cmp "$profile" "$kubernetes/base/seccomp.json"
	sed -i 's/"SCMP_ACT_ERRNO"/"SCMP_ACT_KILL_PROCESS"/; /defaultErrnoRet/d' "$profile"
	start_pod
	is 5 "$(sends 20)"
	oci exec "$tag" weir ban 10.77.129.0/24 --for 1h
	for command in bans breakers "top --once --flows" "latency --once api" "unban 10.77.129.0/24" reload; do
		# shellcheck disable=SC2086 # words
		timeout 20 runc --root "$dir/runc" exec "$tag" weir $command > "$dir/told"
	done
	get /metrics | grep -q '^weir_upstream_'
	sleep 2 # probes, scans, names
	stop_pod
	# it can fail
	sed -i 's/"bpf", //' "$profile"
	launch_pod
	eventually 10 stopped "$daemon"
	run -159 wait "$daemon" # SIGSYS
}

@test "a changed ConfigMap is in force by itself" {
	limited "1/hour packets burst 5"
	pod
	init_pod
	start_pod
	is 5 "$(sends 20)"
	# as the kubelet writes it
	map=$dir/pod/volumes/config
	mkdir "$map/..second"
	sed 's/burst 5/burst 30/' "$map/..first/weir.yaml" > "$map/..second/weir.yaml"
	ln -s ..second "$map/..data_tmp"
	mv -T "$map/..data_tmp" "$map/..data"
	rm -r "$map/..first"
	eventually 3 logged 'reloaded /etc/weir/weir.yaml, generation 2'
	is 30 "$(sends 40 --from 10.77.128.1)"
}

@test "the memory limit holds a million clients, tables and all" {
	table="table: {clients: 1048576}" limited "1/hour packets burst 5"
	pod
	init_pod
	start_pod
	send udp 10.77.0.1 53 --count 20000 --from 10.77.128.1 > "$dir/sent"
	is_ready
	used=$(cat "$(find /sys/fs/cgroup -path "*memory*/weir-$tag/memory.usage_in_bytes" -o -path "*/weir-$tag/memory.current" | head -1)")
	echo "# $((used >> 20)) MiB charged" >&3
	requested=$(grep -A3 'requests:' "$manifest" | grep -o '[0-9]*Mi' | sort -n | tail -1)
	[ "$used" -gt $((90 << 20)) ] && [ "$used" -lt $((${requested%Mi} << 20)) ]
}

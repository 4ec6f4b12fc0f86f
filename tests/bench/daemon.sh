#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the daemon costs: time until it enforces, memory, and its scan of a full table of a million clients.
#   tests/bench/daemon.sh
# One line a figure: name, value, fields separated by tabs
# shellcheck source=tests/bench/net.sh
source "$(dirname "$0")/net.sh"

figure() { printf '%s\t%s\n' "$1" "$2"; }

make_net
for _ in 1 2 3; do
	start_weir native "limits: {default: [10/min packets burst 5]}" "new_clients: unlimited"
	figure start_ms $started_ms
	end_weir
done

start_weir native "limits: {default: [10/min packets burst 5]}" "new_clients: unlimited"
send 16000000 6 > /dev/null
sleep 1.2
for _ in 1 2 3 4 5; do
	figure scan_ms "$(ask_weir /v1/status | jq '.table.scan_seconds * 1000')"
	sleep 1.1
done
figure clients "$(ask_weir /v1/status | jq .table.entries)"
for path in /v1/top /v1/status; do ask_weir $path > /dev/null; done
# What the kernel says the table takes, wherever it is mapped
figure table_bytes "$(bpftool -j map show pinned "/sys/fs/bpf/weir-$net/weir_clients" | jq .bytes_memlock)"
# Resident memory of the process, and of that the mapped tables
awk '/^[0-9a-f]+-/ { map = /bpf-map/ } /^Rss:/ { all += $2; if (map) maps += $2 }
	END { printf "rss_kib\t%d\nrss_maps_kib\t%d\n", all, maps }' "/proc/$weir_pid/smaps"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Measures, as root, on a machine that does little else, in some eight minutes:
#   tests/bench/run.sh                  everything, printed and written to docs/performance.md
#   tests/bench/run.sh PART...          these, printed only: prog drop daemon flow iperf
#   QUICK=1 tests/bench/run.sh          fewer rounds, printed only: does it still work?
set -euo pipefail
cd "$(dirname "$0")/../.."

parts=("$@")
[ $# -gt 0 ] || parts=(prog drop daemon flow iperf)
prog_rounds=100 drop_rounds=3 iperf_rounds=7
[ -z "${QUICK-}" ] || prog_rounds=5 drop_rounds=1 iperf_rounds=1

results=build/bench/results
rm -rf $results
mkdir -p $results
[ "$(id -u)" = 0 ] || { echo "run.sh: needs root" >&2; exit 1; }
[ "$(sysctl -n kernel.bpf_stats_enabled)" = 0 ] ||
	{ echo "run.sh: BPF statistics are on, which slows programs: sysctl kernel.bpf_stats_enabled=0" >&2; exit 1; }

# How busy others keep the machine, before we do
read -r load _ < /proc/loadavg
{
	printf 'load\t%s\n' "$load"
	printf 'kernel\t%s\n' "$(uname -r | sed 's/-.*//')"
	printf 'cpus\t%s\n' "$(nproc)"
	printf 'cpu\t%s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
	printf 'memory_mib\t%s\n' "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
	printf 'virtual\t%s\n' "$(systemd-detect-virt --vm 2> /dev/null || echo unknown)"
	printf 'nft\t%s\n' "$(nft --version 2> /dev/null | awk '{ print $2 }')"
	printf 'iptables\t%s\n' "$(iptables --version 2> /dev/null | cut -d' ' -f2-)"
	printf 'iperf3\t%s\n' "$(iperf3 --version 2> /dev/null | awk 'NR == 1 { print $2 }')"
	printf 'version\t%s\n' "$(cat VERSION)"
} > $results/machine

status=0
for part in "${parts[@]}"; do
	echo "measuring: $part" >&2
	case $part in
	prog) build/bench/bench_prog $prog_rounds > $results/prog || status=1 ;;
	drop) tests/bench/drop.sh $drop_rounds > $results/drop || status=1 ;;
	daemon) tests/bench/daemon.sh > $results/daemon || status=1 ;;
	flow) build/bench/bench_flow $prog_rounds > $results/flow || status=1 ;;
	iperf) tests/bench/iperf.sh $iperf_rounds > $results/iperf || status=1 ;;
	*) echo "run.sh: no part is called $part; there are: prog drop daemon flow iperf" >&2; exit 2 ;;
	esac
done

if [ $# = 0 ] && [ -z "${QUICK-}" ] && [ $status = 0 ]; then
	python3 tests/bench/report.py $results docs/performance.md
else
	python3 tests/bench/report.py $results
fi
exit $status

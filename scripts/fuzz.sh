#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Runs fuzzers for so many seconds each:   scripts/fuzz.sh SECONDS build/fuzz/fuzz_NAME...
# Starts from tests/fuzz/corpus/NAME, read only; what is found goes to build/fuzz/corpus/NAME, and an input
# that breaks something to build/fuzz/NAME-*. Put such an input into tests/fuzz/corpus/NAME with the fix.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=${1:?seconds}
shift
if [ $# = 0 ]; then
	echo "there is no tests/fuzz/fuzz_*.c" >&2
	exit 1
fi

failed=0
for fuzzer in "$@"; do
	name=${fuzzer##*/fuzz_}
	found=build/fuzz/corpus/$name
	mkdir -p "$found"
	corpora=("$found")
	[ ! -d "tests/fuzz/corpus/$name" ] || corpora+=("tests/fuzz/corpus/$name")
	dictionary=()
	[ ! -f "tests/fuzz/$name.dict" ] || dictionary=(-dict="tests/fuzz/$name.dict")

	echo "== $name, $seconds s, from $(find "${corpora[@]}" -type f | wc -l) inputs"
	if "$fuzzer" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="build/fuzz/$name-" "${dictionary[@]}" "${corpora[@]}" < /dev/null \
		> "build/fuzz/$name.log" 2>&1; then
		grep -E 'number_of_executed_units|new_units_added' "build/fuzz/$name.log"
	else
		failed=$((failed + 1))
		tail -60 "build/fuzz/$name.log"
		echo "FAILED: $name; again: $fuzzer build/fuzz/$name-..."
	fi
done
echo "$(($# - failed)) passed, $failed failed, 0 skipped"
[ $failed = 0 ]

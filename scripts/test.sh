#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Runs suites of tests and counts them:   scripts/test.sh unit prog e2e
#   unit   tests/unit              no root
#   prog   tests/prog              root
#   e2e    tests/e2e, tests/fault  root
# A folder's tests are test_*.c (cmocka, built by make), *.bats, test_*.py and test_*.sh. Scripts report in TAP, or
# by their exit status (77: skipped, the last line says why). A cmocka test says why it skips in a line
# "# skip: REASON" before skip().
#
# Every file runs whatever became of the others. One that crashes, hangs or did not build is a failed
# test. At the end stand the failures, in full and then on less than a screen. The last line is
# "N passed, N failed, N skipped"; the exit status is 1 when a test failed or none ran.
#
# Environment: TESTS="gcra ban"   only files whose name contains one of these words
#              TEST_TIMEOUT=600   seconds for one file
#              BATS_TEST_TIMEOUT=90   seconds for one test of bats, empty: any
#              WEIR=build/weir    the program under test, for bats and scripts
#              TESTS_DIR BUILD_DIR NO_BUILD=1   elsewhere: for the tests of this script
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

tests=${TESTS_DIR:-tests}
build=${BUILD_DIR:-build}
limit=${TEST_TIMEOUT:-600}
logs=$build/test-logs
export WEIR=${WEIR:-$PWD/build/weir}
export CMOCKA_MESSAGE_OUTPUT=TAP
# Now and then bats leaves its own watchdog behind when a test is over at once, and waits for it at
# the end of the file: so long that costs, no result
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT-90}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# Of the make that called us we keep its variables (make test WERROR=0); its job slots are not ours
case ${MAKEFLAGS-} in
*"-- "*) export MAKEFLAGS=" -- ${MAKEFLAGS#*-- }" ;;
*) unset MAKEFLAGS ;;
esac
unset MFLAGS MAKELEVEL

# A test file runs in a process group of its own, which goes when it ends or when we do.
child=
end_child() {
	[ -z "$child" ] || kill "-$1" -- "-$child" 2> /dev/null
}
trap 'end_child TERM; sleep 1; end_child KILL; exit 130' INT TERM HUP

# failure FILE NAME [TEXT]: one that is known without running anything
failure() {
	printf '  FAIL  %s\n' "$2"
	printf -- '--- %s: %s\n%s\n' "$1" "$2" "${3-}" >> "$logs/failures"
	echo 0 1 0 >> "$logs/counts"
}

skip_file() {
	printf '  skip  %s\n' "$1"
	printf '  %s: %s\n' "$1" "$2" >> "$logs/skips"
	echo 0 0 1 >> "$logs/counts"
}

# run FILE KIND COMMAND...: KIND as for tap.awk
run() {
	local file=$1 kind=$2 log status begin=$SECONDS timed_out=0
	shift 2
	log=$logs/${file//\//-}.log
	echo "$file"
	timeout -k 10 "$limit" "$@" < /dev/null > "$log" 2>&1 3>&- &
	child=$!
	wait $child 2> /dev/null
	status=$?
	end_child KILL
	child=
	if [ $status = 124 ] || { [ $status = 137 ] && [ $((SECONDS - begin)) -ge "$limit" ]; }; then
		timed_out=1
	fi
	awk -f scripts/tap.awk -v file="$file" -v kind="$kind" -v status=$status -v limit="$limit" \
		-v timed_out=$timed_out -v counts="$logs/counts" -v failures="$logs/failures" \
		-v skips="$logs/skips" < "$log"
	[ $((SECONDS - begin)) -lt 2 ] || printf '        (%d s)\n' $((SECONDS - begin))
}

run_file() {
	local path=$1 folder=$2 name file binary
	name=$(basename "$path")
	file=$folder/$name
	case $name in
	*.c)
		binary=$build/$folder/${name%.c}
		if [ -n "$build_failed" ] && ! make_quietly "$binary"; then
			failure "$file" "did not build" "$(cat "$logs/make.log")"
		else
			run "${file%.c}" cmocka "$binary"
		fi
		;;
	*.bats)
		if command -v bats > /dev/null; then
			run "$file" bats bats --tap "$path"
		else
			skip_file "$file" "bats is not installed: make deps"
		fi
		;;
	*.py) run "$file" any python3 "$path" ;;
	*.sh) run "$file" any bash "$path" ;;
	esac
}

wanted() {
	local word
	[ -n "${TESTS-}" ] || return 0
	for word in $TESTS; do
		[[ $(basename "$1") != *"$word"* ]] || return 0
	done
	return 1
}

run_folder() {
	local folder=$1 path
	for path in "$tests/$folder"/{test_*.c,*.bats,test_*.py,test_*.sh}; do
		if [ ! -e "$path" ] || ! wanted "$path"; then
			continue
		elif [ "$folder" != unit ] && [ "$(id -u)" != 0 ]; then
			skip_file "$folder/$(basename "$path")" "needs root"
		else
			run_file "$path" "$folder"
		fi
	done
}

run_suite() {
	case $1 in
	unit | prog) run_folder "$1" ;;
	e2e)
		if [ -n "$build_failed" ] && ! make_quietly build test-tools; then
			failure e2e "not run: build/weir did not build"
			return
		fi
		run_folder e2e
		run_folder fault
		;;
	esac
}

make_quietly() {
	make -k -j"$(nproc)" "$@" > "$logs/make.log" 2>&1
}

# Everything at once; what cannot be built is asked for again, file by file, when its turn comes
build_failed=
build_all() {
	local -a targets
	[ -z "${NO_BUILD-}" ] || return 0
	local suite
	for suite in "$@"; do
		case $suite in
		unit) targets+=(unit-binaries) ;;
		prog) targets+=(build prog-binaries) ;;
		e2e) targets+=(build test-tools) ;;
		esac
	done
	make_quietly "${targets[@]}" && return
	build_failed=yes
	echo build
	failure build "make -k ${targets[*]}" "$(grep -v '^  [A-Z]* *build/' "$logs/make.log" | head -60)"
}

# Again, on less than a screen: of a long log the last lines are read first, and may be all there is
in_short() {
	[ "$(wc -l < "$logs/failures")" -gt 24 ] || return 0
	printf '\nFailed, in short:\n'
	awk -f scripts/brief.awk -v lines=24 -v columns=200 "$logs/failures"
}

report() {
	local passed=0 failed=0 skipped=0 p f s
	while read -r p f s; do
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done < "$logs/counts"

	if [ -s "$logs/skips" ]; then
		printf '\nSkipped:\n'
		cat "$logs/skips"
	fi
	if [ -s "$logs/failures" ]; then
		printf '\nFailed:\n'
		cut -c1-400 "$logs/failures"
		in_short
	fi
	echo
	[ $((passed + failed)) -gt 0 ] || echo "No test ran."
	echo "Logs: $logs"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ] && [ $passed -gt 0 ]
}

main() {
	local suite
	for suite in "$@"; do
		case $suite in
		unit | prog | e2e) ;;
		*)
			echo "no suite is called '$suite'; there are: unit prog e2e" >&2
			return 2
			;;
		esac
	done
	[ $# -gt 0 ] || set -- unit prog e2e

	rm -rf "$logs"
	mkdir -p "$logs"
	touch "$logs/counts" "$logs/failures" "$logs/skips"
	build_all "$@"
	for suite in "$@"; do
		run_suite "$suite"
	done
	report
}

main "$@"

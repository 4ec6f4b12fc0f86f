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
# As many files run side by side as there are processors; what one said is shown when it ends. A file that measures time,
# or fills the machine, says so in its first lines, "weir-test: alone" in a comment: it runs after the others, by itself.
#
# Every file runs whatever became of the others. One that crashes, hangs or did not build is a failed
# test. At the end stand the failures, in full and then on less than a screen. The last line is
# "N passed, N failed, N skipped"; the exit status is 1 when a test failed or none ran.
#
# Environment: TESTS="gcra ban"   only files whose name contains one of these words
#              TEST_JOBS=2        files side by side, 1: all by themselves. As many as there are processors
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
jobs=${TEST_JOBS:-$(nproc)}
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

# A test file runs in a process group of its own, below a shell of its own (job_of). Both go when it ends or when we do.
child=
end_child() {
	[ -z "$child" ] || kill "-$1" -- "-$child" 2> /dev/null
}

declare -A job_of=() # by the pid of the shell: where what it says is kept
end_jobs() {
	[ ${#job_of[@]} = 0 ] || kill -TERM "${!job_of[@]}" 2> /dev/null
	wait
	exit 130
}
trap end_jobs INT TERM HUP

# What a file amounts to is written there: of a job its own folder, until show_job
said=$logs

# failure FILE NAME [TEXT]: one that is known without running anything
failure() {
	printf '  FAIL  %s\n' "$2"
	printf -- '--- %s: %s\n%s\n' "$1" "$2" "${3-}" >> "$said/failures"
	echo 0 1 0 >> "$said/counts"
}

skip_file() {
	printf '  skip  %s\n' "$1"
	printf '  %s: %s\n' "$1" "$2" >> "$said/skips"
	echo 0 0 1 >> "$said/counts"
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
		-v timed_out=$timed_out -v counts="$said/counts" -v failures="$said/failures" \
		-v skips="$said/skips" < "$log"
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

# start_job PATH FOLDER: a shell that runs the file, beside others
number=0
start_job() {
	local folder
	number=$((number + 1))
	folder=$logs/job-$number
	mkdir "$folder"
	touch "$folder"/{counts,failures,skips}
	echo "$1" > "$folder/file"
	(
		trap 'end_child TERM; sleep 1; end_child KILL; exit 130' TERM
		job_of=()
		said=$folder
		run_file "$@"
	) > "$folder/shown" &
	job_of[$!]=$folder
}

# show_job FOLDER: in one piece, and counts it
show_job() {
	local what
	cat "$1/shown"
	[ -s "$1/counts" ] || said=$1 failure "$(< "$1/file")" "the shell that ran it ended without a result"
	for what in counts failures skips; do
		cat "$1/$what" >> "$logs/$what"
	done
	rm -r "$1"
}

# end_jobs_above N: waits until no more than that many run
end_jobs_above() {
	local pid folder
	while [ ${#job_of[@]} -gt "$1" ]; do
		wait -n -p pid "${!job_of[@]}"
		[ -n "${pid-}" ] || continue
		folder=${job_of[$pid]}
		unset "job_of[$pid]"
		show_job "$folder"
	done
}

is_alone() { head -n 12 "$1" | grep -q 'weir-test: alone'; }

# run_files: those of $queue, "FOLDER PATH" each
run_files() {
	local entry
	local -a alone=()
	for entry in "${queue[@]}"; do
		if is_alone "${entry#* }"; then
			alone+=("$entry")
			continue
		fi
		end_jobs_above $((jobs - 1))
		start_job "${entry#* }" "${entry%% *}"
	done
	for entry in "${alone[@]}"; do
		end_jobs_above 0
		start_job "${entry#* }" "${entry%% *}"
	done
	end_jobs_above 0
}

queue=()
queue_folder() {
	local folder=$1 path
	for path in "$tests/$folder"/{test_*.c,*.bats,test_*.py,test_*.sh}; do
		if [ ! -e "$path" ] || ! wanted "$path"; then
			continue
		elif [ "$folder" != unit ] && [ "$(id -u)" != 0 ]; then
			skip_file "$folder/$(basename "$path")" "needs root"
		else
			queue+=("$folder $path")
		fi
	done
}

queue_suite() {
	case $1 in
	unit | prog) queue_folder "$1" ;;
	e2e)
		if [ -n "$build_failed" ] && ! make_quietly build test-tools; then
			failure e2e "not run: build/weir did not build"
			return
		fi
		queue_folder e2e
		queue_folder fault
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
	jobs=1 # each asks make for what it needs, and two of them at a time would be in each other's way
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
		queue_suite "$suite"
	done
	run_files
	report
}

main "$@"

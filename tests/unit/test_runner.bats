#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The runner of the tests, against suites made up here: no failure may hide in it.

bats_require_minimum_version 1.5.0

setup() {
	fake=$BATS_TEST_TMPDIR
	mkdir -p "$fake/tests/unit" "$fake/tests/e2e" "$fake/build/unit"
	in_fake=(env -u TESTS -u MAKEFLAGS TESTS_DIR="$fake/tests" BUILD_DIR="$fake/build" NO_BUILD=1 TEST_TIMEOUT=3 TEST_JOBS=2
		BATS_TEST_TIMEOUT="")
}

# program NAME: a test "binary" that does what standard input says, with its (empty) source
program() {
	touch "$fake/tests/unit/$1.c"
	{ echo '#!/bin/bash'; cat; } > "$fake/build/unit/$1"
	chmod +x "$fake/build/unit/$1"
}

script() {
	cat > "$fake/tests/unit/$1"
}

runner() {
	run "${in_fake[@]}" "$@" "$BATS_TEST_DIRNAME/../../scripts/test.sh" "${suites[@]-unit}"
	last=${lines[-1]}
}

# ends STATUS LINE: the exit status and the last line of all
ends() {
	if [ "$status" != "$1" ] || [ "$last" != "$2" ]; then
		echo "wanted status $1 and '$2'; got status $status and:"
		echo "$output"
		return 1
	fi
}

shows() {
	[[ $output == *"$1"* ]] || { echo "no '$1' in:"; echo "$output"; return 1; }
}

@test "passing tests are counted and named, the status is 0" {
	program test_good <<< 'printf "1..2\nok 1 - first\nok 2 - second\n"'
	runner
	ends 0 "2 passed, 0 failed, 0 skipped"
	shows "ok    second"
}

@test "a failed test is shown with what it wrote, and the rest still runs" {
	program test_bad <<< 'printf "1..2\n# seed 7\nnot ok 1 - first\n# 1 != 2\nok 2 - second\n"; exit 1'
	program test_good <<< 'printf "1..1\nok 1 - third\n"'
	runner
	ends 1 "2 passed, 1 failed, 0 skipped"
	shows "# seed 7"
	shows "# 1 != 2"
}

@test "many failures that say much end with what each said first and last, on less than a screen" {
	program test_bad <<- 'END'
		printf "1..5\n"
		for n in 1 2 3; do
			printf "not ok $n - failure $n\n# line of assertion $n\n"
			seq -f '# noise %g' 100
			echo "# last words of $n"
		done
		printf "ok 4 - fourth\nok 5 - fifth\n"
		exit 1
	END
	runner
	ends 1 "2 passed, 3 failed, 0 skipped"
	output=$(tail -n 30 <<< "$output")
	for n in 1 2 3; do
		shows "--- unit/test_bad: failure $n"
		shows "line of assertion $n"
		shows "last words of $n"
	done
	shows "noise 100"
	[[ $output != *"noise 50"* ]]
}

@test "more failures than lines end with the names of the first, and how many more there are" {
	program test_bad <<- 'END'
		printf "1..40\n"
		for n in {1..40}; do printf "not ok $n - failure $n\n# why\n"; done
		exit 1
	END
	runner
	ends 1 "0 passed, 40 failed, 0 skipped"
	output=$(tail -n 30 <<< "$output")
	shows "--- unit/test_bad: failure 1"
	shows "--- unit/test_bad: failure 23"
	shows "... and 17 more"
}

@test "a crash after some tests is one failure more, and the passed ones stay" {
	program test_crash <<< 'printf "1..3\nok 1 - first\n"; echo "stack: here"; kill -SEGV $$'
	runner
	ends 1 "1 passed, 1 failed, 0 skipped"
	shows "killed by signal 11 after 1 of 3 tests"
	shows "stack: here"
}

@test "an early exit with status 0 does not pass" {
	program test_early <<< 'printf "1..3\nok 1 - first\n"'
	runner
	ends 1 "1 passed, 1 failed, 0 skipped"
	shows "ended after 1 of 3 tests"
}

@test "an exit status that no test explains is a failure: a leak found at the end" {
	program test_leak <<< 'printf "1..1\nok 1 - first\n"; echo "LeakSanitizer: 3 bytes"; exit 23'
	runner
	ends 1 "1 passed, 1 failed, 0 skipped"
	shows "LeakSanitizer: 3 bytes"
}

@test "a file that hangs is ended, with what it started, and counts as failed" {
	program test_hang <<< 'printf "1..2\nok 1 - first\n"; sleep 61.5 & sleep 61.5'
	program test_next <<< 'printf "1..1\nok 1 - third\n"'
	runner
	ends 1 "2 passed, 1 failed, 0 skipped"
	shows "timed out after 3 s after 1 of 2 tests"
	run ! pgrep -f "sleep 61[.]5"
}

@test "a skip is printed with its reason, in the words of cmocka, bats and a script" {
	program test_skip <<< 'printf "1..2\nok 1 - a\n# skip: no kernel for it\nnot ok 2 # SKIP b\n"'
	script test_skip.sh <<< 'echo "no redis here"; exit 77'
	script skip.bats <<< '@test "c" { skip "no nginx here"; }'
	runner
	ends 0 "1 passed, 0 failed, 3 skipped"
	shows "unit/test_skip: b: no kernel for it"
	shows "unit/test_skip.sh: all: no redis here"
	shows "unit/skip.bats: c: no nginx here"
}

@test "scripts without TAP count by their exit status" {
	script test_good.py <<< 'print("fine")'
	script test_bad.py <<< 'raise SystemExit("not fine")'
	runner
	ends 1 "1 passed, 1 failed, 0 skipped"
	shows "not fine"
}

@test "bats tests are counted one by one" {
	printf '@test "%s" {\n%s\n}\n' d true e 'echo "because of f"; false' | script some.bats
	runner
	ends 1 "1 passed, 1 failed, 0 skipped"
	shows "because of f"
}

@test "a bats file that cannot be read, or has no test, is a failure" {
	script broken.bats <<< '@test "d" { if; }'
	script empty.bats <<< '# nothing'
	runner
	ends 1 "0 passed, 2 failed, 0 skipped"
}

@test "a binary that reports nothing is a failure even with status 0" {
	program test_mute <<< 'exit 0'
	runner
	ends 1 "0 passed, 1 failed, 0 skipped"
}

@test "a binary that is not there is a failure" {
	touch "$fake/tests/unit/test_gone.c"
	runner
	ends 1 "0 passed, 1 failed, 0 skipped"
}

@test "no test at all is not a success" {
	runner
	ends 1 "0 passed, 0 failed, 0 skipped"
	shows "No test ran."
}

@test "nothing but skips is not a success" {
	script test_skip.sh <<< 'echo "no redis here"; exit 77'
	runner
	ends 1 "0 passed, 0 failed, 1 skipped"
}

# meets MINE OTHER: a test that passes if another one runs at the same time
meets() {
	cat <<- END
		touch $fake/$1
		for i in {1..100}; do
			[ ! -e $fake/$2 ] || { printf '1..1\\nok 1 - $1 has met $2\\n'; exit; }
			sleep 0.02
		done
		printf '1..1\\nnot ok 1 - $1 has met $2\\n'
		exit 1
	END
}

@test "files run side by side, and each is shown in one piece" {
	program test_a <<< "$(meets a b)"
	program test_b <<< "$(meets b a)"
	runner TEST_TIMEOUT=10
	ends 0 "2 passed, 0 failed, 0 skipped"
	for name in a b; do
		[[ $(grep -A 1 "^unit/test_$name" <<< "$output" | tail -n 1) == "  ok    $name has met"* ]]
	done
}

@test "TEST_JOBS=1: one after the other" {
	program test_a <<< "$(meets a b)"
	program test_b <<< "$(meets b a)"
	runner TEST_JOBS=1 TEST_TIMEOUT=10
	ends 1 "1 passed, 1 failed, 0 skipped"
	shows "--- unit/test_a: a has met b"
}

@test "a file that must be alone runs after the others, by itself, in the order of the names" {
	local name
	for name in alone_1 alone_2 slow_1 slow_2; do
		program test_$name <<- END
			echo "begin $name" >> $fake/order
			sleep 0.3
			echo "end $name" >> $fake/order
			printf '1..1\\nok 1 - done\\n'
		END
	done
	echo '/* weir-test: alone */' | tee "$fake/tests/unit/test_alone_1.c" > "$fake/tests/unit/test_alone_2.c"
	runner TEST_TIMEOUT=10
	ends 0 "4 passed, 0 failed, 0 skipped"
	[ "$(tail -n 4 "$fake/order" | paste -sd ' ')" = "begin alone_1 end alone_1 begin alone_2 end alone_2" ]
}

@test "a run that is interrupted ends all that it has started" {
	local pid i
	for name in a b; do
		program test_$name <<< "touch $fake/$name; sleep 62.5 & sleep 62.5"
	done
	"${in_fake[@]}" TEST_TIMEOUT=60 "$BATS_TEST_DIRNAME/../../scripts/test.sh" unit > "$fake/out" 2>&1 3>&- &
	pid=$!
	for i in {1..500}; do
		[ ! -e "$fake/a" ] || [ ! -e "$fake/b" ] || break
		sleep 0.02
	done
	pgrep -f "sleep 62[.]5"
	kill -TERM $pid
	wait $pid || status=$?
	[ "$status" = 130 ]
	run ! pgrep -f "sleep 62[.]5"
}

@test "TESTS picks files by name" {
	program test_one <<< 'printf "1..1\nok 1 - first\n"'
	program test_two <<< 'printf "1..1\nnot ok 1 - second\n"; exit 1'
	runner TESTS="three one"
	ends 0 "1 passed, 0 failed, 0 skipped"
}

@test "an unknown suite is refused" {
	suites=(unti)
	runner
	[ "$status" = 2 ]
	shows "no suite is called 'unti'"
}

@test "what needs root is skipped with a word about it when there is none" {
	[ "$(id -u)" = 0 ] || skip "is not root, cannot become another user"
	echo '@test "d" { true; }' > "$fake/tests/e2e/some.bats"
	program test_one <<< 'printf "1..1\nok 1 - first\n"'
	suites=(unit e2e)
	chmod -R a+rwX "$fake" && chmod a+x "$BATS_RUN_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")"
	setpriv --reuid=65534 --clear-groups test -r "$BATS_TEST_DIRNAME/../../scripts/test.sh" ||
		skip "nobody may not read this checkout"
	runner setpriv --reuid=65534 --clear-groups
	ends 0 "1 passed, 0 failed, 1 skipped"
	shows "e2e/some.bats: needs root"
}

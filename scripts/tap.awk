# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Reads what one test file wrote (TAP of cmocka or bats, or anything) and says what it amounts to.
#   in   -v file=unit/test_x -v status=EXIT -v limit=SECONDS -v timed_out=0|1
#        -v kind=cmocka, bats: its tests must be reported in TAP
#        -v kind=any: without TAP the exit status is the one result: 0 passed, 77 skipped, else failed
#        -v counts=F -v failures=F -v skips=F   files appended to
#   out  a line a test: "  ok|FAIL|skip  name"
#
# A file that crashes, hangs, or ends before its plan is done is one failed test more.

function note_failure(name, text)
{
	printf "--- %s: %s\n%s", file, name, text >> failures
	failed++
	printf "  FAIL  %s\n", name
}

function note_skip(name, reason)
{
	printf "  %s: %s: %s\n", file, name, reason != "" ? reason : "no reason given" >> skips
	skipped++
	printf "  skip  %s\n", name
}

# What a failed test wrote: the lines before its result, and the comments right after it
function flush_failure()
{
	if (failing != "")
		note_failure(failing, failing_text)
	failing = failing_text = ""
}

function result(line, ok,    name, reason, at)
{
	flush_failure()
	done++
	name = line
	sub(/^(not )?ok[ \t]*[0-9]*[ \t]*(- )?/, "", name)
	at = match(tolower(name), /# skip/)
	if (at) {
		reason = substr(name, at + 6)
		name = substr(name, 1, at - 1)
		gsub(/^[ :\t]+|[ \t]+$/, "", reason)
		sub(/[ \t]+$/, "", name)
		if (name == "") { # cmocka knows no reason, and puts the name in its place
			name = reason
			reason = said
		}
		note_skip(name, reason)
	} else if (ok) {
		passed++
		printf "  ok    %s\n", name
	} else {
		failing = name
		failing_text = before line "\n"
	}
	before = said = ""
}

/^1\.\.[0-9]+/ {
	plan += substr($1, 4)
	planned = 1
	if ($1 == "1..0" && tolower($0) ~ /# skip/) {
		sub(/.*# *[A-Za-z]*[ :]*/, "")
		note_skip("all", $0)
	}
	next
}
/^ok( |$)/ { result($0, 1); next }
/^not ok( |$)/ { result($0, 0); next }
{
	last = $0
	all = all $0 "\n"
	if (tolower($0) ~ /^# *skip:/) {
		said = $0
		sub(/^# *[A-Za-z]*: */, "", said)
		next
	}
	if (failing != "" && /^#/) {
		failing_text = failing_text $0 "\n"
		next
	}
	flush_failure()
	before = before $0 "\n"
}

END {
	flush_failure()
	of = planned ? sprintf(" after %d of %d tests", done, plan) : ""
	if (timed_out)
		note_failure("timed out after " limit " s" of, before)
	else if (status > 128)
		note_failure("killed by signal " (status - 128) of, before)
	else if (!planned && !done && kind == "any") {
		if (status == 0) {
			passed++
			printf "  ok    %s\n", file
		} else if (status == 77)
			note_skip("all", last)
		else
			note_failure("exit status " status, all)
	} else if (done < plan && !(failed && status == 1 && !crash_counts))
		note_failure("ended" of ", exit status " status, before)
	else if (!passed && !failed && !skipped)
		note_failure("ran no test, exit status " status, all)
	else if (status != 0 && !failed)
		note_failure("exit status " status " although no test failed", before)
	printf "%d %d %d\n", passed, failed, skipped >> counts
}

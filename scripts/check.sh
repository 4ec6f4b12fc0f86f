#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# All checks of the sources:   scripts/check.sh [NAME...]
# Each is a script scripts/check/NAME.{sh,py}: exit status 0 fine, 77 skipped (the last line says
# why), else what it prints says what to do. With --self-test it proves that it can fail.
# All run, whatever became of the others. The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0
judge() { # LABEL COMMAND...
	local label=$1 output
	shift
	output=$("$@" 2>&1 < /dev/null)
	case $? in
	0)
		passed=$((passed + 1))
		printf '  ok    %s\n' "$label"
		;;
	77)
		skipped=$((skipped + 1))
		printf '  skip  %s: %s\n' "$label" "$(tail -1 <<< "$output")"
		;;
	*)
		failed=$((failed + 1))
		printf '  FAIL  %s\n%s\n' "$label" "$(sed 's/^/        /' <<< "$output")"
		;;
	esac
}

for check in scripts/check/*.{sh,py}; do
	[ -e "$check" ] || continue
	name=$(basename "${check%.*}")
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	judge "$name" "$check"
	if grep -q -e --self-test "$check"; then
		judge "$name can fail" "$check" --self-test
	fi
done
[ $((passed + failed)) -gt 0 ] || echo "no check is called that; there are: $(ls scripts/check)"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]

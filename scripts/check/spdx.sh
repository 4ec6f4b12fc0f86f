#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every source file names its licence in its first three lines.
set -uo pipefail
want='SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'
bad=0
while read -r file; do
	case $file in
	vmlinux/* | *.json | *.md | tests/fuzz/corpus/* | tests/*/fixtures/*) continue ;;
	*.[ch] | *.sh | *.bash | *.bats | *.py | *.awk | *.mk | Makefile | .ci/*) ;;
	*) continue ;;
	esac
	head -3 "$file" | grep -qF "$want" && continue
	echo "$file: no licence. To do: put '$want' in a comment on its first line"
	bad=1
done < <(scripts/files.sh)
exit $bad

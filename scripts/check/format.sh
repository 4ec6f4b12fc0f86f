#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# C as .clang-format wants it. clang-format 14 to 19 agree on what is here.
set -uo pipefail
command -v clang-format > /dev/null || { echo "clang-format is not installed: make deps DEPS=check"; exit 77; }

mapfile -t files < <(scripts/files.sh | grep -E '^(bpf|user|tests)/.*\.[ch]$')
[ ${#files[@]} -gt 0 ] || { echo "found no C"; exit 1; }
mapfile -t wrong < <(clang-format --dry-run -Werror "${files[@]}" 2>&1 | sed -n 's/^\([^:]*\):.*error:.*/\1/p' | sort -u)
[ ${#wrong[@]} -gt 0 ] || exit 0

for file in "${wrong[@]}"; do
	clang-format "$file" | diff -u --label "$file" --label "$file, formatted" "$file" - | head -20
done
echo "To do:  clang-format -i ${wrong[*]}"
clang-format --version
exit 1

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs shellcheck over every shell script, whatever its name, and every bats file.
set -uo pipefail
command -v shellcheck > /dev/null || { echo "shellcheck is not installed: make deps DEPS=check"; exit 77; }

scripts=() bats=()
while read -r file; do
	case $file in
	*.bats) bats+=("$file") ;;
	*.sh | *.bash) scripts+=("$file") ;;
	*) head -c 64 "$file" 2> /dev/null | head -1 | tr -d '\0' | grep -qE '^#!.*\b(bash|sh)$' && scripts+=("$file") ;;
	esac
done < <(scripts/files.sh | grep -E '^(scripts|tests|deploy|docs|\.ci)/')

# 1091: files that are not there to follow; 2001: sed where bash could do it, unreadably
shellcheck -s bash -e SC1091,SC2001 "${scripts[@]}" || failed=yes
# bats: a test runs in a subshell (2030, 2031); status, output and lines come from run (2154); what a
# file of helpers sets looks unused (2034)
[ ${#bats[@]} = 0 ] || shellcheck -s bats -e SC1091,SC2030,SC2031,SC2154,SC2034 "${bats[@]}" || failed=yes
[ -z "${failed-}" ] || { echo "To do: what shellcheck says, or '# shellcheck disable=SCnnnn' with a reason above it"; exit 1; }

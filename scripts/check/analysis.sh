#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cppcheck over user space and the pure kernel code. What it is told to keep quiet about, and why,
# stands in scripts/check/cppcheck.txt.
set -uo pipefail
command -v cppcheck > /dev/null || { echo "cppcheck is not installed: make deps DEPS=check"; exit 77; }

mapfile -t files < <(find user tests/unit tests/prog tests/fuzz -name '*.c' ! -name '*.bpf.c' 2> /dev/null)
[ ${#files[@]} -gt 0 ] || { echo "there is no C yet"; exit 77; }

mkdir -p build/cppcheck
# Comments and blank lines are not part of cppcheck's list before 2.11
sed -e '/^#/d' -e '/^$/d' scripts/check/cppcheck.txt > build/cppcheck/suppressions
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -j "$(nproc)" \
	--cppcheck-build-dir=build/cppcheck --suppressions-list=build/cppcheck/suppressions \
	--error-exitcode=1 -I. -Ibuild -DWEIR_VERSION='""' -DWEIR_REVISION='""' -D__x86_64__=1 \
	'-DLIBBPF_OPTS(TYPE,NAME,...)=struct TYPE NAME = { __VA_ARGS__ }' \
	--template='{file}:{line}: {severity}: {message} [{id}]' "${files[@]}" && exit
echo "To do: mend it; where cppcheck is wrong, '// cppcheck-suppress ID' with the reason above the line"
exit 1

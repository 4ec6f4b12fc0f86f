#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What kernel and daemon share has no hidden padding, and means the same to both compilers.
# Each header of bpf/abi must also compile alone.
set -uo pipefail
clang=${CLANG:-clang}
command -v "$clang" > /dev/null || { echo "$clang is not installed: make deps"; exit 77; }

padded() { # HEADER: both ways
	# Clang lays out, and so warns about, only structures that are used: the dump asks for all
	local flags=(-std=gnu11 -fsyntax-only -Xclang -fdump-record-layouts-complete -I. -Wall -Wextra
		-Wpadded -Werror -x c -include "$1" /dev/null)
	"$clang" "${flags[@]}" > /dev/null &&
		"$clang" -target bpf -mcpu=v3 -isystem vmlinux "${flags[@]}" > /dev/null
}

if [ "${1-}" = --self-test ]; then
	made=$(mktemp -d)
	trap 'rm -rf "$made"' EXIT
	echo 'struct s { char a; int b; };' > "$made/bad.h"
	echo 'struct s { int a; int b; };' > "$made/good.h"
	! padded "$made/bad.h" 2> /dev/null && padded "$made/good.h"
	exit
fi

bad=0
for header in bpf/abi/*.h; do
	padded "$header" && continue
	echo "$header: To do: order the fields by size, or fill the hole with a 'reserved' field"
	bad=1
done
exit $bad

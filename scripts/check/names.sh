#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# BPF maps and programs are called weir_..., and the kernel cuts names after 15 characters.
set -uo pipefail

names() { # FILE...: "FILE:NAME" of each map in .maps and each function with a SEC()
	awk '
		FNR == 1 { section = "" }
		/^[ \t]*(\/\*|\*|\/\/)/ { next }
		/SEC\("\.maps/ && match($0, /[A-Za-z_0-9]+ +SEC/) {
			name = substr($0, RSTART, RLENGTH)
			sub(/ +SEC/, "", name)
			print FILENAME ":" name
			next
		}
		/^SEC\("/ && !/SEC\("(license|\.)/ {
			section = 1
			sub(/^SEC\("[^"]*"\)/, "")
		}
		section && /[A-Za-z_0-9]+ *\(/ {
			match($0, /[A-Za-z_0-9]+ *\(/)
			name = substr($0, RSTART, RLENGTH - 1)
			sub(/ +$/, "", name)
			# BPF_PROG(name, ...) and the like
			if (name ~ /^BPF_/ && match($0, /\( *[A-Za-z_0-9]+/)) {
				name = substr($0, RSTART + 1, RLENGTH - 1)
				gsub(/ /, "", name)
			}
			print FILENAME ":" name
			section = ""
		}
	' "$@"
}

judge() {
	local bad=0 line name
	while read -r line; do
		name=${line##*:}
		if [ ${#name} -gt 15 ] || [[ $name != weir_* ]]; then
			echo "$line: To do: a name that begins with weir_ and has at most 15 characters"
			bad=1
		fi
	done < <(names "$@")
	return $bad
}

if [ "${1-}" = --self-test ]; then
	made=$(mktemp -d)
	trap 'rm -rf "$made"' EXIT
	printf 'struct {\n} weir_map SEC(".maps");\nSEC("xdp")\nint weir_xdp(void *ctx)\n{\n}\n' > "$made/good.c"
	printf 'struct {\n} weir_a_map_too_long SEC(".maps");\n' > "$made/long.c"
	printf 'SEC("tc") int other(void *ctx)\n{\n}\n' > "$made/prefix.c"
	judge "$made/good.c" && ! judge "$made/long.c" > /dev/null && ! judge "$made/prefix.c" > /dev/null &&
		[ "$(names "$made/good.c" | wc -l)" = 2 ]
	exit
fi

mapfile -t files < <(find bpf -name '*.bpf.[ch]')
[ ${#files[@]} -gt 0 ] || { echo "there is no bpf/*.bpf.[ch] yet"; exit 77; }
judge "${files[@]}"

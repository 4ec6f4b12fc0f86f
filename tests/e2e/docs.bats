#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The guide does what it says: its commands run, its configurations are right, its links lead somewhere.
# docs_pages.py says what counts as a command, and how one is marked that cannot be run here.

bats_require_minimum_version 1.5.0

python=${PYTHON:-/usr/bin/python3}
weir=${WEIR:-$BATS_TEST_DIRNAME/../../build/weir}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	pages=(README.md ARCHITECTURE.md CONTRIBUTING.md docs/*.md)
}

check() { "$python" -B tests/e2e/docs_check.py "$1" "$weir" "${@:2}"; }

# on_a_host [--installed] PAGE...: runs what they say, on a host of their own
on_a_host() {
	local scratch
	scratch=$(mktemp -d -p "$BATS_TEST_TMPDIR")
	unshare --mount --net --pid --fork --kill-child --propagation private \
		tests/e2e/docs_world.sh "$scratch" "$python" -B tests/e2e/docs_run.py "$@" 3>&-
}

follow() {
	run on_a_host "$@"
	echo "$output"
	# shellcheck disable=SC2001 # of each line
	[ "$status" != 0 ] || sed 's/^/# /' <<< "$output" >&3
	return "$status"
}

@test "links between pages lead to a page, and to a heading of it" {
	check links "${pages[@]}"
}

@test "weir check accepts each configuration in the pages" {
	check yaml "${pages[@]}"
}

@test "commands named in the text are ones that there are, with their options" {
	check words "${pages[@]}"
}

@test "the README can be followed from a copy of the repository" {
	follow README.md
}

@test "the quick start can be followed from a copy of the repository, and its limit holds" {
	follow docs/quick-start.md
}

@test "every command of the pages for trouble runs on a host with Weir" {
	follow --installed docs/runbook.md docs/troubleshooting.md
}

@test "every command of the pages on deployment runs on a host with Weir" {
	follow --installed docs/deployment.md docs/upgrade.md
}

@test "every command of the other pages runs on a host with Weir" {
	local others=()
	for page in "${pages[@]}"; do
		case $page in
		README.md | docs/quick-start.md | docs/runbook.md | docs/troubleshooting.md | docs/deployment.md | docs/upgrade.md) ;;
		*) others+=("$page") ;;
		esac
	done
	follow --installed "${others[@]}"
}

@test "a page that is not right fails, with its line" {
	local page=$BATS_TEST_TMPDIR/page.md
	printf 'Text.\n\n    weir status\n    weir sttus\n' > "$page"
	run -1 on_a_host "$page"
	[[ $output == *"page.md:3: weir status"* ]]
	# shellcheck disable=SC2016 # Markdown
	printf '# A\n\n[b](none.md) [c](#d) `weir sttus` `weir ban --fro 1m`\n\n```yaml\ninterfaces: [{name: eth0, attahc: tc}]\n```\n' > "$page"
	run -1 check links "$page"
	[[ $output == *"page.md:3: there is no none.md"*"page.md:3: "*"page.md has no heading for #d"* ]]
	run -1 check words "$page"
	[[ $output == *"no command weir sttus"*"weir ban has no --fro"* ]]
	run -1 check yaml "$page"
	[[ $output == *"page.md:6: "*attahc* ]]
	# shellcheck disable=SC2016
	printf '```text\nsudo weir run\n```\n' > "$page"
	run -1 check links "$page"
	[[ $output == *"page.md:2: a command in a block that is not run"* ]]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the tab key offers. That the script knows each command and option: test_cli.c.
# shellcheck disable=SC2317 # functions that the completion calls

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/../../scripts/completion/weir.bash"
	COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
}

# In place of the program: what the daemon would tell it
weir() {
	case $2 in
	services) printf '%s\n' other web dns ;;
	upstreams) printf '%s\n' api db ;;
	names) printf '%s\n' other web dns api db ;;
	bans) printf '%s\n' 203.0.113.0/24 2001:db8:bad::/48 2001:db8:beef::/48 ;;
	esac
}

# offers LINE: the words for the end of it, divided as bash would; compopt works only below readline
offers() {
	compopt() { :; }
	COMP_LINE=$1 COMP_POINT=${#1}
	local line=${1//:/ : }
	read -ra COMP_WORDS <<< "${line//=/ = }"
	[[ $1 != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_weir
	echo "${COMPREPLY[*]}"
}

@test "commands come first" {
	[ "$(offers 'weir st')" = status ]
	[[ $(offers 'weir ') == *'top latency events ban unban'* ]]
	[ "$(offers 'weir help ba')" = 'ban bans' ]
}

@test "each command offers its own options" {
	[ "$(offers 'weir ban --')" = '--socket --json --for --cluster --help' ]
	[ "$(offers 'weir top --o')" = --once ]
	[ "$(offers 'weir check --s')" = '' ]
}

@test "values follow their option, also behind an equals sign" {
	[ "$(offers 'weir top --by ')" = 'refused passed total' ]
	[ "$(offers 'weir top --by=')" = 'refused passed total' ]
	[ "$(offers 'weir top --by=r')" = refused ]
	[ "$(offers 'weir run --log j')" = json ]
	[[ " $(offers 'weir run -i l') " == *' lo '* ]]
}

@test "services and bans come from the daemon" {
	[ "$(offers 'weir top --service ')" = 'other web dns' ]
	[ "$(offers 'weir top -S w')" = web ]
	[ "$(offers 'weir unban 203')" = 203.0.113.0/24 ]
}

@test "flows have orders and upstreams of their own" {
	[ "$(offers 'weir top --fl')" = --flows ]
	[ "$(offers 'weir top --flows --sort ')" = 'rate bytes' ]
	[ "$(offers 'weir top --flows --upstream ')" = 'api db' ]
	[ "$(offers 'weir top -U d')" = db ]
}

@test "latency takes services and upstreams, as often as one likes" {
	[ "$(offers 'weir lat')" = latency ]
	[ "$(offers 'weir latency ')" = 'other web dns api db' ]
	[ "$(offers 'weir latency web a')" = api ]
	[ "$(offers 'weir latency --once web d')" = 'dns db' ]
	[ "$(offers 'weir latency --')" = '--socket --json --interval --once --help' ]
}

@test "the cluster is watched as breakers are" {
	[ "$(offers 'weir cl')" = cluster ]
	[ "$(offers 'weir cluster --')" = "$(offers 'weir breakers --')" ]
	[[ $(offers 'weir cluster --') == *--watch* ]]
}

@test "a ban with colons is completed behind the last colon, where bash divides words" {
	[ "$(offers 'weir unban 2001:db8:be')" = beef::/48 ]
	COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}
	[ "$(offers 'weir unban 2001:db8:be')" = 2001:db8:beef::/48 ]
}

@test "without a daemon nothing is offered, and nothing is said" {
	weir() { echo 'weir: no weir daemon answers' >&2; return 1; }
	run offers 'weir top --service '
	[ "$output" = '' ]
}

@test "files are offered where files are wanted" {
	cd "$BATS_TEST_TMPDIR"
	touch weir.yaml
	[ "$(offers 'weir check we')" = weir.yaml ]
	[ "$(offers 'weir run -c we')" = weir.yaml ]
}

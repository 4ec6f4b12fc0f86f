# bash completion for weir. Made by `weir help --completion bash` from its own tables: do not edit.
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

_weir_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_weir_files()
{
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -A "$1" -- "$2")
}

_weir_from_daemon()
{
	local word=${COMP_LINE:0:COMP_POINT} before=
	word=${word##*[ =]}
	# A colon, as in an IPv6 prefix, divides words for bash: only what is behind the last is replaced
	if [[ $COMP_WORDBREAKS == *:* ]]; then before=${word%"${word##*:}"}; fi
	_weir_words "$(weir __complete "$1" 2> /dev/null)" "$word"
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

_weir()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options=

	COMPREPLY=()
	if [ "$current" = '=' ]; then
		current=
	elif [ "$previous" = '=' ]; then
		previous=${COMP_WORDS[COMP_CWORD-2]}
	fi
	local commands='run check doctor status top latency events ban unban bans breakers breaker cluster reload detach version help'
	if [ "$COMP_CWORD" = 1 ]; then
		_weir_words "$commands --help --version" "$current"
		return
	fi
	case $previous in
	--config | -c) _weir_files file "$current"; return ;;
	--interface | -i) _weir_words "$(ls /sys/class/net)" "$current"; return ;;
	--log) _weir_words 'text json' "$current"; return ;;
	--log-level) _weir_words 'error warning info debug' "$current"; return ;;
	--socket | -s) _weir_files file "$current"; return ;;
	--interval | -n) _weir_words '500ms 1s 2s 5s' "$current"; return ;;
	--by | -b) _weir_words 'refused passed total' "$current"; return ;;
	--service | -S) _weir_from_daemon services; return ;;
	--limit | -l) :; return ;;
	--sort) _weir_words 'rate bytes' "$current"; return ;;
	--upstream | -U) _weir_from_daemon upstreams; return ;;
	--count) :; return ;;
	--for | -f) _weir_words '10m 1h 24h' "$current"; return ;;
	--pins) _weir_files directory "$current"; return ;;
	--completion) _weir_words 'bash' "$current"; return ;;
	esac
	case ${COMP_WORDS[1]} in
	run) options='--config --interface --log --log-level --socket --no-watch --help' ;;
	check) options='--print --help' ;;
	doctor) options='--config --interface --json --help' ;;
	status) options='--socket --json --help' ;;
	top) options='--socket --json --interval --once --by --service --limit --flows --sort --upstream --help' ;;
	latency) options='--socket --json --interval --once --help' ;;
	events) options='--socket --json --count --help' ;;
	ban) options='--socket --json --for --cluster --help' ;;
	unban) options='--socket --json --cluster --help' ;;
	bans) options='--socket --json --help' ;;
	breakers) options='--socket --json --interval --once --watch --help' ;;
	breaker) options='--socket --json --for --cluster --help' ;;
	cluster) options='--socket --json --interval --once --watch --help' ;;
	reload) options='--socket --json --help' ;;
	detach) options='--socket --json --pins --help' ;;
	version) options='--json --help' ;;
	help) options='--list --completion --help' ;;
	esac
	if [[ $current == -* ]]; then
		_weir_words "$options" "$current"
		return
	fi
	case ${COMP_WORDS[1]} in
	check) _weir_files file "$current" ;;
	latency) _weir_from_daemon names ;;
	unban) _weir_from_daemon bans ;;
	breaker) if [ "$COMP_CWORD" = 2 ]; then _weir_words 'open close auto reset' "$current"; else _weir_from_daemon breakers; fi ;;
	help) _weir_words "$commands" "$current" ;;
	esac
}
complete -F _weir weir

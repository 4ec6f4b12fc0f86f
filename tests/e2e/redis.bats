#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The thread that talks to Redis, by tests/tools/redis_ask.c, which is built with sanitizers: what real servers say, and what
# becomes of it when they refuse, hang, die or move. One Redis and what is none; redis_cluster.bats and redis_sentinel.bats
# have the others.

load lib
load redis

setup() { redis_world; }
teardown() {
	local ended=0
	end_talk || ended=1
	redis_end
	return $ended
}

# one NAME: it is at its unix socket
one() { printf -- '--unix %s' "$redis_dir/$1.sock"; }

@test "replies are what Redis says, in order, arrays flat" {
	redis_start a
	answer=$(ask --unix "$redis_dir/a.sock" '[["SET","k","v"],["INCR","n"],["GET","none"],["MGET","k","none"],
		{"script":"return {1, {2, {3}, KEYS[1]}, redis.status_reply(ARGV[1]), redis.error_reply(\"E x\"), \"\"}",
		 "keys":["a"], "arguments":["b"]}]')
	holds '.state == "ok" and .error == "" and (.reconnected | not)' "$answer"
	is '["OK"] [1] [null] ["v",null] [1,2,3,"a","b",{"error":"E x"},""]' \
		"$(jq -r '[.commands[].values | tojson] | join(" ")' <<< "$answer")"
	holds '[.commands[] | .state == "ok" and .ms > 0 and .ms < 1000] | all' "$answer"
}

@test "strings with zero bytes go through" {
	redis_start a
	answer=$(ask --unix "$redis_dir/a.sock" '[["SET","k","a\u0000b"],["STRLEN","k"],["GET","k"]]')
	holds '[.commands[].values[0]] == ["OK", 3, "a\u0000b"]' "$answer"
}

@test "no work is done at once, and much of it in one go" {
	redis_start a
	holds '.state == "ok" and .commands == []' "$(ask --unix "$redis_dir/a.sock" '[]')"
	# Far more than sockets hold, both ways
	work=$(jq -nc '[range(400) | ["ECHO", ("x" * 40000) + tostring]]')
	ask --unix "$redis_dir/a.sock" --command-timeout 20000 <<< "$work" > "$redis_dir/answer"
	jq -e '.state == "ok" and ([.commands[].values[0][40000:]] == [range(400) | tostring])' "$redis_dir/answer"
}

@test "by TCP, IPv6 and by name, with keepalive, and no child inherits the connection" {
	redis_start a --port 7000 --bind 127.0.0.1 ::1
	for place in 127.0.0.1:7000 '[::1]:7000' localhost:7000; do
		holds '.state == "ok"' "$(ask --redis "$place" '[["PING"]]')"
	done
	talk_begin --redis 127.0.0.1:7000
	holds '.state == "ok"' "$(talk '[["PING"]]')"
	in_redis ss -tnoH state established dport = :7000 | grep 'timer:(keepalive'
	found=0
	for fd in "/proc/$talker"/fd/*; do
		[[ $(readlink "$fd") == socket:* ]] || continue
		flags=$(awk '$1 == "flags:" { print $2 }' "/proc/$talker/fdinfo/${fd##*/}")
		(((8#$flags & 8#2000000) != 0)) || { echo "$fd: $flags"; return 1; }
		found=$((found + 1))
	done
	is 1 $found
}

@test "its thread is called weir-redis and takes no signals" {
	redis_start a
	talk_begin --unix "$redis_dir/a.sock"
	talk '[["PING"]]'
	thread=$(grep -lx weir-redis "/proc/$talker"/task/*/comm)
	blocked=$(awk '$1 == "SigBlk:" { print $2 }' "${thread%/comm}/status")
	# All but KILL and STOP, and the two that the C library keeps for itself
	is fffffffe7ffbfeff "$blocked"
}

# ------------------------------------------------------------------------------------- who may do what

@test "a password, from the URL or from a file; wrong, missing or not wanted it is said so, and never shown" {
	redis_start a --requirepass 'Right secret'
	redis_start open
	holds '.state == "ok"' "$(ask --unix "$redis_dir/a.sock" --password 'Right secret' '[["PING"]]')"
	for text in 'Right secret' 'Right secret\n' 'Right secret\r\n'; do
		printf %b "$text" > "$redis_dir/password"
		holds '.state == "ok"' "$(ask --unix "$redis_dir/a.sock" --password-file "$redis_dir/password" '[["PING"]]')"
	done
	answer=$(ask --unix "$redis_dir/a.sock" --password 'Wrong secret' '[["PING"]]')
	holds '.state == "password" and (.error | contains("WRONGPASS") and contains("a.sock"))' "$answer"
	[[ $answer != *secret* ]]
	answer=$(ask --unix "$redis_dir/a.sock" '[["PING"]]')
	holds '.state == "password" and (.error | contains("NOAUTH"))' "$answer"
	answer=$(ask --unix "$redis_dir/open.sock" --password 'Needless secret' '[["PING"]]')
	holds '.state == "password" and (.error | contains("without any password configured"))' "$answer"
	[[ $answer != *secret* ]]
}

@test "a file of a password that is not there, empty or too long is said so" {
	redis_start a
	answer=$(ask --unix "$redis_dir/a.sock" --password-file "$redis_dir/none" '[["PING"]]')
	holds '.state == "password" and (.error | contains("/none: No such file"))' "$answer"
	printf '\n' > "$redis_dir/empty"
	answer=$(ask --unix "$redis_dir/a.sock" --password-file "$redis_dir/empty" '[["PING"]]')
	holds '.state == "password" and (.error | contains("its first line must have 1 to"))' "$answer"
	head -c 20000 /dev/zero | tr '\0' x > "$redis_dir/long"
	answer=$(ask --unix "$redis_dir/a.sock" --password-file "$redis_dir/long" '[["PING"]]')
	holds '.state == "password" and (.error | contains("its first line must have 1 to"))' "$answer"
}

@test "the file of a password is read anew for each connection" {
	redis_start a --requirepass first
	echo first > "$redis_dir/password"
	talk_begin --unix "$redis_dir/a.sock" --password-file "$redis_dir/password"
	holds '.state == "ok"' "$(talk '[["PING"]]')"
	REDISCLI_AUTH=first redis_cli a CONFIG SET requirepass second
	echo second > "$redis_dir/password"
	REDISCLI_AUTH=second redis_cli a CLIENT KILL TYPE normal SKIPME yes
	holds '.state == "ok" and .reconnected' "$(talk '[["PING"]]')"
}

@test "a server that does not know AUTH, and quotes what it was told, does not make us tell the password" {
	redis_start a --rename-command AUTH ''
	answer=$(ask --unix "$redis_dir/a.sock" --user weir --password 'Quoted secret' '[["PING"]]')
	holds '.state == "password" and (.error | contains("refused AUTH"))' "$answer"
	[[ $answer != *secret* ]]
}

@test "a user of the ACL: what it may do, and what it may not, in and outside of scripts" {
	redis_start a
	redis_cli a ACL SETUSER weir on '>its secret' '~weir:*' +set +evalsha '+script|load' +select
	redis_cli a ACL SETUSER open on nopass +@all '~*'
	redis_cli a ACL SETUSER off off '>its secret' +@all '~*'
	weir=(--unix "$redis_dir/a.sock" --user weir --password 'its secret')
	holds '.state == "ok"' "$(ask "${weir[@]}" '[["SET","weir:a","1"],
		{"script":"return redis.call(\"SET\", KEYS[1], 1)", "keys":["weir:a"]}]')"
	answer=$(ask "${weir[@]}" '[["GET","weir:a"]]')
	holds '.state == "refused" and (.error | contains("NOPERM") and contains("get"))' "$answer"
	answer=$(ask "${weir[@]}" '[["SET","other","1"]]')
	holds '.state == "refused"' "$answer"
	answer=$(ask "${weir[@]}" '[{"script":"return redis.call(\"GET\", KEYS[1])", "keys":["weir:a"]}]')
	holds '.state == "refused"' "$answer"
	answer=$(ask "${weir[@]}" '[{"script":"return redis.call(\"SET\", \"other\", 1)", "keys":["weir:a"]}]')
	holds '.state == "refused"' "$answer"
	holds '.state == "ok"' "$(ask --unix "$redis_dir/a.sock" --user open '[["PING"]]')"
	answer=$(ask --unix "$redis_dir/a.sock" --user off --password 'its secret' '[["PING"]]')
	holds '.state == "password"' "$answer"
	answer=$(ask --unix "$redis_dir/a.sock" --user nobody --password 'its secret' '[["PING"]]')
	holds '.state == "password"' "$answer"
	[[ $answer != *secret* ]]
}

@test "a user who may not load scripts is told so, not that there is no script" {
	redis_start a
	redis_cli a ACL SETUSER weir on '>x' '~*' +evalsha
	answer=$(ask --unix "$redis_dir/a.sock" --user weir --password x '[{"script":"return 1", "keys":["a"]}]')
	holds '.state == "refused" and (.error | contains("script"))' "$answer"
	# Also if the script was known before
	redis_cli a ACL SETUSER weir +@all
	talk_begin --unix "$redis_dir/a.sock" --user weir --password x
	holds '.state == "ok"' "$(talk '[{"script":"return 1", "keys":["a"]}]')"
	redis_cli a ACL SETUSER weir -script
	redis_cli a SCRIPT FLUSH
	answer=$(talk '[{"script":"return 1", "keys":["a"]}]')
	holds '.state == "refused" and (.error | contains("script"))' "$answer"
}

@test "a database of its own, and one that there is not" {
	redis_start a
	holds '.state == "ok"' "$(ask --unix "$redis_dir/a.sock" --database 3 '[["SET","k","3"]]')"
	is 3 "$(redis_cli a -n 3 GET k)"
	is '' "$(redis_cli a GET k)"
	answer=$(ask --unix "$redis_dir/a.sock" --database 16 '[["SET","k","16"]]')
	holds '.state == "database" and (.error | contains("DB index is out of range"))' "$answer"
	is '' "$(redis_cli a GET k)"
}

@test "protected mode is said to be what it is" {
	ip -n "$redis_net" addr add 10.9.9.9/32 dev lo
	redis_start a --port 7000 --bind 10.9.9.9
	answer=$(ask --redis 10.9.9.9:7000 '[["PING"]]')
	holds '.state == "refused" and (.error | contains("protected mode"))' "$answer"
}

# --------------------------------------------------------------------------------------- what it lacks

@test "out of memory, for commands and in scripts" {
	redis_start a --maxmemory 100kb --maxmemory-policy noeviction
	script=$(jq -Rs . < "$BATS_TEST_DIRNAME/../../user/cluster/round.lua")
	round='{"script":'$script',"keys":["weir:{s0}:meta","weir:{s0}:last:a","weir:{s0}:nodes"],"arguments":["a","boot","1","1000000","0","1"]}'
	talk_begin --unix "$redis_dir/a.sock"
	answer=$(talk "[[\"SET\",\"k\",\"1\"],$round]")
	holds '[.commands[].state] == ["out_of_memory", "out_of_memory"] and (.error | contains("OOM"))' "$answer"
	redis_cli a CONFIG SET maxmemory 0
	holds '.state == "ok" and (.commands[0].values | length) == 6' "$(talk "[$round]")"
}

@test "a replica is not written to" {
	redis_start a --port 7000
	redis_start b --port 7001 --replicaof 127.0.0.1 7000
	redis_until redis_replica_is_fed b
	answer=$(ask --redis 127.0.0.1:7001 '[["SET","k","1"]]')
	holds '.state == "read_only" and (.error | contains("READONLY") and contains("127.0.0.1:7001"))' "$answer"
	answer=$(ask --redis 127.0.0.1:7001 '[{"script":"return redis.call(\"SET\", KEYS[1], 1)", "keys":["k"]}]')
	holds '.state == "read_only"' "$answer"
	redis_cli b CONFIG SET replica-serve-stale-data no
	redis_stop a KILL
	redis_until redis_says b MASTERDOWN GET k
	answer=$(ask --redis 127.0.0.1:7001 '[["GET","k"]]')
	holds '.state == "read_only" and (.error | contains("MASTERDOWN"))' "$answer"
}

@test "a replica that has become the master is found again by its name" {
	redis_start a --port 7000
	redis_start b --port 7001 --replicaof 127.0.0.1 7000
	redis_until redis_replica_is_fed b
	talk_begin --redis 127.0.0.1:7001
	holds '.state == "read_only"' "$(talk '[["SET","k","1"]]')"
	redis_cli b REPLICAOF NO ONE
	holds '.state == "ok"' "$(talk '[["SET","k","1"]]')"
}

@test "one that still loads its data is waited for" {
	redis_start a
	redis_cli a EVAL 'for i = 1, 3000 do redis.call("SET", "k" .. i, string.rep("x", 100)) end' 0
	redis_cli a SAVE
	redis_stop a
	redis_launch a --key-load-delay 1000 --loading-process-events-interval-bytes 1024
	redis_until redis_says a LOADING GET k1
	answer=$(ask --unix "$redis_dir/a.sock" '[["GET","k1"]]')
	holds '.state == "loading" and (.error | contains("LOADING"))' "$answer"
}

@test "one that is busy with a script of somebody else" {
	redis_start a --lua-time-limit 20
	redis_background busy redis-cli -s "$redis_dir/a.sock" EVAL 'while true do end' 0
	redis_until redis_says a BUSY PING
	answer=$(ask --unix "$redis_dir/a.sock" '[["GET","a"]]')
	holds '.state == "timeout" and (.error | contains("BUSY"))' "$answer"
	redis_cli a SCRIPT KILL
}

@test "one that cannot save, and will not write because of that" {
	redis_start a
	rm -r "$redis_dir/a"
	redis_cli a CONFIG SET save '1 1'
	redis_cli a SET k 1
	redis_until redis_says a MISCONF SET k 2
	answer=$(ask --unix "$redis_dir/a.sock" '[["SET","k","2"]]')
	holds '.state == "error" and (.error | contains("MISCONF"))' "$answer"
}

@test "one that has clients enough" {
	redis_start a --maxclients 1
	talk_begin --unix "$redis_dir/a.sock"
	holds '.state == "ok"' "$(talk '[["PING"]]')"
	answer=$(ask --unix "$redis_dir/a.sock" '[["PING"]]')
	holds '.state == "error" and (.error | contains("max number of clients"))' "$answer"
	answer=$(ask --unix "$redis_dir/a.sock" --password 'Any secret' '[["PING"]]')
	holds '.state == "error" and (.error | contains("max number of clients"))' "$answer"
}

# ------------------------------------------------------------------------------------------ what is none

@test "what is not Redis is said to be none: a web server, SSH, a port that closes, one that speaks TLS" {
	mkdir "$redis_dir/nginx"
	cat > "$redis_dir/nginx/nginx.conf" <<- END
		daemon off;
		worker_processes 1;
		pid $redis_dir/nginx/pid;
		error_log $redis_dir/nginx/error.log;
		events { worker_connections 16; }
		http { access_log off; server { listen 7080; return 200 "served\n"; } }
	END
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-keyout "$redis_dir/key.pem" -out "$redis_dir/cert.pem" 2> /dev/null
	redis_background nginx nginx -p "$redis_dir/nginx" -c "$redis_dir/nginx/nginx.conf"
	redis_background ssh socat TCP-LISTEN:7022,fork,reuseaddr SYSTEM:'printf "SSH-2.0-OpenSSH_9.2\\r\\n"; cat > /dev/null'
	redis_background closes socat TCP-LISTEN:7001,fork,reuseaddr SYSTEM:'exit 0'
	redis_start tls --tls-port 7443 --tls-auth-clients no --tls-cert-file "$redis_dir/cert.pem" --tls-key-file "$redis_dir/key.pem"
	printf '\x15\x03\x03\0\x02\x02\x46' > "$redis_dir/alert"
	redis_background alert socat TCP-LISTEN:7444,fork,reuseaddr SYSTEM:"cat $redis_dir/alert; cat > /dev/null"
	for port in 7080 7022 7001 7443 7444; do
		redis_until redis_listens tcp $port
		answer=$(ask --redis 127.0.0.1:$port --password 'Some secret' '[["PING"]]')
		echo "$answer"
		holds '.state == "not_redis" and (.error | contains("127.0.0.1:'$port'"))' "$answer"
		[[ $answer != *secret* ]]
		[ $port != 7443 ] || [[ $answer == *"one that wants TLS"* ]]
		[ $port != 7444 ] || [[ $answer == *"speaks TLS"* ]]
	done
}

@test "a port that is silent is given up on in time" {
	redis_background silent socat -u TCP-LISTEN:7001,fork,reuseaddr OPEN:/dev/null
	redis_until redis_listens tcp 7001
	answer=$(ask --redis 127.0.0.1:7001 --connect-timeout 200 '[["PING"]]')
	holds '.state == "timeout" and (.error | contains("takes connections")) and .ms >= 200 and .ms < 700' "$answer"
}

@test "an address that nothing answers is given up on in time" {
	ip -n "$redis_net" link add out type veth peer name nowhere
	ip -n "$redis_net" link set out up
	ip -n "$redis_net" link set nowhere up
	ip -n "$redis_net" addr add 10.9.9.1/24 dev out
	answer=$(ask --redis 10.9.9.2:6379 --connect-timeout 200 '[["PING"]]')
	holds '.state == "unreachable" and (.error | contains("nothing answers there")) and .ms >= 200 and .ms < 700' "$answer"
}

@test "nobody waits for name servers that are silent" {
	redis_background names socat -u UDP-RECV:53,bind=127.0.0.9 OPEN:/dev/null
	redis_until redis_listens udp 53
	echo nameserver 127.0.0.9 > "$redis_dir/resolv.conf"
	begin=$(date +%s%N)
	# shellcheck disable=SC2016 # the inner shell's own
	answer=$(in_redis unshare --mount sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' - \
		"$redis_dir/resolv.conf" env ASAN_OPTIONS=detect_leaks=0 "$redis_ask" --redis redis.example:6379 --connect-timeout 200 '[["PING"]]' '[["PING"]]')
	took=$((($(date +%s%N) - begin) / 1000000))
	echo "$answer"
	holds '.state == "unreachable" and (.error | contains("name servers")) and .ms < 700' "$answer"
	[ $took -lt 4000 ] # the first name server alone is waited for for 5 s
}

@test "Redis 5 is too old, with a password or without" {
	redis_background old "$python" "$BATS_TEST_DIRNAME/old_redis.py" 7005
	redis_background older "$python" "$BATS_TEST_DIRNAME/old_redis.py" 7006 'Old secret'
	for port in 7005 7006; do
		redis_until redis_listens tcp $port
	done
	holds '.state == "too_old" and (.error | contains("Redis 5.0.7"))' "$(ask --redis 127.0.0.1:7005 '[["PING"]]')"
	answer=$(ask --redis 127.0.0.1:7006 --password 'Old secret' '[["PING"]]')
	holds '.state == "too_old" and (.error | contains("Redis 5.0.7"))' "$answer"
	answer=$(ask --redis 127.0.0.1:7006 --user weir --password 'Old secret' '[["PING"]]')
	holds '.state == "too_old"' "$answer"
	[[ $answer != *secret* ]]
}

@test "a sentinel is no Redis, and neither is one that knows no HELLO" {
	redis_start a --port 7000
	sentinel_start s 7026 main 7000 1
	answer=$(ask --redis 127.0.0.1:7026 '[["PING"]]')
	holds '.state == "not_redis" and (.error | contains("redis-sentinel://"))' "$answer"
	redis_start b --rename-command HELLO '' --rename-command INFO ''
	answer=$(ask --unix "$redis_dir/b.sock" '[["PING"]]')
	holds '.state == "too_old" and (.error | contains("HELLO"))' "$answer"
}

# ------------------------------------------------------------------------------------ when things go wrong

@test "what does not come in time is not waited for, and never taken for another answer" {
	redis_start a --enable-debug-command yes
	talk_begin --unix "$redis_dir/a.sock" --command-timeout 200 --connect-timeout 200
	holds '.state == "ok"' "$(talk '[["SET","k","right"]]')"
	answer=$(talk '[["GET","k"],["DEBUG","SLEEP","1"],["ECHO","late"]]')
	holds '[.commands[].state] == ["timeout", "timeout", "timeout"] and .ms >= 200 and .ms < 700' "$answer"
	holds '[.commands[].values] == [[], [], []]' "$answer"
	holds '.state == "timeout"' "$(talk '[["GET","k"]]')"
	redis_until redis_answers a
	answer=$(talk '[["GET","k"]]')
	holds '.state == "ok" and .commands[0].values == ["right"] and .reconnected' "$answer"
}

@test "one that is stopped is given up on in time, and is there when it goes on" {
	redis_start a
	talk_begin --unix "$redis_dir/a.sock" --command-timeout 100 --connect-timeout 150
	holds '.state == "ok"' "$(talk '[["PING"]]')"
	kill -STOP "$(redis_pid a)"
	for _ in 1 2 3; do
		answer=$(talk '[["INCR","n"]]')
		holds '.state == "timeout" and .ms < 600' "$answer"
	done
	kill -CONT "$(redis_pid a)"
	redis_until redis_answers a
	holds '.state == "ok"' "$(talk '[["PING"]]')"
}

@test "one that was restarted is connected again, without anybody noticing but in the count" {
	redis_start a --port 7000
	talk_begin --redis 127.0.0.1:7000
	holds '.state == "ok" and (.reconnected | not)' "$(talk '[["PING"],{"script":"return 7","keys":["a"]}]')"
	for signal in TERM KILL; do
		redis_stop a $signal
		redis_start a --port 7000
		answer=$(talk '[["PING"],{"script":"return 7","keys":["a"]}]')
		holds '.state == "ok" and .reconnected and .commands[1].values == [7]' "$answer"
	done
	redis_stop a KILL
	holds '.state == "unreachable" and (.error | contains("refused"))' "$(talk '[["PING"]]')"
	redis_start a --port 7000
	holds '.state == "ok" and .reconnected' "$(talk '[["PING"]]')"
	holds '.state == "ok" and (.reconnected | not)' "$(talk '[["PING"]]')"
}

@test "a connection that dies in the middle of a pipeline: what was answered is not sent again" {
	redis_start a
	talk_begin --unix "$redis_dir/a.sock"
	talk '[["PING"]]'
	# It closes our connection when it has answered what came before
	answer=$(talk '[["INCR","first"],["CLIENT","KILL","TYPE","normal","SKIPME","no"],["INCR","after"]]')
	echo "$answer"
	holds '.commands[0].values == [1] and .commands[2].values == [1]' "$answer"
	is 1 "$(redis_cli a GET first)"
	is 1 "$(redis_cli a GET after)"
}

@test "scripts that were flushed are loaded again, and all keep their order" {
	redis_start a
	script='"return redis.call(\"RPUSH\", KEYS[1], ARGV[1])"'
	work='[{"script":'$script',"keys":["l"],"arguments":["1"]},{"script":'$script',"keys":["l"],"arguments":["2"]},
		{"script":"return redis.call(\"RPUSH\", KEYS[1], \"3\")","keys":["l"]}]'
	talk_begin --unix "$redis_dir/a.sock"
	holds '[.commands[].values[0]] == [1,2,3]' "$(talk "${work//$'\n'/}")"
	redis_cli a SCRIPT FLUSH
	answer=$(talk "${work//$'\n'/}")
	holds '.state == "ok" and [.commands[].values[0]] == [4,5,6] and (.reconnected | not)' "$answer"
	is '1 2 3 1 2 3' "$(redis_cli a LRANGE l 0 -1 | tr '\n' ' ' | sed 's/ $//')"
}

@test "a script is not sent again behind one of its shard that was carried out" {
	redis_start a
	push='"return redis.call(\"RPUSH\", KEYS[1], ARGV[1])"'
	same='"return redis.call(\"RPUSH\", KEYS[1], ARGV[1], KEYS[1])"'
	talk_begin --unix "$redis_dir/a.sock"
	talk '[{"script":'"$push"',"keys":["{s}a"],"arguments":["0"]},{"script":'"$same"',"keys":["{s}a"],"arguments":["0"]}]'
	# Only the second of both is there when they are sent: both are refused alike unless somebody loads in between
	redis_cli a SCRIPT FLUSH
	redis_cli a SCRIPT LOAD 'return redis.call("RPUSH", KEYS[1], ARGV[1], KEYS[1])'
	redis_cli a DEL '{s}a' '{t}a'
	answer=$(talk '[{"script":'"$push"',"keys":["{s}a"],"arguments":["1"]},{"script":'"$push"',"keys":["{t}a"],"arguments":["1"]},
		{"script":'"$same"',"keys":["{s}a"],"arguments":["2"]}]')
	holds '[.commands[].state] == ["error", "ok", "ok"] and (.error | contains("NOSCRIPT"))' "$answer"
	is '2 {s}a' "$(redis_cli a LRANGE '{s}a' 0 -1 | tr '\n' ' ' | sed 's/ $//')"
	is 1 "$(redis_cli a LRANGE '{t}a' 0 -1)"
}

@test "an end in the middle of something takes no longer than its timeouts" {
	redis_start a
	kill -STOP "$(redis_pid a)"
	talk_begin --unix "$redis_dir/a.sock" --command-timeout 300 --connect-timeout 300
	echo '[["PING"]]' >&"$to_talker"
	begin=$(date +%s%N)
	end_talk
	[ $((($(date +%s%N) - begin) / 1000000)) -lt 2000 ]
}

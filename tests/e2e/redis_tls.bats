#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The thread that talks to Redis, by TLS, where this build has it (hiredis 1.0 or later); and what is said where it has not.

load lib
load redis

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	authority ours
	authority others
	certificate server ours DNS:localhost,IP:127.0.0.1,IP:::1
	certificate stranger ours DNS:redis.example
	certificate foreign others DNS:localhost,IP:127.0.0.1
	certificate client ours DNS:weir
}

setup() {
	redis_world
	keys=$BATS_FILE_TMPDIR
	has_tls=$("$redis_ask" --library | jq .tls)
}

teardown() {
	local ended=0
	end_talk || ended=1
	redis_end
	return $ended
}

needs_tls() { [ "$has_tls" = true ] || skip "hiredis $("$redis_ask" --library | jq -r .version) has no TLS"; }

authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.ca.key" -out "$1.ca.pem" 2> /dev/null
}

certificate() { # NAME AUTHORITY SUBJECT-ALTERNATIVE-NAMES
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2> /dev/null
	openssl x509 -req -in "$1.csr" -CA "$2.ca.pem" -CAkey "$2.ca.key" -CAcreateserial -days 2 -out "$1.pem" \
		-extfile <(echo "subjectAltName=$3") 2> /dev/null
}

# tls_start CERTIFICATE [OPTION...]: on port 7443
tls_start() {
	local name=$1
	shift
	redis_start a --tls-port 7443 --bind 127.0.0.1 ::1 --tls-cert-file "$keys/$name.pem" --tls-key-file "$keys/$name.key" \
		--tls-ca-cert-file "$keys/ours.ca.pem" "$@"
}

@test "a build without TLS says so, and what it takes" {
	[ "$has_tls" = false ] || skip "this build has TLS"
	answer=$(ask --redis 127.0.0.1:7443 --tls '[["PING"]]')
	holds '.state == "no_tls" and (.error | contains("127.0.0.1:7443")) and (.remedy | contains("hiredis 1.0"))' "$answer"
}

@test "by TLS, if the certificate is one of ours and for whom we talk to" {
	needs_tls
	tls_start server --tls-auth-clients no --requirepass secret
	for place in localhost:7443 127.0.0.1:7443 '[::1]:7443'; do
		holds '.state == "ok"' "$(ask --redis "$place" --tls --ca "$keys/ours.ca.pem" --password secret '[["SET","k","v"],["GET","k"]]')"
	done
	work=$(jq -nc '[range(100) | ["ECHO", ("x" * 40000) + tostring]]')
	ask --redis 127.0.0.1:7443 --tls --ca "$keys/ours.ca.pem" --password secret --command-timeout 20000 <<< "$work" > "$redis_dir/answer"
	jq -e '.state == "ok" and ([.commands[].values[0][40000:]] == [range(100) | tostring])' "$redis_dir/answer"
	answer=$(ask --redis 127.0.0.1:7443 --tls --ca "$keys/others.ca.pem" '[["PING"]]')
	holds '.state == "tls" and (.error | contains("not accepted"))' "$answer"
	answer=$(ask --redis 127.0.0.1:7443 --tls '[["PING"]]')
	holds '.state == "tls" and (.error | contains("not accepted"))' "$answer"
	answer=$(ask --redis 127.0.0.1:7443 --tls --ca "$keys/none.pem" '[["PING"]]')
	holds '.state == "tls" and (.error | contains("none.pem"))' "$answer"
	answer=$(ask --redis 127.0.0.1:7443 --password secret '[["PING"]]')
	holds '.state == "not_redis" and (.error | contains("TLS"))' "$answer"
}

@test "a certificate for somebody else is not accepted, whoever signed it" {
	needs_tls
	tls_start stranger --tls-auth-clients no
	for place in localhost:7443 127.0.0.1:7443; do
		answer=$(ask --redis "$place" --tls --ca "$keys/ours.ca.pem" '[["PING"]]')
		holds '.state == "tls" and (.error | contains("mismatch"))' "$answer"
	done
	redis_stop a
	tls_start foreign --tls-auth-clients no
	answer=$(ask --redis localhost:7443 --tls --ca "$keys/ours.ca.pem" '[["PING"]]')
	holds '.state == "tls" and (.error | contains("not accepted"))' "$answer"
}

@test "a server that wants a certificate of ours gets it, and says so if it does not" {
	needs_tls
	tls_start server
	ours=(--redis 127.0.0.1:7443 --tls --ca "$keys/ours.ca.pem")
	holds '.state == "ok"' "$(ask "${ours[@]}" --cert "$keys/client.pem" --key "$keys/client.key" '[["PING"]]')"
	answer=$(ask "${ours[@]}" '[["PING"]]')
	holds '.state == "tls" and (.error | contains("certificate"))' "$answer"
	answer=$(ask "${ours[@]}" --cert "$keys/client.pem" --key "$keys/server.key" '[["PING"]]')
	holds '.state == "tls" and (.error | contains("server.key"))' "$answer"
}

@test "a Redis that does not speak TLS, one that is silent, and one that is restarted" {
	needs_tls
	redis_start plain --port 7000
	# It waits for the end of what it takes for a line
	answer=$(ask --redis 127.0.0.1:7000 --tls --ca "$keys/ours.ca.pem" --connect-timeout 200 '[["PING"]]')
	holds '.state == "timeout" and (.error | contains("perhaps it does not speak TLS"))' "$answer"
	redis_background ssh socat TCP-LISTEN:7022,fork,reuseaddr SYSTEM:'printf "SSH-2.0-OpenSSH_9.2\\r\\n"; cat > /dev/null'
	redis_until redis_listens tcp 7022
	answer=$(ask --redis 127.0.0.1:7022 --tls --ca "$keys/ours.ca.pem" '[["PING"]]')
	holds '.state == "tls" and (.error | contains("handshake failed"))' "$answer"
	tls_start server --tls-auth-clients no
	talk_begin --redis 127.0.0.1:7443 --tls --ca "$keys/ours.ca.pem" --command-timeout 200 --connect-timeout 300
	holds '.state == "ok"' "$(talk '[["PING"]]')"
	kill -STOP "$(redis_pid a)"
	holds '.state == "timeout" and .ms < 900' "$(talk '[["PING"]]')"
	holds '.state == "timeout" and .ms < 900' "$(talk '[["PING"]]')"
	kill -CONT "$(redis_pid a)"
	redis_stop a
	tls_start server --tls-auth-clients no
	holds '.state == "ok"' "$(talk '[["PING"]]')"
	redis_stop a
	tls_start server --tls-auth-clients no
	holds '.state == "ok" and .reconnected' "$(talk '[["PING"]]')"
}

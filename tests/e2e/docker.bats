#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What deploy/docker/docker-compose.yml says of itself and of the files it mounts. That Compose reads it, that the image builds and
# that it works as the pod does: `make test-debian13`.

load lib

setup() {
	dir=$BATS_TEST_TMPDIR
	top=$BATS_TEST_DIRNAME/../..
	compose=$top/deploy/docker/docker-compose.yml
}

judge() { "$python" "$top/tests/deploy/compose.py" "$1"; }

# spoilt SED-EXPRESSION WORDS...: that would be found, and said in these words
spoilt() {
	sed "$1" "$compose" > "$dir/compose.yml"
	refute cmp -s "$compose" "$dir/compose.yml"
	run -1 judge "$dir/compose.yml"
	shift
	contains "$output" "$@"
}

@test "rights, mounts, versions, ports, data source: all in order" {
	judge "$compose"
}

@test "and it would be found if they were not" {
	spoilt 's/cap_add: \[BPF, /cap_add: [BPF, SYS_ADMIN, /' "weir: other capabilities than the pod's"
	spoilt 's/seccomp.json/weir.yaml/' "weir: another seccomp profile"
	spoilt 's/apparmor=unconfined/apparmor=docker-default/' "keep it from its pins"
	spoilt 's/read_only: true$/read_only: false/' "its root can be written to"
	spoilt 's#source: ../prometheus,#source: ../promtheus,#' "../promtheus: no such directory"
	spoilt 's/redis:7[0-9.]*/redis:latest/' "redis: the version of image redis:latest is not pinned"
	spoilt 's/image: weir:.*/image: weir:9.9.9/' "weir: image weir:9.9.9"
	spoilt 's/GF_SERVER_HTTP_ADDR: .*/GF_SERVER_HTTP_ADDR: 0.0.0.0/' "grafana: does not listen on the loopback only"
	spoilt 's/web.listen-address=127.0.0.1/web.listen-address=0.0.0.0/' "prometheus listens on 0.0.0.0:9090"
	spoilt 's/network_mode: none/network_mode: host/' "redis: is in a network"
	spoilt 's/network_mode: host/&\n    ports: ["80:80"]/' "publishes ports" "ports is nothing that is known here"
	spoilt 's/^      WEIR_REDIS:/      REDIS:/' "weir: nothing sets WEIR_REDIS"
	spoilt 's/{WEIR_INTERFACE:-eth0}/{WEIR_INTERFACE}/' "weir.environment.WEIR_INTERFACE: a variable without a default"
	spoilt 's/GF_AUTH_ANONYMOUS_ORG_ROLE:/GF_SECURITY_ADMIN_PASSWORD:/' "GF_SECURITY_ADMIN_PASSWORD: a secret in the file"
	spoilt 's#target: /etc/weir/dashboards#target: /etc/weir/boards#' "0 dashboards in /etc/weir/dashboards"
}

@test "weir check accepts its configuration, with the defaults of its variables" {
	WEIR_INTERFACE=eth0 WEIR_REDIS="$(sed -n 's/.*{WEIR_REDIS:-\(.*\)}/\1/p' "$compose")" "$weir" check "$top/deploy/docker/weir/weir.yaml"
}

@test "what the Dockerfile copies, .dockerignore lets through" {
	let=$(sed -n 's/^!//p' "$top/.dockerignore")
	copied=$(sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' "$top/deploy/docker/Dockerfile")
	contains "$copied" Makefile bpf deploy/weir.yaml
	for name in $copied; do
		contains "$let" "$name"
		[ -e "$top/$name" ]
	done
}

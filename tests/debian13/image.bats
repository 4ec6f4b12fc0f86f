#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The image as it says itself: its command, its health check. run.sh has built it, and sets POD_ROOT and IMAGE.

load ../e2e/lib
load ../e2e/pod

setup() {
	[ -n "${POD_ROOT-}" ] || skip "no image: make test-debian13"
	reason=$(why_not_render; why_not_run)
	[ -z "$reason" ] || skip "$reason"
	world
}
teardown() {
	end_pod
	[ -z "${own_pins-}" ] || "$weir" detach --pins $own_pins
	end_of_world
}

@test "its command limits; its health check answers, and no longer when the daemon does not" {
	limited "1/hour packets burst 5"
	POD_JSON_PATCH=$(jq -c '[{op: "replace", path: "/spec/template/spec/containers/0/command", value: .Cmd}]' "$IMAGE")
	pod
	init_pod
	start_pod
	is 5 "$(sends 20)"
	holds '.passed == 5' "$(verdicts dns)"
	is CMD "$(jq -r '.Healthcheck.Test[0]' "$IMAGE")"
	mapfile -t health < <(jq -r '.Healthcheck.Test[1:][]' "$IMAGE")
	oci exec "$tag" "${health[@]}"
	kill -STOP "$process"
	refute timeout "$(jq '.Healthcheck.Timeout / 1000000000' "$IMAGE")" runc --root "$dir/runc" exec "$tag" "${health[@]}"
	kill -CONT "$process"
	oci exec "$tag" "${health[@]}"
}

@test "its own configuration observes the interface that WEIR_INTERFACE names, and refuses nothing" {
	[ ! -e /sys/fs/bpf/weir ] || skip "there are pins of Weir on this host"
	limited
	own_pins=/sys/fs/bpf/weir
	POD_JSON_PATCH='[{"op": "replace", "path": "/spec/template/spec/containers/0/env/2/value", "value": "wan"},
		{"op": "remove", "path": "/spec/template/spec/containers/0/volumeMounts/0"}]'
	pod
	init_pod
	start_pod
	is 20 "$(sends 20)"
	is wan "$("$weir" status --json | jq -r '.interfaces[].name')"
	is true "$("$weir" status --json | jq '[.services[].mode == "observe"] | all')"
}

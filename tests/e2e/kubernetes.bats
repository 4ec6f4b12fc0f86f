#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What deploy/kubernetes renders: that it is whole, and what must be true of it whatever is changed. The schemas are
# `make check-deploy`; that the pod works is pod.bats.

# shellcheck disable=SC2016 # ${NAME} is the configuration's
load lib
load pod

setup() {
	reason=$(why_not_render)
	[ -z "$reason" ] || skip "$reason"
	dir=$BATS_TEST_TMPDIR
}

# each [COMMAND...]: with the folder of each overlay
each() {
	local folder
	for folder in "$kubernetes"/base "$kubernetes"/overlays/*; do
		"$@" "$folder"
	done
}

# objects FOLDER: what it renders, an array. Those of the source are rendered once
objects() {
	local once=$BATS_FILE_TMPDIR/${1##*/}.json
	[[ $1 == "$kubernetes"/* ]] || { render "$1"; return; }
	[ -e "$once" ] || render "$1" > "$once" || return
	cat "$once"
}

render() {
	kubectl kustomize "$1" 2> "$dir/said" > "$dir/out.yaml" || { cat "$dir/said" >&2; return 1; }
	is "" "$(cat "$dir/said")" >&2
	"$python" -c 'import json, sys, yaml; json.dump([o for o in yaml.safe_load_all(sys.stdin) if o], sys.stdout)' < "$dir/out.yaml"
}

must() { # FOLDER EXPRESSION: of the DaemonSet; $pod is its pod, $weir its container
	objects "$1" | jq -e --arg version "$(cat "$BATS_TEST_DIRNAME/../../VERSION")" '
		map(select(.kind == "DaemonSet")) | length == 1 and (.[0] as $set | $set.spec.template.spec as $pod |
		$pod.containers[0] as $weir | ('"$2"'))' > /dev/null || { echo "$1: does not hold: $2"; return 1; }
}

renders() {
	objects "$1" | jq -e 'map(.kind) | contains(["Namespace", "ServiceAccount", "DaemonSet", "NetworkPolicy", "ConfigMap"])' > /dev/null
	# all of it, but for the namespace itself, is in the namespace
	is "" "$(objects "$1" | jq -r '.[] | select(.kind != "Namespace" and .metadata.namespace != "weir") | .kind')"
}

@test "every overlay renders, without a word of warning, into one namespace" {
	each renders
}

@test "the network of the host, on every node, before everything else, without a token" {
	host_pod() {
		must "$1" '$pod.hostNetwork and $pod.dnsPolicy == "ClusterFirstWithHostNet" and $pod.priorityClassName == "system-node-critical" and
			$pod.tolerations == [{operator: "Exists"}] and $pod.automountServiceAccountToken == false'
		must "$1" '$set.spec.updateStrategy == {type: "RollingUpdate", rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}'
		is false "$(objects "$1" | jq '.[] | select(.kind == "ServiceAccount") | .automountServiceAccountToken')"
		is privileged "$(objects "$1" | jq -r '.[] | select(.kind == "Namespace") | .metadata.labels["pod-security.kubernetes.io/enforce"]')"
	}
	each host_pod
}

@test "no container has more than it needs" {
	bounded() {
		must "$1" '[$pod.containers[], ($pod.initContainers // [])[]] | all(.securityContext |
			.privileged == false and .allowPrivilegeEscalation == false and .readOnlyRootFilesystem and .runAsUser == 0 and
			.capabilities.drop == ["ALL"] and (.seccompProfile.type | IN("Localhost", "RuntimeDefault")))'
		must "$1" '$weir.securityContext.capabilities.add == ["BPF", "NET_ADMIN", "PERFMON"]'
		must "$1" '($pod.initContainers // []) | all(.securityContext.capabilities | has("add") | not)'
		must "$1" '[$pod.containers[], ($pod.initContainers // [])[]] | all(.resources | .limits.memory and .limits.cpu and .requests.memory)'
		must "$1" '$weir | .startupProbe and .livenessProbe and .readinessProbe'
	}
	each bounded
	is Localhost "$(objects "$kubernetes/base" | jq -r '.[] | select(.kind == "DaemonSet") | .spec.template.spec.containers[0].securityContext.seccompProfile.type')"
}

@test "the pins come from the host, the configuration is a directory under its own name" {
	mounted() {
		must "$1" '$weir.volumeMounts | any(.mountPath == "/sys/fs/bpf" and .mountPropagation == "HostToContainer")'
		must "$1" '$weir.volumeMounts | any(.mountPath == "/etc/weir" and .readOnly and (has("subPath") | not))'
		# containerd's and CRI-O's own AppArmor profiles deny writes there
		must "$1" '$weir.securityContext.appArmorProfile == {type: "Unconfined"}'
		must "$1" '$pod.volumes | any(.configMap.name == "weir-config")'
		is 1 "$(objects "$1" | jq 'map(select(.kind == "ConfigMap" and .metadata.name == "weir-config")) | length')"
	}
	each mounted
}

@test "the image is of this version, everywhere" {
	versioned() { must "$1" '[$pod.containers[], ($pod.initContainers // [])[]] | all(.image == "weir:" + $version)'; }
	each versioned
}

@test "the seccomp profile changes its name with its text, the configuration does not" {
	cp -r "$kubernetes" "$dir/kubernetes"
	before=$(objects "$dir/kubernetes/base" | jq -c 'map(select(.kind == "ConfigMap").metadata.name) | sort')
	sed -i 's/"accept", //' "$dir/kubernetes/base/seccomp.json"
	echo '# more' >> "$dir/kubernetes/base/weir.yaml"
	after=$(objects "$dir/kubernetes/base" | jq -c 'map(select(.kind == "ConfigMap").metadata.name) | sort')
	is weir-config "$(jq -r '.[0]' <<< "$before")"
	is weir-config "$(jq -r '.[0]' <<< "$after")"
	refute is "$(jq -r '.[1]' <<< "$before")" "$(jq -r '.[1]' <<< "$after")" > /dev/null
}

# checked FOLDER: `weir check` has nothing against its configuration
checked() {
	objects "$1" | jq -r '.[] | select(.kind == "ConfigMap" and .metadata.name == "weir-config") | .data["weir.yaml"]' > "$dir/weir.yaml"
	WEIR_INTERFACE=eth0 WEIR_LISTEN=127.0.0.1:9464 NODE_NAME=node-1 WEIR_REDIS=redis://127.0.0.1:6379/0 "$weir" check "$dir/weir.yaml"
}

@test "weir check accepts the configuration of every overlay" {
	each checked
}

@test "what the configuration asks of the environment the pod provides" {
	provided() {
		local name
		objects "$1" > "$dir/objects"
		for name in $(jq -r '.[] | select(.kind == "ConfigMap" and .metadata.name == "weir-config") | .data["weir.yaml"]' "$dir/objects" |
			grep -o '\${[A-Z_]*' | tr -d '${' | sort -u); do
			jq -e --arg name "$name" '.[] | select(.kind == "DaemonSet") | .spec.template.spec.containers[0].env | any(.name == $name)' \
				"$dir/objects" > /dev/null || { echo "$1: nothing sets $name"; return 1; }
		done
	}
	each provided
}

@test "the overlay that docs/deployment.md begins with renders: its image, its configuration" {
	cp -r "$kubernetes" "$dir/kubernetes"
	mine=$dir/kubernetes/overlays/mine
	mkdir "$mine"
	sed '1s/.*/# mine/' "$kubernetes/base/weir.yaml" > "$mine/weir.yaml"
	sed -n '/^```yaml/,/^```/{/^```/d;p}' "$BATS_TEST_DIRNAME/../../docs/deployment.md" > "$mine/kustomization.yaml"
	is registry.example.org/weir:0.1.0 "$(objects "$mine" | jq -r '.[] | select(.kind == "DaemonSet") | .spec.template.spec.containers[0].image')"
	is '# mine' "$(objects "$mine" | jq -r '.[] | select(.kind == "ConfigMap") | .data["weir.yaml"] // empty' | head -1)"
}

@test "the PrometheusRule is what deploy/prometheus says" {
	"$python" "$BATS_TEST_DIRNAME/../../scripts/prometheusrule.py" --check
	# it takes the groups of every rule file, and of nothing else
	mkdir -p "$dir/top/scripts" "$dir/top/deploy/prometheus" "$dir/top/deploy/kubernetes/overlays/monitoring"
	cp "$BATS_TEST_DIRNAME/../../scripts/prometheusrule.py" "$dir/top/scripts/"
	printf '# rules\ngroups:\n  - name: one\n    rules:\n      - {alert: A, expr: up == 0}\n\n' > "$dir/top/deploy/prometheus/alerts.yaml"
	printf 'groups:\n- name: two\n  rules: []\nother: x\n' > "$dir/top/deploy/prometheus/more.yaml"
	printf 'scrape_configs: []\n' > "$dir/top/deploy/prometheus/prometheus.yaml"
	run -1 "$python" "$dir/top/scripts/prometheusrule.py" --check
	contains "$output" "To do: scripts/prometheusrule.py"
	"$python" "$dir/top/scripts/prometheusrule.py"
	"$python" "$dir/top/scripts/prometheusrule.py" --check
	is '["one","two"]' "$("$python" -c 'import json, sys, yaml; print(json.dumps([g["name"] for g in yaml.safe_load(sys.stdin)["spec"]["groups"]], separators=(",", ":")))' \
		< "$dir/top/deploy/kubernetes/overlays/monitoring/prometheusrule.yaml")"
}

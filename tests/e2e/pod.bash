# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The pod of deploy/kubernetes without a cluster: kustomize renders it, tools/pod.py translates it as kubelet and
# containerd do, runc runs it in the network of $host.
#
# After world: pod [OVERLAY [LINE OF A PATCH...]], then start_pod, crash_pod, stop_pod. Before end_of_world: end_pod.

# shellcheck disable=SC2154,SC2016 # lib.bash sets the world; ${NAME} is the configuration's
kubernetes=$BATS_TEST_DIRNAME/../../deploy/kubernetes
pod_py=$BATS_TEST_DIRNAME/../tools/pod.py

# why_not_render, why_not_run: a reason to skip, or nothing
why_not_render() {
	command -v kubectl > /dev/null || { echo "kubectl is not installed"; return; }
	kubectl kustomize "$kubernetes/base" > /dev/null 2>&1 ||
		kubectl kustomize --help | grep -q enable-helm || echo "kubectl is older than 1.21"
}

why_not_run() {
	command -v runc > /dev/null || echo "runc is not installed"
}

# pod [OVERLAY]: renders it with the configuration in $yaml, as a user's own overlay does. POD_JSON_PATCH is a JSON patch besides
pod() {
	local over=$dir/kustomize
	mkdir -p "$over"
	# In the pod only these are other than in the world of a test
	sed -e "s#admin: [^}]*#admin: /run/weir/weir.sock#" -e 's#"127.0.0.1:9464"#"${WEIR_LISTEN}"#' -e 's#^node:.*#node: "${NODE_NAME}"#' \
		"$yaml" > "$over/weir.yaml"
	cat > "$over/kustomization.yaml" <<- END
		resources: [$(realpath --relative-to="$over" "$kubernetes")/${1:-base}]
		namespace: weir
		configMapGenerator:
		  - {name: weir-config, behavior: replace, files: [weir.yaml], options: {disableNameSuffixHash: true}}
		patches:
		  - target: {kind: DaemonSet, name: weir}
		    patch: '${POD_JSON_PATCH:-[]}'
	END
	[ -n "${POD_JSON_PATCH-}" ] || sed -i '/^patches:/,$d' "$over/kustomization.yaml"
	manifest=$dir/pod.yaml
	kubectl kustomize "$over" > "$manifest"
	export POD_IP=10.77.0.1 NODE_NAME=node-1 POD_BIN=$dir/bin POD_HOST=$dir/host POD_CGROUP=/weir-$tag
	mkdir -p "$dir/bin" "$dir/host"
	cp "$weir" "$dir/bin/weir"
	export WEIR_SOCKET=$dir/pod/volumes/run/weir.sock
}

oci() { runc --root "$dir/runc" "$@"; }

# init_pod: the containers that go before, one after another
init_pod() {
	local name
	for name in $("$python" -c 'import sys, yaml
for item in yaml.safe_load_all(open(sys.argv[1])):
    if item["kind"] == "DaemonSet":
        print(*[c["name"] for c in item["spec"]["template"]["spec"].get("initContainers", [])])' "$manifest"); do
		"$python" "$pod_py" bundle "$manifest" "$name" "$dir/pod"
		nsenter --net="/run/netns/$host" runc --root "$dir/runc" run --bundle "$dir/pod/$name" "$tag-$name" < /dev/null 3>&-
	done
}

# launch_pod: the container weir, as the kubelet starts it and starts it again
launch_pod() {
	starts=$((${starts:-0} + 1))
	log=$dir/weir-$starts.log
	oci delete --force "$tag" 2> /dev/null || true
	"$python" "$pod_py" bundle "$manifest" weir "$dir/pod"
	nsenter --net="/run/netns/$host" runc --root "$dir/runc" run --bundle "$dir/pod/weir" "$tag" 2> "$log" > "$dir/weir.out" 3>&- < /dev/null &
	daemon=$!
	echo "$daemon" >> "$dir/pids"
}

# start_pod: and it is ready; the pid of weir is in $process
start_pod() {
	launch_pod
	is_ready
	process=$(oci state "$tag" | jq .pid)
	echo "$process" >> "$dir/pids"
}

crash_pod() {
	kill -KILL "$process"
	wait "$daemon" 2> /dev/null || true
}

# stop_pod: as the kubelet ends a pod
stop_pod() {
	kill -TERM "$process"
	wait "$daemon"
}

end_pod() {
	[ -z "${tag-}" ] || oci delete --force "$tag" 2> /dev/null || true
}

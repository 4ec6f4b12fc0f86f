#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every object that deploy/kubernetes renders, against the published schemas and without a field that they do not name; and what
# must be true of the Compose file: `make check-deploy`. Needs node, npm and, once, the npm registry; tests/e2e/kubernetes.bats needs none of them.
# The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
home=build/deploy
python=${PYTHON:-/usr/bin/python3}

skip() {
	printf '  skip  check-deploy: %s\n0 passed, 0 failed, 1 skipped\n' "$1"
	exit 0
}

for tool in node npm kubectl; do
	command -v $tool > /dev/null || skip "$tool is not installed"
done
kubectl kustomize --help | grep -q enable-helm || skip "kubectl is older than 1.21"
"$python" -c 'import yaml' 2> /dev/null || skip "python3-yaml is not installed: make deps"

# The packages of package-lock.json, once
mkdir -p $home
cp tests/deploy/{package.json,validate.mjs} $home/
if ! cmp -s tests/deploy/package-lock.json $home/installed; then
	cp tests/deploy/package-lock.json $home/
	(cd $home && npm ci --no-audit --no-fund > npm.log 2>&1) || skip "npm cannot install tests/deploy/package.json: $home/npm.log"
	cp tests/deploy/package-lock.json $home/installed
fi

passed=0 failed=0
judge() { # LABEL COMMAND...
	local label=$1 output
	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		printf '  ok    %s\n' "$label"
	else
		failed=$((failed + 1))
		printf '  FAIL  %s\n%s\n' "$label" "$(grep -v ': valid$' <<< "$output" | sed 's/^/        /')"
	fi
}

render() { # FOLDER FILE: an array of objects, as JSON
	kubectl kustomize "$1" > "$2.yaml" &&
		"$python" -c 'import json, sys, yaml; json.dump([o for o in yaml.safe_load_all(sys.stdin) if o], sys.stdout)' < "$2.yaml" > "$2"
}

validate() { (cd $home && node validate.mjs "$@"); }

# refused FILTER: the same objects with something wrong in them
refused() {
	jq "$1" $home/monitoring.json > $home/wrong.json || return
	! cmp -s <(jq . $home/monitoring.json) $home/wrong.json || return
	! validate wrong.json
}

judge "deploy/docker/docker-compose.yml: rights, mounts, versions, ports, data source" "$python" tests/deploy/compose.py

all=()
for folder in deploy/kubernetes/base deploy/kubernetes/overlays/*; do
	name=${folder##*/}
	judge "$folder renders" render "$folder" $home/"$name".json
	all+=("$name.json")
done
judge "every object is valid, and has no field that its schema does not name: ${all[*]%.json}" validate "${all[@]}"

of() { echo "map(if .kind == \"$1\" then $2 else . end)"; }
judge "an unknown field of a container would be found" \
	refused "$(of DaemonSet '.spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem = true')"
judge "an unknown field of a probe would be found" \
	refused "$(of DaemonSet '.spec.template.spec.containers[0].livenessProbe.httpGet.url = "/"')"
judge "a value of the wrong kind would be found" refused "$(of DaemonSet '.spec.template.spec.hostNetwork = "yes"')"
judge "a field that is missing would be found" refused "$(of DaemonSet 'del(.spec.selector)')"
judge "an unknown field of a NetworkPolicy would be found" refused "$(of NetworkPolicy '.spec.ingress[0].from[0].podselector = {}')"
judge "an unknown field of a PodMonitor would be found" refused "$(of PodMonitor '.spec.podMetricsEndpoints[0].scrapeInterval = "5s"')"
judge "an unknown field of a PrometheusRule would be found" refused "$(of PrometheusRule '.spec.rules = []')"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]

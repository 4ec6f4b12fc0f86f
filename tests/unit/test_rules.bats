#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The rules for Prometheus, by its own tool; where each fires and where not: tests/unit/rules/.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	command -v promtool > /dev/null || skip "promtool is not installed: make deps"
}

rules=deploy/prometheus

@test "promtool accepts the scrape configuration and all rules" {
	run -0 promtool check config $rules/prometheus.yaml
	run -0 promtool check rules --lint=all --lint-fatal $rules/weir-recording.yaml $rules/weir-alerts.yaml
}

@test "each rule gives what it should: promtool test rules" {
	run -0 promtool test rules tests/unit/rules/alerts.yaml tests/unit/rules/recording.yaml
}

# parts FILE FILTER: with jq, of a file in YAML
parts() { /usr/bin/python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' "$1" | jq -er "$2"; }

@test "each alert is tested where it fires and where it does not, each record by its value" {
	local missing
	parts tests/unit/rules/alerts.yaml '.tests[].alert_rule_test[] | .alertname + (if .exp_alerts == [] then " silent" else " fires" end)' |
		sort -u > "$BATS_TEST_TMPDIR/tested"
	parts $rules/weir-alerts.yaml '.groups[].rules[].alert | . + " fires", . + " silent"' | sort -u > "$BATS_TEST_TMPDIR/wanted"
	missing=$(comm -13 "$BATS_TEST_TMPDIR/tested" "$BATS_TEST_TMPDIR/wanted")
	[ -z "$missing" ] || { echo "no test in tests/unit/rules/alerts.yaml for: $missing"; false; }

	parts $rules/weir-recording.yaml '.groups[].rules[].record' > "$BATS_TEST_TMPDIR/records"
	while read -r record; do
		grep -q "expr: .*$record" tests/unit/rules/recording.yaml ||
			{ echo "no test in tests/unit/rules/recording.yaml for: $record"; false; }
	done < "$BATS_TEST_TMPDIR/records"
}

@test "each alert has a severity, says what, where and how much, and has a section in the runbook with what one needs" {
	local alert part
	# shellcheck disable=SC2016 # $labels and $value are the templates'
	parts $rules/weir-alerts.yaml '[.groups[].rules[] | select(
		(.labels.severity | IN("critical", "warning")) and (.annotations.summary | length > 10) and
		(.annotations.description | contains("$labels") and (contains("$value") or contains("scrape"))) and
		.annotations.runbook_url == "https://weir.example/docs/runbook.md#" + (.alert | ascii_downcase) | not) | .alert] | length == 0' ||
		{ echo "incomplete: severity, summary, description or runbook_url"; false; }
	parts $rules/weir-alerts.yaml '.groups[].rules[].alert' > "$BATS_TEST_TMPDIR/alerts"
	while read -r alert; do
		awk -v alert="## $alert" '$0 == alert { on = 1; next } /^## / { on = 0 } on' docs/runbook.md > "$BATS_TEST_TMPDIR/section"
		for part in "What it means" "What users feel" "Look" "Mend" "Worry"; do
			grep -q "^\*\*$part\.\*\*" "$BATS_TEST_TMPDIR/section" ||
				{ echo "docs/runbook.md, ## $alert: no part '**$part.**'"; false; }
		done
	done < "$BATS_TEST_TMPDIR/alerts"
	is_known=$(grep -c '^## Weir' docs/runbook.md)
	[ "$is_known" = "$(wc -l < "$BATS_TEST_TMPDIR/alerts")" ]
}

@test "every metric a rule asks for is one that Weir has, with the labels it has" {
	run -0 /usr/bin/python3 tests/unit/asked_metrics.py $rules/weir-recording.yaml $rules/weir-alerts.yaml
}

@test "the command of docs/monitoring.md sets where runbooks are, of each alert, and leads to a page that there is" {
	local command url
	command=$(grep -o "sed 's|https://weir.example/.*weir-alerts.yaml" docs/monitoring.md)
	bash -c "${command% > *}" > "$BATS_TEST_TMPDIR/alerts.yaml"
	parts "$BATS_TEST_TMPDIR/alerts.yaml" '.groups[].rules[].annotations.runbook_url' > "$BATS_TEST_TMPDIR/urls"
	[ "$(grep -c '^ *- alert:' $rules/weir-alerts.yaml)" = "$(wc -l < "$BATS_TEST_TMPDIR/urls")" ]
	while read -r url; do
		[[ $url == https://git.example.org/weir/blob/main/docs/runbook.md#* ]] || { echo "not set: $url"; false; }
		grep -qixF "## ${url##*#}" docs/runbook.md || { echo "no section: $url"; false; }
	done < "$BATS_TEST_TMPDIR/urls"
}

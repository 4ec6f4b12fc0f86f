# shellcheck shell=bash
# shellcheck disable=SC2154 # host, dir and such are those of lib.bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A real Prometheus in a test: `load prometheus` after lib.

# scraper NAME PORT [OPTION...]: a Prometheus of its own, ready before there is anything to scrape: so it sees the
# histograms begin
scraper() {
	local name=$1 port=$2
	shift 2
	cat > "$dir/$name.yml" <<- END
		global: {scrape_interval: 200ms}
		scrape_configs:
		  - job_name: weir
		    static_configs: [{targets: ["127.0.0.1:9464"]}]
	END
	prometheus_with "$name" "$port" "$dir/$name.yml" "$@"
}

# prometheus_with NAME PORT CONFIGURATION [OPTION...]: the same, with a configuration of one's own
prometheus_with() {
	local name=$1 port=$2 configuration=$3
	shift 3
	background "$name" "$host" prometheus --config.file="$configuration" --storage.tsdb.path="$dir/$name-data" \
		--web.listen-address="127.0.0.1:$port" --log.level=warn "$@"
	eventually 20 in_host curl -sf -o "$dir/$name.ready" "http://127.0.0.1:$port/-/ready"
}

# ask PORT QUERY: the value of the one series it gives; nothing for none
ask() {
	in_host curl -s --data-urlencode "query=$2" "http://127.0.0.1:$1/api/v1/query" |
		jq -r '.data.result | if length > 1 then error("more than one series") else .[0].value[1] // empty end'
}

answers() { [ "$(ask "$1" "$2")" = "$3" ]; }

# within PERCENT WANTED GOT
within() {
	awk -v p="$1" -v want="$2" -v got="$3" 'BEGIN { d = (got / want - 1) * 100
		printf "# %s s, truly %s s: %+.1f %%\n", got, want, d; exit !(got != "" && d <= p && d >= -p) }' || {
		echo "not within $1 %"
		return 1
	}
}

# above SECONDS: how many of the bounds it is above
above() {
	awk -v s="$1" 'BEGIN { n = split("0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10", le, " ")
		for (i = 1; i <= n; i++) above += s > le[i]; print above }'
}

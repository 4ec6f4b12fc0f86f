#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What Weir's dashboards show. `deploy/grafana/dashboards.py` writes them as weir-*.json next to it, for Grafana 10 and later, which
imports them as they are. A panel is a title, the question it answers, and its queries; where it stands follows from the order.

In a query stands for
    <node>      the labels of the nodes chosen above the dashboard
    <service>   the same, and the services chosen; <upstream> likewise
    <refused>   verdicts of packets that did not pass
Latency is read from native histograms where Prometheus has them, else from classic ones: `native or classic`.
"""
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
NODE = 'job=~"$job", instance=~"$instance"'
WORDS = {
    "<node>": NODE,
    "<service>": NODE + ', service=~"$service"',
    "<upstream>": NODE + ', upstream=~"$upstream"',
    "<refused>": 'verdict!~"passed|control|protected|unlimited"',
}
RATE = "$__rate_interval"  # long enough for a rate, whatever the scrape interval of the data source
GREEN, YELLOW, RED, BLUE, GREY, PURPLE = "green", "yellow", "red", "blue", "text", "purple"


# --- queries -----------------------------------------------------------------------------------------------------------

def query(expr, legend, **more):
    """A query over time; `legend` may name labels: {{service}}."""
    for word, labels in WORDS.items():
        expr = expr.replace(word, labels)
    return {"expr": expr, "legendFormat": legend, "editorMode": "code", "range": True, "instant": False, **more}


def now(expr, legend, **more):
    """The latest figure only."""
    return query(expr, legend, **{"range": False, "instant": True, **more})


def per_second(metric, by, legend):
    return query(f"sum by ({by}) (rate({metric}[{RATE}]))", legend)


def percentiles(metric, chosen, by):
    """p50, p95 and p99 of a histogram of latency, one line for each of `by` and percentile."""
    return [query(f"histogram_quantile({q}, sum by ({by}) (rate({metric}{{{chosen}}}[{RATE}])))"
                  f" or histogram_quantile({q}, sum by ({by}, le) (rate({metric}_bucket{{{chosen}}}[{RATE}])))",
                  f"{{{{{by}}}}} p{name}") for q, name in (("0.5", "50"), ("0.95", "95"), ("0.99", "99"))]


def distribution(metric, chosen):
    return [query(f"sum(rate({metric}{{{chosen}}}[{RATE}])) or on () sum by (le) (rate({metric}_bucket{{{chosen}}}[{RATE}]))",
                  "{{le}}", format="heatmap")]


def classic_percentiles(metric, chosen, by=""):
    """Of a histogram that is no latency of traffic, and so always classic."""
    labels, name = (f"{by}, le", f"{{{{{by}}}}} ") if by else ("le", "")
    return [query(f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{{chosen}}}[{RATE}])))", f"{name}p{p}")
            for q, p in (("0.5", "50"), ("0.99", "99"))]


def one_of(metric, chosen, by, states):
    """Which of the states is 1, as its number in the list."""
    return query(f"max by ({by}) (" + " or ".join(f'{number} * {metric}{{{chosen}, state="{state}"}}'
                                                  for number, state in enumerate(states)) + ")",
                 " ".join(f"{{{{{label}}}}}" for label in by.split(", ")))


# --- panels ------------------------------------------------------------------------------------------------------------

def steps(*colors):
    """Thresholds: the first colour, then (from, colour)."""
    return {"mode": "absolute", "steps": [{"color": colors[0], "value": None}] +
            [{"color": color, "value": value} for value, color in colors[1:]]}


def values(**texts):
    """What numbers mean: n0="closed:green". A point is written as an underscore: n0_5"""
    options = {}
    for index, (number, text) in enumerate(texts.items()):
        word, color = text.split(":")
        options[number[1:].replace("_", ".")] = {"text": word, "color": color, "index": index}
    return [{"type": "value", "options": options}]


def panel(kind, title, question, queries, width, height, unit, defaults=None, options=None, **more):
    targets = [{"refId": chr(ord("A") + i), "datasource": DATASOURCE, **target} for i, target in enumerate(queries)]
    return {"type": kind, "title": title, "description": question, "datasource": DATASOURCE, "targets": targets,
            "gridPos": {"w": width, "h": height},
            "fieldConfig": {"defaults": {"unit": unit, "thresholds": steps(GREEN), **(defaults or {})}, "overrides": []},
            "options": options or {}, **more}


def number(title, question, expr, unit="short", thresholds=None, width=4, legend="", mappings=None):
    return panel("stat", title, question, [now(expr, legend or title)], width, 4, unit,
                 {"color": {"mode": "thresholds"}, "thresholds": thresholds or steps(GREEN), "mappings": mappings or []},
                 {"colorMode": "background", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
                  "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard",
                  "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}})


def lines(title, question, queries, unit="short", width=12, stacked=False, top=None):
    custom = {"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 30 if stacked else 8, "showPoints": "never",
              "spanNulls": False, "stacking": {"group": "A", "mode": "normal" if stacked else "none"}}
    defaults = {"color": {"mode": "palette-classic"}, "custom": custom, "min": 0, **({"max": top} if top else {})}
    return panel("timeseries", title, question, queries if isinstance(queries, list) else [queries], width, 8, unit, defaults,
                 {"legend": {"calcs": ["mean", "max", "lastNotNull"], "displayMode": "table", "placement": "bottom", "showLegend": True,
                             "sortBy": "Max", "sortDesc": True},
                  "tooltip": {"mode": "multi", "sort": "desc"}})


def heat(title, question, queries, width=12):
    return panel("heatmap", title, question, queries, width, 8, "s",
                 {"custom": {"scaleDistribution": {"type": "linear"}, "hideFrom": {"legend": False, "tooltip": False, "viz": False}}},
                 {"calculate": False, "cellGap": 1, "cellValues": {"unit": "reqps"}, "showValue": "never",
                  "color": {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "scale": "exponential", "exponent": 0.5, "steps": 64,
                            "reverse": False},
                  "exemplars": {"color": "rgba(255,0,255,0.7)"}, "filterValues": {"le": 1e-9}, "legend": {"show": True},
                  "rowsFrame": {"layout": "auto"}, "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
                  "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"}})


def timeline(title, question, queries, mappings, width=12, height=8, nothing=None):
    return panel("state-timeline", title, question, queries, width, height, "short",
                 {"color": {"mode": "thresholds"}, "mappings": mappings, "custom": {"fillOpacity": 70, "lineWidth": 0},
                  **({"noValue": nothing} if nothing else {})},
                 {"alignValue": "left", "mergeValues": True, "rowHeight": 0.9, "showValue": "auto",
                  "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
                  "tooltip": {"mode": "single", "sort": "none"}})


def table(title, question, expr, columns, width=24):
    """One row for each series: its labels, in this order."""
    return panel("table", title, question, [now(expr, "__auto", format="table")], width, 6, "short",
                 {"custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}},
                 {"cellHeight": "sm", "frameIndex": 0, "showHeader": True},
                 transformations=[{"id": "filterFieldsByName", "options": {"include": {"names": columns}}},
                                  {"id": "organize", "options": {"excludeByName": {}, "renameByName": {},
                                                                 "indexByName": {name: i for i, name in enumerate(columns)}}}])


# --- dashboards --------------------------------------------------------------------------------------------------------

VARIABLES = {  # name: (label, where its values come from)
    "job": ("Job", "label_values(weir_build_info, job)"),
    "instance": ("Instance", 'label_values(weir_build_info{job=~"$job"}, instance)'),
    "interface": ("Interface", f"label_values(weir_interface_attached{{{NODE}}}, interface)"),
    "service": ("Service", f"label_values(weir_clients{{{NODE}}}, service)"),
    "upstream": ("Upstream", f"label_values(weir_upstream_ejected_ratio{{{NODE}}}, upstream)"),
}


def variable(name):
    if name == "datasource":
        return {"name": name, "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "hide": 0, "multi": False,
                "includeAll": False, "regex": "", "options": [], "skipUrlSync": False}
    label, source = VARIABLES[name]
    made = {"name": name, "label": label, "type": "query", "datasource": DATASOURCE,
            "query": {"query": source, "refId": "PrometheusVariableQueryEditor-VariableQuery"}, "refresh": 2, "sort": 1, "hide": 0,
            "multi": True, "includeAll": True, "allValue": ".*", "regex": "", "options": [], "skipUrlSync": False,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    if name == "job":  # all jobs are those of Weir: what is down is asked of `up`, which others have, too
        del made["allValue"]
    return made


def mark(name, expr, color, text):
    """An annotation at the time that a metric gives. Grafana 10 looks for the query beside `target`, later ones in it."""
    target = {"refId": name, "datasource": DATASOURCE, **query(f"1000 * {expr}", "{{instance}}"), "interval": "15s"}
    return {"name": name, "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": color, "titleFormat": name, "textFormat": text,
            "useValueForTime": True, "expr": target["expr"], "step": "15s", "target": target}


def place(rows):
    """Gives each panel its number and its place: side by side, up to 24 wide, then below."""
    placed, y = [], 0
    for title, panels in rows:
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        x, y, height = 0, y + 1, 0
        for one in panels:
            if x + one["gridPos"]["w"] > 24:
                x, y, height = 0, y + height, 0
            placed.append({**one, "gridPos": {"x": x, "y": y, **one["gridPos"]}})
            x, height = x + one["gridPos"]["w"], max(height, one["gridPos"]["h"])
        y += height
    return [{"id": number, **one} for number, one in enumerate(placed, 1)]


def dashboard(name, question, variables, rows):
    marks = [{"builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": True, "hide": True,
              "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard"},
             mark("Reload", "weir_config_last_reload_success_timestamp_seconds{<node>}", BLUE, "configuration accepted"),
             mark("Start", "weir_start_time_seconds{<node>}", PURPLE, "daemon started")]
    return {
        "id": None, "uid": f"weir-{name.lower()}", "title": f"Weir / {name}", "description": question, "tags": ["weir"], "schemaVersion": 39,
        "version": 1, "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
        "timepicker": {}, "fiscalYearStartMonth": 0, "liveNow": False, "weekStart": "",
        "links": [{"type": "dashboards", "title": "Weir", "tags": ["weir"], "asDropdown": True, "includeVars": True, "keepTime": True,
                   "icon": "external link", "targetBlank": False, "tooltip": "", "url": ""}],
        "annotations": {"list": marks},
        "templating": {"list": [variable(one) for one in ["datasource", "job", "instance", *variables]]},
        "panels": place(rows),
    }


PACKETS = 'weir_packets_total{<service>, interface=~"$interface"}'
REFUSED = 'weir_packets_total{<service>, interface=~"$interface", <refused>}'
BREAKER_STATES = ["closed", "half_open", "open", "forced_open", "forced_closed", "disabled"]
CLUSTER_MODES = ["shared", "starting", "held", "outage"]

OVERVIEW = dashboard("Overview", "Is this host protected, from whom, and at what price?", ["interface", "service"], [
    ("Health", [
        number("Nodes", "How many daemons report?", "count(weir_build_info{<node>})"),
        number("Targets down", "How many cannot be scraped?", 'count(up{<node>} == 0) or vector(0)', thresholds=steps(GREEN, (1, RED))),
        number("Interfaces not limited", "How many interfaces have no program of Weir, and so no limits?",
               "count(weir_interface_attached{<node>} == 0) or vector(0)", thresholds=steps(GREEN, (1, RED))),
        number("Services under pressure", "For how many services do new clients come too fast now?", "sum(weir_under_pressure{<service>})",
               thresholds=steps(GREEN, (1, YELLOW))),
        number("Worst health", "How is the worst component of all nodes?", "min(weir_component_healthy{<node>})",
               thresholds=steps(RED, (0.5, YELLOW), (1, GREEN)), mappings=values(n1="healthy:green", n0_5="degraded:yellow", n0="unhealthy:red")),
        number("Alerts", "How many alerts of Weir fire now?", 'count(ALERTS{alertname=~"Weir.+", alertstate="firing"}) or vector(0)',
               thresholds=steps(GREEN, (1, RED))),
        timeline("Components", "Which part was not healthy, and when? The worst of the nodes chosen.",
                 [query("min by (component) (weir_component_healthy{<node>})", "{{component}}")],
                 values(n1="healthy:green", n0_5="degraded:yellow", n0="unhealthy:red")),
        timeline("Alerts that fired", "What was the trouble, and when?",
                 [query('max by (alertname) (ALERTS{alertname=~"Weir.+", alertstate="firing"})', "{{alertname}}")], values(n1="fires:red"),
                 nothing="none fired"),
    ]),
    ("Traffic", [
        lines("Packets", "How much comes in, and how much of it is refused?",
              [query(f"sum(rate({PACKETS}[{RATE}]))", "all"), query(f"sum(rate({REFUSED}[{RATE}]))", "refused")], "pps"),
        lines("Bandwidth", "How many bits come in, and how many are refused?",
              [query(f"8 * sum(rate({PACKETS.replace('packets', 'bytes')}[{RATE}]))", "all"),
               query(f"8 * sum(rate({REFUSED.replace('packets', 'bytes')}[{RATE}]))", "refused")], "bps"),
        lines("Refusals by reason", "Why are packets refused?", [per_second(REFUSED, "verdict", "{{verdict}}")], "pps", stacked=True),
        lines("Would have been refused", "What would services that only observe refuse, were they to enforce?",
              [per_second("weir_observed_packets_total{<service>}", "service, reason", "{{service}} {{reason}}")], "pps", stacked=True),
        lines("By interface", "Where does it come in?", [per_second(PACKETS, "interface", "{{interface}}")], "pps"),
        lines("By node", "Which nodes carry it?", [per_second(PACKETS, "instance", "{{instance}}")], "pps"),
    ]),
    ("Services", [
        lines("Packets per service", "What is asked for?", [per_second(PACKETS, "service", "{{service}}")], "pps"),
        lines("Refused share per service", "Which service turns its callers away?",
              [query(f"sum by (service) (rate({REFUSED}[{RATE}])) / sum by (service) (rate({PACKETS}[{RATE}]))", "{{service}}")],
              "percentunit", top=1),
        lines("Clients", "How many sources does each service know?", [query("sum by (service) (weir_clients{<service>})", "{{service}}")]),
        lines("Clients over a limit", "How many of them are over a limit right now?",
              [query("sum by (service) (weir_clients_limited{<service>})", "{{service}}")]),
        lines("Refusals by limit", "Which limit is it that refuses, and is it one for each client or of all together?",
              [per_second("weir_limit_refusals_total{<service>}", "service, tier, limit, bucket", "{{service}} {{tier}}: {{limit}} ({{bucket}})")],
              "pps"),
        lines("Bans", "How many prefixes are banned, and what does that refuse?",
              [query("sum(weir_bans_active{<node>})", "prefixes banned"),
               query(f'sum(rate(weir_packets_total{{<service>, interface=~"$interface", verdict=~"banned|denied"}}[{RATE}]))',
                     "packets/s refused")]),
    ]),
    ("Pressure", [
        timeline("Under pressure", "When did new clients come too fast, and for which service?",
                 [query("max by (service) (weir_under_pressure{<service>})", "{{service}}")], values(n0="no:green", n1="pressure:yellow")),
        lines("New clients", "How many unknown sources come in, and what becomes of those for which there is no room?",
              [query(f"sum(rate(weir_client_inserts_total{{<node>}}[{RATE}]))", "came in"),
               query(f'sum(rate(weir_packets_total{{<service>, verdict="parent_limited"}}[{RATE}]))', "refused by their parent prefix"),
               query(f'sum(rate(weir_packets_total{{<service>, verdict="new_client"}}[{RATE}]))', "refused, no parent")], "pps"),
        lines("Client table", "How much of it is taken? Idle clients stay until somebody needs their place.",
              [query("max by (instance) (weir_client_table_entries{<node>} / weir_client_table_capacity{<node>})", "{{instance}}")],
              "percentunit", top=1),
        lines("Clients that made room", "Do newcomers push out clients whose buckets still matter? Active ones are what hurts.",
              [per_second("weir_client_evictions_total{<node>}", "state", "{{state}}")], "ops"),
        lines("Contention", "Do processors fight over buckets?",
              [query(f"sum by (instance) (rate(weir_limiter_contention_total{{<node>}}[{RATE}]))", "{{instance}}")], "ops"),
        lines("Malformed packets", "Who sends what cannot be read, and in which layer?",
              [per_second("weir_parse_errors_total{<node>}", "layer", "{{layer}}")], "pps"),
    ]),
    ("Weir itself", [
        lines("Processor time", "What does the daemon cost? 100% is one processor; the kernel's part is not in it.",
              [query(f"rate(process_cpu_seconds_total{{<node>}}[{RATE}])", "{{instance}}")], "percentunit"),
        lines("Memory", "How much memory do daemon and kernel maps hold?",
              [query("process_resident_memory_bytes{<node>}", "{{instance}} daemon"),
               query("sum by (instance) (weir_bpf_map_memory_bytes{<node>})", "{{instance}} maps")], "bytes"),
        lines("Table scans", "How long does it take to read the client table, once a second?",
              classic_percentiles("weir_table_scan_duration_seconds", "<node>"), "s"),
        lines("Events", "Are events for weir events dropped? Muted: more refusals than the sampler sends; lost: a full ring.",
              [query(f"sum by (instance) (rate(weir_events_lost_total{{<node>}}[{RATE}]))", "{{instance}} lost"),
               query(f"sum by (instance) (rate(weir_events_muted_total{{<node>}}[{RATE}]))", "{{instance}} muted")], "ops"),
        lines("Log lines", "Does the daemon complain?", [per_second("weir_log_messages_total{<node>}", "level", "{{level}}")], "ops"),
        lines("HTTP requests", "Who asks the daemon, and what does it answer?",
              [per_second("weir_http_requests_total{<node>}", "handler, code", "{{handler}} {{code}}")], "reqps"),
        table("Versions", "What runs where?", "weir_build_info{<node>}", ["instance", "version", "revision", "libbpf", "hiredis"]),
    ]),
])

LATENCY = dashboard("Latency", "How long do callers wait for us, and we for others?", ["service", "upstream"], [
    ("Services", [
        heat("Response time", "How are response times of the services chosen spread? From the last byte of a request to the first of its answer.",
             distribution("weir_response_seconds", "<service>")),
        lines("Response time per service", "How long do callers of each service wait?", percentiles("weir_response_seconds", "<service>", "service"),
              "s"),
        heat("Round trip to clients", "How far away are our clients? From our SYN-ACK to their ACK.",
             distribution("weir_client_round_trip_seconds", "<service>")),
        lines("Round trip per service", "How far away are the clients of each service?",
              percentiles("weir_client_round_trip_seconds", "<service>", "service"), "s"),
        lines("Answers", "How many requests are measured?",
              [query(f"sum by (service) (histogram_count(rate(weir_response_seconds{{<service>}}[{RATE}])) or "
                     f"rate(weir_response_seconds_count{{<service>}}[{RATE}]))", "{{service}}")], "reqps"),
        lines("Answers within 500 ms", "Which part of the requests is answered in time? Without native histograms it needs a bucket of 500 ms.",
              [query(f"histogram_fraction(0, 0.5, sum by (service) (rate(weir_response_seconds{{<service>}}[{RATE}]))) or "
                     f'sum by (service) (rate(weir_response_seconds_bucket{{<service>, le="0.5"}}[{RATE}])) / '
                     f"sum by (service) (rate(weir_response_seconds_count{{<service>}}[{RATE}]))", "{{service}}")], "percentunit", top=1),
    ]),
    ("Upstreams", [
        heat("Response time of upstreams", "How are the response times of what we call spread?",
             distribution("weir_upstream_response_seconds", "<upstream>")),
        lines("Response time per upstream", "How long do we wait for each upstream?",
              percentiles("weir_upstream_response_seconds", "<upstream>", "upstream"), "s"),
        heat("Connect time of upstreams", "How are the times from our SYN to their SYN-ACK spread?",
             distribution("weir_upstream_connect_seconds", "<upstream>")),
        lines("Connect time per upstream", "How far away is each upstream, and does it accept at once?",
              percentiles("weir_upstream_connect_seconds", "<upstream>", "upstream"), "s"),
    ]),
    ("What is measured", [
        lines("Flows followed", "Is there room to follow all connections?",
              [query("sum by (instance) (weir_flows{<node>})", "{{instance}} flows"),
               query("sum by (instance) (weir_flow_table_capacity{<node>})", "{{instance}} room")]),
        lines("Flows that made room", "Are connections lost to measurement? Active ones are.",
              [per_second("weir_flow_evictions_total{<node>}", "state", "{{state}}")], "ops"),
        lines("Samples not taken", "Which requests give no sample, and why?",
              [per_second("weir_latency_samples_discarded_total{<node>}", "reason", "{{reason}}")], "ops"),
        lines("Handshakes sent again", "Does the network lose packets? SYNs and SYN-ACKs seen twice.",
              [query(f"sum by (instance) (rate(weir_handshake_retransmissions_total{{<node>}}[{RATE}]))", "{{instance}}")], "ops"),
    ]),
])

BREAKERS = dashboard("Breakers", "Which upstream fails, what was done about it, and is it coming back?", ["upstream"], [
    ("State", [
        number("Endpoints out", "How many endpoints are open, half-open or forced open?",
               'sum(weir_breaker_state{<upstream>, state=~"open|half_open|forced_open"})', thresholds=steps(GREEN, (1, RED)), width=6),
        number("Worst upstream", "Which part of the worst upstream is out?", "max(weir_upstream_ejected_ratio{<upstream>})", "percentunit",
               steps(GREEN, (0.01, YELLOW), (0.5, RED)), width=6),
        number("Overrides", "How many endpoints did somebody force open or closed?",
               'sum(weir_breaker_state{<upstream>, state=~"forced_.+"})', thresholds=steps(GREEN, (1, YELLOW)), width=6),
        number("Names that do not resolve", "How many endpoints run on addresses of yesterday?",
               "sum(weir_upstream_endpoint_stale{<upstream>})", thresholds=steps(GREEN, (1, YELLOW)), width=6),
        timeline("Breakers", "In which state was each endpoint, seen by each node, and when?",
                 [one_of("weir_breaker_state", "<upstream>", "instance, upstream, endpoint", BREAKER_STATES)],
                 values(n0="closed:green", n1="half-open:yellow", n2="open:red", n3="forced open:purple", n4="forced closed:blue",
                        n5="disabled:text"), width=24),
        lines("Part that is out", "How much of each upstream is out?",
              [query("max by (upstream) (weir_upstream_ejected_ratio{<upstream>})", "{{upstream}}")], "percentunit", top=1),
        lines("Transitions", "What opened breakers, and what closed them?",
              [per_second("weir_breaker_transitions_total{<upstream>}", "upstream, to, reason", "{{upstream}} to {{to}}: {{reason}}")], "ops"),
    ]),
    ("Calls", [
        lines("Calls by result", "What becomes of calls?", [per_second("weir_upstream_calls_total{<upstream>}", "upstream, result", "{{upstream}} {{result}}")],
              "reqps", stacked=True),
        lines("Failed share", "Which part of the calls fails? Slow answers are answers.",
              [query(f'sum by (upstream) (rate(weir_upstream_calls_total{{<upstream>, result!~"ok|slow"}}[{RATE}])) / '
                     f"sum by (upstream) (rate(weir_upstream_calls_total{{<upstream>}}[{RATE}]))", "{{upstream}}")], "percentunit", top=1),
        lines("Refused by breakers", "How many calls were spared? In mode observe: would have been.",
              [per_second("weir_breaker_rejections_total{<upstream>}", "upstream, endpoint", "{{upstream}} {{endpoint}}")], "reqps"),
        lines("HTTP answers", "What do upstreams with `http: true` answer?",
              [per_second("weir_upstream_http_responses_total{<upstream>}", "upstream, class", "{{upstream}} {{class}}")], "reqps", stacked=True),
        lines("Connections", "How many are open, and to which endpoint?",
              [query("sum by (upstream, endpoint) (weir_upstream_connections{<upstream>})", "{{upstream}} {{endpoint}}")]),
        lines("Handshakes", "How many connections are made?",
              [per_second("weir_upstream_connected_total{<upstream>}", "upstream, endpoint", "{{upstream}} {{endpoint}}")], "ops"),
    ]),
    ("Recovery", [
        lines("Probes", "What do active probes say? Only of upstreams with a `probe`.",
              [per_second("weir_upstream_probes_total{<upstream>}", "upstream, endpoint, result", "{{upstream}} {{endpoint}} {{result}}")], "ops"),
        lines("Ejections in a row", "Which endpoint fails again and again? Each one keeps it out for longer.",
              [query("max by (upstream, endpoint) (weir_breaker_ejections{<upstream>})", "{{upstream}} {{endpoint}}")]),
        lines("Held", "Which endpoints would be out, were there not too many out already?",
              [per_second("weir_upstream_ejections_held_total{<upstream>}", "upstream", "{{upstream}}")], "ops"),
        lines("Addresses", "How many addresses does the name of each endpoint stand for?",
              [query("min by (upstream, endpoint) (weir_upstream_endpoint_addresses{<upstream>})", "{{upstream}} {{endpoint}}")]),
        lines("Reaction time", "How long does it take from the failure that opens a breaker to calls being refused?",
              classic_percentiles("weir_breaker_reaction_seconds", "<node>"), "s"),
    ]),
])

CLUSTER = dashboard("Cluster", "Do limits hold over all nodes, who has which share, and is Redis well?", ["service"], [
    ("State", [
        number("Nodes", "How many nodes share the limits, as far as they know?", "max(weir_cluster_nodes{<node>})", width=6),
        number("Nodes without Redis", "How many do not reach Redis?", "count(weir_redis_up{<node>} == 0) or vector(0)",
               thresholds=steps(GREEN, (1, RED)), width=6),
        number("Oldest round", "How long ago was the last round of the node that lags most?",
               "max((time() - weir_cluster_last_success_timestamp_seconds{<node>}) and weir_cluster_last_success_timestamp_seconds{<node>} > 0)",
               "s", steps(GREEN, (10, YELLOW), (60, RED)), width=6),
        number("Units not reported", "How many units wait to be reported?", "sum(weir_cluster_backlog_units{<node>})", width=6),
        timeline("Mode", "By whose word do shares hold on each node, and when?",
                 [query(one_of("weir_cluster_mode", "<node>", "instance", CLUSTER_MODES)["expr"].replace("state=", "mode="), "{{instance}}")],
                 values(n0="shared:green", n1="starting:blue", n2="held:yellow", n3="outage:red"), width=24),
    ]),
    ("Shares", [
        lines("Shares", "Which part of each limit does each node have?",
              [query("max by (instance, service, tier, limit, bucket) (weir_limit_share_ratio{<service>})",
                     "{{instance}} {{service}} {{tier}}: {{limit}} ({{bucket}})")], "percentunit"),
        lines("Shares together", "How much of each limit is given out? 100% or more: what some leave over is lent to others, and debited.",
              [query("sum by (service, tier, limit, bucket) (weir_limit_share_ratio{<service>})", "{{service}} {{tier}}: {{limit}} ({{bucket}})")],
              "percentunit"),
        lines("Lag", "How old are the shares of each node?",
              [query("(time() - weir_cluster_last_success_timestamp_seconds{<node>}) and weir_cluster_last_success_timestamp_seconds{<node>} > 0",
                     "{{instance}}")], "s"),
        lines("Rounds", "Do rounds succeed?", [per_second("weir_cluster_rounds_total{<node>}", "instance, result", "{{instance}} {{result}}")], "ops"),
        lines("Hot clients", "How many clients are worth a share of their own?", [query("weir_cluster_hot_keys{<node>}", "{{instance}}")]),
        lines("Backlog", "What was let in and is not reported yet? It grows while Redis is away.",
              [query("weir_cluster_backlog_units{<node>}", "{{instance}}")]),
    ]),
    ("Redis", [
        lines("Time of commands", "How long does Redis take, with the network in between?",
              classic_percentiles("weir_redis_command_duration_seconds", "<node>", "command"), "s"),
        lines("Commands", "What is asked of Redis, and does it answer?",
              [per_second("weir_redis_commands_total{<node>}", "command, result", "{{command}} {{result}}")], "ops"),
        timeline("Redis", "When did each node not reach it?", [query("min by (instance) (weir_redis_up{<node>})", "{{instance}}")],
                 values(n0="away:red", n1="up:green")),
        lines("Reconnects", "Do connections break?", [per_second("weir_redis_reconnects_total{<node>}", "instance", "{{instance}}")], "ops"),
    ]),
])

DASHBOARDS = [OVERVIEW, LATENCY, BREAKERS, CLUSTER]


def text(one):
    return json.dumps(one, indent=2) + "\n"


if __name__ == "__main__":
    for made in DASHBOARDS:
        (HERE / f"{made['uid']}.json").write_text(text(made), encoding="ascii")

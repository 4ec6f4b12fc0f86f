#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Asks a Prometheus all that dashboards ask, as Grafana does, until each query has an answer.

    panels.py PORT native|classic SECONDS [--zero TITLE]... DASHBOARD.json...
    panels.py PORT rules SECONDS

A query fails when Prometheus refuses it, when it gives no series, or nothing but NaN; a panel fails when all its figures are 0, unless
--zero names it; a heat map when it does not get what it is for: native histograms, or the classic buckets. The same for annotations,
and for the values that the variables offer. rules: each is evaluated without an error, and each that records has a series.

What has failed is asked again until the time is over. Exit status 0, or 1 and a line for each that has no answer.
"""
import argparse
import json
import math
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

WINDOW = 30  # seconds that a dashboard shows here


class Refused(Exception):
    pass


def ask(port, path, **parameters):
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error)["error"]) from None


def filled(text, variables):
    """As Grafana fills it in when everything is chosen."""
    text = text.replace("$__rate_interval", "5s").replace("$__interval", "1s").replace("$__range", f"{WINDOW}s")
    for name, value in variables.items():
        text = text.replace(f"${name}", value)
    if "$" in text:
        raise Refused("a variable that there is not")
    return text


def series_of(port, target, variables):
    expr = filled(target["expr"], variables)
    now = time.time()
    if target.get("instant"):
        return ask(port, "query", query=expr, time=now)["result"]
    return ask(port, "query_range", query=expr, start=now - WINDOW, end=now, step=1)["result"]


def figures(series):
    """All numbers in it; of a histogram its count."""
    for one in series:
        yield from (float(value) for _, value in one.get("values", [one["value"]] if "value" in one else []))
        yield from (float(value["count"]) for _, value in one.get("histograms", [one["histogram"]] if "histogram" in one else []))


def judge_target(kind, series, histograms):
    """What is wrong with an answer, or None"""
    if not series:
        return "no series"
    if all(math.isnan(figure) for figure in figures(series)):
        return "nothing but NaN"
    if kind == "heatmap":
        if histograms == "native" and not any("histograms" in one for one in series):
            return "no native histogram"
        if histograms == "classic" and not all("le" in one["metric"] for one in series):
            return "no buckets"
    return None


def judge_panel(port, panel, variables, histograms, zero):
    wrong, seen = [], []
    for target in panel["targets"]:
        try:
            series = series_of(port, target, variables)
        except Refused as error:
            series, problem = [], str(error)
        else:
            problem = judge_target(panel["type"], series, histograms)
        if problem:
            wrong.append(f"{problem}: {target['expr']}")
        seen += figures(series)
    if not wrong and panel["title"] not in zero and not any(figure and not math.isnan(figure) for figure in seen):
        wrong.append("all figures are 0")
    return wrong


def judge_variable(port, variable, variables):
    metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
    return [] if ask(port, f"label/{label}/values", **{"match[]": filled(metric, variables)}) else ["offers nothing"]


def checks_of(path, port, args):
    """[(what, a function that gives what is wrong)] of a dashboard"""
    board = json.loads(pathlib.Path(path).read_text())
    queried = [one for one in board["templating"]["list"] if one["type"] == "query"]
    variables = {one["name"]: one.get("allValue", "weir") for one in queried}
    checks = [(f"variable {one['name']}", lambda one=one: judge_variable(port, one, variables)) for one in queried]
    for mark in board["annotations"]["list"]:
        if "expr" in mark:
            panel = {"type": "annotation", "title": mark["name"], "targets": [mark, mark["target"]]}
            checks.append((f"annotation {mark['name']}", lambda panel=panel: judge_panel(port, panel, variables, args.kind, [])))
    for panel in board["panels"]:
        if panel["type"] != "row":
            checks.append((f"panel {panel['title']}", lambda panel=panel: judge_panel(port, panel, variables, args.kind, args.zero)))
    return [(f"{board['title']}, {what}", check) for what, check in checks]


def judge_rule(port, name):
    rule = next(rule for group in ask(port, "rules")["groups"] for rule in group["rules"] if rule["name"] == name)
    if rule["health"] != "ok":
        return [rule.get("lastError") or f"not evaluated yet: {rule['health']}"]
    if rule["type"] == "alerting":
        return []
    problem = judge_target("rule", ask(port, "query", query=name)["result"], None)
    return [problem] if problem else []


def rules_of(port):
    names = [rule["name"] for group in ask(port, "rules")["groups"] for rule in group["rules"]]
    return [(f"rule {name}", lambda name=name: judge_rule(port, name)) for name in names]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("kind", choices=["native", "classic", "rules"])
    parser.add_argument("seconds", type=float)
    parser.add_argument("--zero", action="append", default=[])
    parser.add_argument("dashboard", nargs="*")
    args = parser.parse_intermixed_args()
    checks = rules_of(args.port) if args.kind == "rules" else [check for path in args.dashboard for check in checks_of(path, args.port, args)]
    begin, left, wrong = time.monotonic(), checks, {}
    while left:
        wrong = {what: check() for what, check in left}
        left = [(what, check) for what, check in left if wrong[what]]
        if not left or time.monotonic() - begin > args.seconds:
            break
        time.sleep(0.5)
    for what, _ in left:
        print("\n".join(f"{what}: {problem}" for problem in wrong[what]))
    print(f"# {args.kind}: {len(checks) - len(left)} of {len(checks)} answered after {time.monotonic() - begin:.1f} s")
    return 1 if left or not checks else 0


sys.exit(main())

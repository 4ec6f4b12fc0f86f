#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The dashboards in deploy/grafana: what their source makes, of a form that Grafana imports without edits, and asking only for metrics that
there are. Whether the queries have answers is tests/e2e/dashboards.bats' matter. Reports in TAP."""
import copy
import json
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(TOP / "deploy/grafana"), str(TOP / "tests/unit")]
import asked_metrics  # noqa: E402
import dashboards  # noqa: E402

FOLDER = TOP / "deploy/grafana"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Every key there may be; those with a ? may be missing. As in Grafana's own types (@grafana/schema), of what is used here
BOARD = """id uid title description tags schemaVersion version editable graphTooltip timezone refresh time timepicker fiscalYearStartMonth liveNow
    weekStart links annotations templating panels"""
ROW = "id type title collapsed panels gridPos"
PANEL = "id type title description datasource targets gridPos fieldConfig options transformations?"
TARGET = "refId datasource expr legendFormat editorMode range instant format?"
DEFAULTS = "unit thresholds color? custom? mappings? min? max? noValue?"
DATASOURCE_VARIABLE = "name label type query refresh hide multi includeAll regex options skipUrlSync"
QUERY_VARIABLE = "name label type datasource query refresh sort hide multi includeAll allValue? regex options skipUrlSync current"
OPTIONS = {
    "stat": "colorMode graphMode justifyMode orientation textMode wideLayout showPercentChange percentChangeColorMode reduceOptions",
    "timeseries": "legend tooltip",
    "heatmap": """calculate cellGap cellValues showValue color exemplars filterValues legend rowsFrame tooltip yAxis""",
    "state-timeline": "alignValue mergeValues rowHeight showValue legend tooltip",
    "table": "cellHeight frameIndex showHeader",
}
UNITS = {"short", "pps", "bps", "s", "percentunit", "bytes", "ops", "reqps"}
FORMATS = {"heatmap": "heatmap", "table": "table"}


def keys(where, thing, wanted):
    may = {key.rstrip("?") for key in wanted.split()}
    must = {key for key in wanted.split() if not key.endswith("?")}
    yield from (f"{where}: unknown key {key}" for key in thing.keys() - may)
    yield from (f"{where}: no {key}" for key in must - thing.keys())


def target_problems(where, panel, target, variables):
    yield from keys(where, target, TARGET)
    if target["datasource"] != SOURCE:
        yield f"{where}: another data source than the one chosen"
    if not target["legendFormat"]:
        yield f"{where}: no legend"
    if target["range"] == target["instant"]:
        yield f"{where}: over time, or the latest?"
    if target.get("format") != FORMATS.get(panel["type"]):
        yield f"{where}: a {panel['type']} wants another format"
    for name in re.findall(r"\$(\w+)", target["expr"]):
        if name not in variables | {"__rate_interval"}:
            yield f"{where}: there is no variable {name}"
    if re.search(r"rate\([^\[]*\[(?!\$__rate_interval\])", target["expr"]):
        yield f"{where}: a rate over a time that does not follow the scrape interval"
    for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
        if label not in target["expr"]:
            yield f"{where}: the legend names {label}, the query does not"


def panel_problems(panel, variables):
    where = panel.get("title", "?")
    if panel["type"] == "row":
        yield from keys(where, panel, ROW)
        return
    yield from keys(where, panel, PANEL)
    if panel["type"] not in OPTIONS:
        yield f"{where}: no panel of Grafana's own is called {panel['type']}"
        return
    yield from keys(f"{where}, options", panel["options"], OPTIONS[panel["type"]])
    yield from keys(f"{where}, defaults", panel["fieldConfig"]["defaults"], DEFAULTS)
    if panel["datasource"] != SOURCE:
        yield f"{where}: another data source than the one chosen"
    if not panel["description"].count("?"):
        yield f"{where}: the description asks no question"
    if panel["fieldConfig"]["defaults"]["unit"] not in UNITS:
        yield f"{where}: unknown unit {panel['fieldConfig']['defaults']['unit']}"
    if [target["refId"] for target in panel["targets"]] != [chr(65 + i) for i in range(len(panel["targets"]))] or not panel["targets"]:
        yield f"{where}: refIds are not A, B, ..."
    for target in panel["targets"]:
        yield from target_problems(f"{where}, {target['refId']}", panel, target, variables)


def place_problems(panels):
    """Nothing overlaps, nothing sticks out."""
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        if at.keys() != {"x", "y", "w", "h"} or min(at["x"], at["y"]) < 0 or min(at["w"], at["h"]) < 1 or at["x"] + at["w"] > 24:
            yield f"{panel['title']}: not within 24 columns: {at}"
            continue
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if cell in taken:
                yield f"{panel['title']}: lies over {taken[cell]}"
                break
            taken[cell] = panel["title"]


def variable_problems(board):
    names = [one["name"] for one in board["templating"]["list"]]
    if names[0] != "datasource" or len(set(names)) != len(names):
        yield "the first variable is not the data source, or two have one name"
    for one in board["templating"]["list"]:
        yield from keys(f"variable {one['name']}", one, DATASOURCE_VARIABLE if one["type"] == "datasource" else QUERY_VARIABLE)
        for name in re.findall(r"\$(\w+)", json.dumps(one.get("query", ""))):
            if name not in names[:names.index(one["name"])]:
                yield f"variable {one['name']}: asks for {name}, which comes later or never"
        if one["name"] not in ("datasource",) and f"${one['name']}" not in json.dumps([board["panels"], board["annotations"]]):
            yield f"variable {one['name']}: nobody uses it"


def problems(board):
    yield from keys("dashboard", board, BOARD)
    if board["id"] is not None or not re.fullmatch(r"weir-[a-z]+", board["uid"]) or board["schemaVersion"] < 36:
        yield "id must be null, uid weir-..., schemaVersion that of Grafana 9 or later"
    if "__inputs" in board:
        yield "wants to be edited when it is imported"
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        yield "two panels have one id"
    titles = [panel["title"] for panel in board["panels"] if panel["type"] != "row"]
    if len(set(titles)) != len(titles):
        yield "two panels have one title"
    variables = {one["name"] for one in board["templating"]["list"]}
    yield from variable_problems(board)
    yield from place_problems(board["panels"])
    for panel in board["panels"]:
        yield from panel_problems(panel, variables)
    series = asked_metrics.known()
    for expr in asked_metrics.exprs(board):
        yield from asked_metrics.problems(expr, series)


# --- tests -------------------------------------------------------------------------------------------------------------

def boards():
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def checked_in_is_what_the_source_makes():
    made = {f"{one['uid']}.json": dashboards.text(one) for one in dashboards.DASHBOARDS}
    there = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    wrong = [name for name in made.keys() | there.keys() if made.get(name) != there.get(name)]
    return [f"{name} differs: run deploy/grafana/dashboards.py" for name in wrong]


def grafana_takes_them_as_they_are():
    found = [f"{name}: {problem}" for name, board in boards().items() for problem in problems(board)]
    return found or ([] if len(boards()) == 4 else ["there should be four"])


def a_spoilt_one_is_noticed():
    """Each change on its own must give a problem."""
    good = boards()["weir-overview.json"]
    first = next(i for i, panel in enumerate(good["panels"]) if panel["type"] == "timeseries")

    def spoilt(change):
        board = copy.deepcopy(good)
        change(board, board["panels"][first])
        return list(problems(board))

    def move(_, panel):
        panel["gridPos"]["y"] -= 1

    changes = {
        "unknown key": lambda board, panel: panel.update(span=6),
        "unknown option": lambda board, panel: panel["options"].update(legnd={}),
        "no description": lambda board, panel: panel.update(description=""),
        "no legend": lambda board, panel: panel["targets"][0].update(legendFormat=""),
        "legend of another label": lambda board, panel: panel["targets"][0].update(legendFormat="{{service_name}}"),
        "two ids": lambda board, panel: panel.update(id=1),
        "overlap": move,
        "sticks out": lambda board, panel: panel["gridPos"].update(x=20),
        "fixed data source": lambda board, panel: panel.update(datasource={"type": "prometheus", "uid": "abc"}),
        "no such metric": lambda board, panel: panel["targets"][0].update(expr="sum(weir_packet_total)"),
        "no such label": lambda board, panel: panel["targets"][0].update(expr='sum(weir_clients{tier="a"})'),
        "no such variable": lambda board, panel: panel["targets"][0].update(expr='sum(weir_clients{service=~"$srv"})'),
        "rate of a fixed time": lambda board, panel: panel["targets"][0].update(expr="rate(weir_bans_total[5m])"),
        "unit": lambda board, panel: panel["fieldConfig"]["defaults"].update(unit="packets"),
        "inputs": lambda board, panel: board.update(__inputs=[]),
        "variable too late": lambda board, panel: board["templating"]["list"].reverse(),
    }
    noticed = [f"{name}: not noticed" for name, change in changes.items() if not spoilt(change)]
    return noticed + [f"a good one is refused: {problem}" for problem in problems(good)]


def main():
    tests = [checked_in_is_what_the_source_makes, grafana_takes_them_as_they_are, a_spoilt_one_is_noticed]
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        found = test()
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {test.__name__}")
        print("".join(f"# {line}\n" for line in found[:20]), end="")
    return 1 if failed else 0


sys.exit(main())

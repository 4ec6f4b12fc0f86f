#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Does Weir have what is asked of it? Takes rule files and dashboards; names each metric, or label of one, that docs/metrics.md does not
know (which a test holds to the code's own list).

    asked_metrics.py FILE.yaml|FILE.json...        exit status 0, or 1 and a line for each
"""
import json
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
OF_TARGETS = {"job", "instance"}
FAMILY = re.compile(r"^\| `((?:weir|process)_\w+)` \| (\w+) \| ([^|]*)\|", re.M)
SELECTOR = re.compile(r"(?<![\w:])((?:weir|process)_\w+)(?![\w:])(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|without|on) \(([^)]*)\)")


def known():
    """{name of a series: its labels}"""
    series = {}
    for name, kind, labels in FAMILY.findall((TOP / "docs/metrics.md").read_text()):
        labels = set(re.findall(r"`(\w+)`", labels))
        series[name] = labels
        if kind == "histogram":
            series |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
    return series


def problems(expr, series):
    for name, matchers in SELECTOR.findall(expr):
        if name not in series:
            yield f"no metric is called {name}"
            continue
        for label in re.findall(r'(\w+) *[=!]', re.sub(r'"[^"]*"', '""', matchers)):
            if label not in series[name] | OF_TARGETS:
                yield f"{name} has no label {label}"
    asked = [series[name] for name, _ in SELECTOR.findall(expr) if name in series]
    for labels in GROUPING.findall(expr):
        for label in filter(None, re.split(r"[ ,]+", labels)):
            if asked and label not in set.union(OF_TARGETS, *asked):
                yield f"no metric in it has a label {label}"


def exprs(document):
    """Every expr in it, at any depth"""
    if isinstance(document, dict):
        if isinstance(document.get("expr"), str):
            yield document["expr"]
        for value in document.values():
            yield from exprs(value)
    elif isinstance(document, list):
        for value in document:
            yield from exprs(value)


def read(path):
    if path.endswith(".json"):
        return json.loads(pathlib.Path(path).read_text())
    import yaml
    return yaml.safe_load(pathlib.Path(path).read_text())


def main(paths):
    series = known()
    found = [f"{path}: {problem}: {expr}" for path in paths for expr in exprs(read(path)) for problem in problems(expr, series)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found or len(series) < 80 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

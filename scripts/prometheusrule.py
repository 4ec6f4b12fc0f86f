#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes the PrometheusRule of deploy/kubernetes from the rule files of deploy/prometheus, those with `groups:` in the first column.

    scripts/prometheusrule.py           writes it
    scripts/prometheusrule.py --check   says whether it is up to date: exit status 1 when it is not
"""
import pathlib
import sys
import textwrap

TOP = pathlib.Path(__file__).resolve().parent.parent
RULES = TOP / "deploy/prometheus"
TARGET = TOP / "deploy/kubernetes/overlays/monitoring/prometheusrule.yaml"
HEAD = """\
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Made by scripts/prometheusrule.py from deploy/prometheus; to change a rule, change it there
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: weir
  labels:
    app.kubernetes.io/name: weir
spec:
"""


def groups(path):
    """The lines below `groups:`, up to the next key of the first column; none where there is no such key."""
    lines, inside = [], False
    for line in path.read_text().splitlines():
        if line and not line[0].isspace() and line[0] not in "-#":
            inside = line.rstrip() == "groups:"
        elif inside:
            lines.append(line)
    while lines and not lines[-1].strip():
        lines.pop()
    # The files need not agree on how far a list is indented
    return textwrap.dedent("\n".join(lines)).splitlines()


def rule():
    lines = [line for path in sorted(RULES.glob("*.yaml")) for line in groups(path)]
    if not lines:
        return HEAD + "  groups: []\n"
    return HEAD + "  groups:\n" + "".join(f"    {line}".rstrip() + "\n" for line in lines)


def main():
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != rule():
            sys.exit(f"{TARGET.relative_to(TOP)} is not what deploy/prometheus says. To do: scripts/prometheusrule.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        TARGET.write_text(rule())


if __name__ == "__main__":
    main()

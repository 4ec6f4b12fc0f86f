# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads an exposition with python3-prometheus-client, as strictly as it can:

    metrics_parsers.py text|openmetrics FILE

Prints the number of samples. Exit status 1 and a reason when it is not well-formed, 77 without the library.
Beyond the parser it holds that no series is there twice, and that histograms grow and end in +Inf.
"""
import sys

try:
    from prometheus_client import openmetrics, parser
    import prometheus_client.openmetrics.parser
except ImportError:
    print("python3-prometheus-client is not installed")
    sys.exit(77)


def check(families):
    seen = set()
    buckets = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if key in seen:
                raise ValueError(f"twice: {key}")
            seen.add(key)
            if family.type == "histogram" and sample.name.endswith("_bucket"):
                rest = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
                buckets.setdefault((family.name, rest), []).append((float(sample.labels["le"]), sample.value))
    for name, series in buckets.items():
        if series != sorted(series) or series[-1][0] != float("inf") or [v for _, v in series] != sorted(v for _, v in series):
            raise ValueError(f"buckets out of order: {name}")
    return len(seen)


def main():
    read = {"text": parser, "openmetrics": openmetrics.parser}[sys.argv[1]].text_string_to_metric_families
    with open(sys.argv[2], encoding="utf-8", newline="") as file:
        text = file.read()
    try:
        print(check(list(read(text))))
    except ValueError as error:
        print(f"{sys.argv[1]}: {error}")
        return 1
    return 0


sys.exit(main())

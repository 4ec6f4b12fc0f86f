#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Turns what run.sh has measured into Markdown: report.py RESULTS [DOCUMENT]

Prints it; with a document, puts it there between the markers, in place of what an earlier run has left.
"""
import pathlib
import statistics
import sys

BEGIN, END = "<!-- measured by make bench: begin -->", "<!-- measured by make bench: end -->"
LIMITERS = {
    "floor": "XDP program that drops everything",
    "weir_xdp": "**Weir, XDP**",
    "weir_tcx": "**Weir, tcx**",
    "nft": "nftables dynamic set, netdev ingress",
    "hashlimit": "iptables hashlimit, raw PREROUTING",
}


def rows(path):
    return [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []


def table(head, body):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join(" ---: " if h.startswith(">") else " --- " for h in head) + "|"
    for row in body:
        yield "| " + " | ".join(row) + " |"


def make_table(names, body):
    lines = list(table(names, body))
    return [lines[0].replace("| >", "| ")] + lines[1:] + [""]


def whole(number):
    return f"{number:,.0f}"


def drop_figures(results):
    """(limiter, sources) -> list of (ns of receiver's processor a packet, dropped a second)"""
    figures = {}
    for limiter, sources, dropped, arrived, _sent, elapsed_ms, cpu in rows(results / "drop"):
        figures.setdefault((limiter, int(sources)), []).append(
            (int(cpu) / int(arrived), int(dropped) * 1000 / int(elapsed_ms)))
    return figures


def claims(results):
    """What Weir promises of itself, and whether it holds: (promise, bound, measured, holds)"""
    prog = {(r[0], r[1], r[2], r[3]): r for r in rows(results / "prog")}
    drop = drop_figures(results)
    daemon = {}
    for name, value in rows(results / "daemon"):
        daemon.setdefault(name, []).append(float(value))

    yield from limiter_claims(prog)
    new = prog.get(("guard on", "IPv4", "1", "all new"))
    if new:
        yield "spoofed flood, every packet from a new source", "", f"{new[4]} ns a packet", None
    for rival, name in (("nft", "nftables' dynamic set"), ("hashlimit", "iptables hashlimit")):
        if (rival, 60000) in drop and ("weir_xdp", 60000) in drop:
            ratio = best(drop[rival, 60000]) / best(drop["weir_xdp", 60000])
            middle = median(drop[rival, 60000]) / median(drop["weir_xdp", 60000])
            yield (f"packets dropped a second of processor, 60,000 sources, against {name}", "3 times",
                   f"{ratio:.1f} times by the minima, {middle:.1f} by the medians", ratio >= 3)
    if daemon:
        yield "client table of 1,048,576 clients", "80 MiB", f"{daemon['table_bytes'][0] / 2**20:.0f} MiB", \
            daemon["table_bytes"][0] <= 80 * 2**20
        rss = (daemon["rss_kib"][0] - daemon["rss_maps_kib"][0]) / 1024
        yield "the daemon's memory besides", "30 MiB", f"{rss:.0f} MiB", rss <= 30
        scan = statistics.median(daemon["scan_ms"])
        yield f"scan of the table with {whole(daemon['clients'][0])} clients in it", "100 ms", \
            f"{scan:.0f} ms ({min(daemon['scan_ms']):.0f} to {max(daemon['scan_ms']):.0f})", scan <= 100
        start = max(daemon["start_ms"])
        yield "from the start of the daemon until it enforces", "1 s", f"{start / 1000:.2f} s", start <= 1000
    yield from flow_claims(results)


# The machine that the bounds of the limiter were set on reads its clock in so many ns
CLOCK_NS = 30


def limiter_claims(prog):
    """Bounds go with the machine's speed, as reading the clock tells it: the quickest reading of the run, so the strictest bound."""
    if not prog:
        return
    clock = min(float(row[6]) for row in prog.values())
    for what, sources, bound in (("one client", "1", 60), ("1,048,576 clients", "1048576", 240), ("every packet a new client", "all new", 280)):
        found = [float(prog[key][4]) for family in ("IPv4", "IPv6") if (key := ("one limit", family, "1", sources)) in prog]
        if found:
            yield (f"one limit, {what}, a packet in XDP, IPv4 and IPv6",
                   f"{bound} ns if a reading of the clock takes {CLOCK_NS}: {bound / CLOCK_NS:.1f} readings",
                   f"{' and '.join(f'{ns:.0f}' for ns in found)} ns: {' and '.join(f'{ns / clock:.1f}' for ns in found)} readings of "
                   f"{clock:.0f} ns", max(found) / clock <= bound / CLOCK_NS)
    alone, shared = prog.get(("one limit", "IPv4", "1", "1")), prog.get(("one limit, one client", "IPv4", "2", "1"))
    if alone and shared:
        ratio = float(shared[4]) / float(alone[4])
        yield "two processors on one client, by one processor", "3 times", f"{ratio:.1f} times", ratio <= 3


def flow_rows(results):
    """(conversation, packet, family, flows) -> min, median, the clock's min and median, clock readings of a packet, memory's min, ..."""
    return {tuple(r[:4]): [float(x) for x in r[5:]] for r in rows(results / "flow")}


def flow_claims(results):
    figures = flow_rows(results)
    for what, packet, flows, bound in (
            ("an established TCP flow", "all", "1", 60),
            ("500,000 of them, one exchange after the other", "all, in turn", "500000", 120),
            ("500,000 of them, each packet another's", "all", "500000", 120)):
        row = figures.get(("TCP service", packet, "IPv4", flows))
        if row:
            low, middle, clock, _, readings, memory, *_ = row
            yield (f"telemetry of {what}, a packet of a request and its answer", f"{bound} ns",
                   f"{low:.0f} ns, of which reading the clock takes {clock * readings:.0f}"
                   f"{f' and touching its memory {memory:.0f}' if memory else ''} (median {middle:.0f})", low <= bound)
    by_processor = iperf_ratios(results, "all", 4)
    for direction, ratios in iperf_ratios(results, "all", 3).items():
        yield (f"TCP over a veth with Weir at TC, {direction}, of that without", "95 %",
               f"{100 * statistics.median(ratios):.0f} % ({100 * min(ratios):.0f} to {100 * max(ratios):.0f}), "
               f"{100 * statistics.median(by_processor[direction]):.0f} % by processor time",
               statistics.median(ratios) >= 0.95)


def iperf_ratios(results, programs, field):
    """direction -> throughput (3: a second, 4: a second of processor) by that with nothing attached, of each round"""
    bits = {(r[0], r[1], r[2]): int(r[field]) for r in rows(results / "iperf")}
    ratios = {}
    for (number, direction, which), value in bits.items():
        if which == programs:
            ratios.setdefault(direction, []).append(value / bits[number, direction, "none"])
    return ratios


def best(measurements):
    return min(ns for ns, _ in measurements)


def median(measurements):
    return statistics.median(ns for ns, _ in measurements)


def claims_table(results):
    found = list(claims(results))
    if found:
        yield from make_table(["what", ">target", ">measured", ""],
                              [[what, bound, value, {None: "", True: "met", False: "**missed**"}[holds]]
                               for what, bound, value, holds in found])


def prog_table(results):
    body = []
    for variant, family, cpus, sources, low, median, clock, clock_median, new, refused in rows(results / "prog"):
        body.append([variant, family, cpus, sources if not sources.isdigit() else whole(int(sources)),
                     low, median, f"{float(low) / float(clock):.1f}", f"{float(median) / float(clock_median):.1f}",
                     f"{float(new):.0f} %", f"{float(refused):.0f} %"])
    if body:
        yield "### Nanoseconds a packet in weir_xdp"
        yield ""
        yield from make_table(["configuration", "", ">processors", ">sources", ">min", ">median", ">min, in clock readings",
                               ">median, in clock readings", ">new clients", ">refused"], body)


def drop_table(results):
    figures = drop_figures(results)
    if not figures:
        return
    yield "### Packets dropped over one veth, beside other limiters"
    yield ""
    for sources in (60000, 1):
        if ("weir_xdp", sources) not in figures:
            continue
        base = best(figures["weir_xdp", sources])
        body = []
        for limiter, label in LIMITERS.items():
            measured = figures.get((limiter, sources), [])
            if not measured:
                continue
            ns = best(measured)
            body.append([label, whole(sources), whole(ns), whole(median(measured)), whole(1e9 / ns),
                         f"{base / ns:.2f}", whole(max(pps for _, pps in measured))])
        yield from make_table(["limiter", ">sources", ">ns a packet, min", ">median", ">packets/s of one processor",
                               ">of Weir's", ">seen dropped/s"], body)


def flow_table(results):
    body = []
    for conversation, packet, family, flows, room, low, middle, clock, clock_middle, readings, memory, \
            memory_middle, followed in rows(results / "flow"):
        body.append([conversation, packet, family, flows if not flows.isdigit() else whole(int(flows)), whole(int(room)),
                     low, middle, readings, f"{float(readings) * float(clock):.1f}",
                     f"{float(readings) * float(clock_middle):.1f}", *(m if float(m) else "" for m in (memory, memory_middle)),
                     f"{float(followed):.0f} %"])
    if body:
        yield "### Nanoseconds a packet in weir_flow_in and weir_flow_out"
        yield ""
        yield from make_table(["flow", "packet", "", ">flows", ">table", ">min", ">median", ">clock readings", ">of min the clock",
                               ">of median the clock",
                               ">memory, min", ">memory, median", ">followed"], body)


def iperf_table(results):
    measured = {}
    for _, direction, programs, bits, *_ in rows(results / "iperf"):
        measured.setdefault((direction, programs), []).append(int(bits) / 1e9)
    if not measured:
        return
    yield "### TCP throughput over a veth"
    yield ""
    body = []
    for (direction, programs), gbits in measured.items():
        shares = [f"{100 * statistics.median(iperf_ratios(results, programs, field)[direction]):.0f} %" for field in (3, 4)]
        label = {"none": "nothing", "limiter": "limiter", "all": "**limiter and telemetry**"}[programs]
        body.append([label, direction, f"{statistics.median(gbits):.1f}", f"{min(gbits):.1f} to {max(gbits):.1f}", *shares])
    yield from make_table(["at TC", "", ">Gbit/s, median", ">range", ">of the same round's without, median",
                            ">by processor time"], body)


def report(results):
    machine = dict(rows(results / "machine"))
    yield f"Machine: {machine['cpu']}, {machine['cpus']} processors ({machine['virtual']}), {machine['memory_mib']} MiB, Linux " \
          f"{machine['kernel']}; load before: {machine['load']}. Weir {machine['version']}, nftables {machine['nft']}, iptables " \
          f"{machine['iptables']}, iperf {machine['iperf3']}. Command: `make bench`."
    yield ""
    for part in (claims_table, prog_table, flow_table, drop_table, iperf_table):
        yield from part(results)


def main():
    results = pathlib.Path(sys.argv[1])
    text = "\n".join(report(results)).rstrip() + "\n"
    print(text)
    if len(sys.argv) > 2:
        document = pathlib.Path(sys.argv[2])
        old = document.read_text()
        if old.count(BEGIN) != 1 or old.count(END) != 1:
            sys.exit(f"{document} wants one '{BEGIN}' and one '{END}'")
        before, rest = old.split(BEGIN)
        document.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()

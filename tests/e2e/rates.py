#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Are the rates of `weir top` those at which a client did send?

    rates.py TIMES TOPS    TIMES: when it sent each packet, in ns (traffic.py --times); TOPS: answers of `top --json`

A scan sees the client's packets up to some number, so TIMES says when it was. The rate must be what was sent in some
window that ends there and is not shorter than LEAST: a sender that waits for a processor sends nothing, and then all
at once, but a window of a few milliseconds is nobody's second. Exit status 1, and which, where none fits.
"""
import json
import sys

LEAST = 0.1   # seconds. Scans come each second; one that the machine delays shortens the next window
MOST = 10.0
NS = 1e9


def fits(times, seen, rate):
    """Packets are numbered from 1. The window ends with `seen` and before the next, and begins after `left`."""
    if not 0 < seen < len(times):
        return False
    for left in range(seen - 1, 0, -1):
        longest = (times[seen] - times[left - 1]) / NS
        shortest = (times[seen - 1] - times[left]) / NS
        if shortest > MOST:
            break
        count = seen - left
        if longest >= LEAST and rate * max(shortest, LEAST) <= count * 1.01 and rate * longest >= count * 0.99:
            return True
    return False


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        times = [int(line) for line in file]
    decoder, bad, answers = json.JSONDecoder(), 0, 0
    with open(sys.argv[2], encoding="utf-8") as file:
        text = file.read().strip()
    while text:
        top, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        answers += 1
        clients = top["clients"]
        client = clients[0] if len(clients) == 1 else {}
        seen = client.get("passed", 0) + client.get("refused", 0)
        rate = client.get("passed_per_second", 0) + client.get("refused_per_second", 0)
        good = bool(client) and fits(times, seen, rate)
        bad += not good
        print(f"{len(clients)} client(s), {seen} packets, {rate:.1f}/s{'' if good else ': not what was sent'}")
    gap = max(b - a for a, b in zip(times, times[1:])) / NS
    print(f"{answers} answers; {len(times)} sent in {(times[-1] - times[0]) / NS:.3f} s, at most {gap:.3f} s apart")
    return bad > 0 or answers < 4


if __name__ == "__main__":
    sys.exit(main())

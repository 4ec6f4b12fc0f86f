#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How far several nodes together go beyond one token bucket, by the counters of their kernels.

    excess.py RATE BURST SECONDS PINS...

Reads what each of them has let through (map weir_series) each 2 ms or so, and prints JSON:
    excess      packets beyond BURST + RATE x time in the worst interval that begins and ends at two readings
    long_run    what passed in the last two thirds of the time, by RATE
    passed      packets since the first reading, of each node
    timeline    [seconds, packets of all nodes] about each 100 ms
    gap         seconds, the longest between two readings

An interval is taken from the end of the reading at which it begins to the beginning of that at which it ends, so that
what came while it was read makes the excess larger, never smaller.
"""
import ctypes
import json
import struct
import sys
import time

from bpf import OBJ_GET, bpf

MAP_LOOKUP = 1
SERIES = range(1, 9)  # more than a test configures
CPUS = int(open("/sys/devices/system/cpu/possible", encoding="ascii").read().strip().split("-")[-1]) + 1


class Node:
    def __init__(self, pins):
        path = ctypes.create_string_buffer(f"{pins}/weir_series".encode())
        self.fd, _ = bpf(OBJ_GET, struct.pack("=QII", ctypes.addressof(path), 0, 0))
        self.bytes = 32 * 16 + 32 * 8 + 8 * 8  # struct weir_series
        self.value = ctypes.create_string_buffer(self.bytes * CPUS)
        self.key = ctypes.c_uint32()
        self.lookup = struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(self.key), ctypes.addressof(self.value), 0)

    def passed(self):
        """verdict[PASSED].packets over series and processors"""
        total = 0
        for series in SERIES:
            self.key.value = series
            bpf(MAP_LOOKUP, self.lookup)
            total += sum(struct.unpack_from("=Q", self.value, cpu * self.bytes)[0] for cpu in range(CPUS))
        return total


def main():
    rate, burst, seconds = (float(word) for word in sys.argv[1:4])
    nodes = [Node(pins) for pins in sys.argv[4:]]
    first = [node.passed() for node in nodes]
    start = time.monotonic()
    readings = []  # begin, end, packets
    while time.monotonic() - start < seconds:
        begin = time.monotonic()
        counts = [node.passed() for node in nodes]
        readings.append((begin - start, time.monotonic() - start, sum(counts) - sum(first)))
        time.sleep(0.002)
    excess, least = 0.0, 0.0  # least: of packets - RATE x time, so far
    for begin, end, packets in readings:
        excess = max(excess, packets - rate * begin - least - burst)
        least = min(least, packets - rate * end)
    third = next(reading for reading in readings if reading[1] >= seconds / 3)
    last = readings[-1]
    timeline, due = [], 0.0
    for begin, _, packets in readings:
        if begin >= due:
            timeline.append([round(begin, 3), packets])
            due = begin + 0.1
    print(json.dumps({
        "excess": excess,
        "long_run": (last[2] - third[2]) / (rate * (last[0] - third[0])),
        "passed": [now - then for now, then in zip(counts, first)],
        "gap": max(b[0] - a[0] for a, b in zip(readings, readings[1:])),
        "timeline": timeline,
    }))


if __name__ == "__main__":
    main()

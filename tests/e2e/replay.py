#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Gives the frames of a capture to the telemetry programs that a daemon has attached, by BPF_PROG_TEST_RUN, one after another:

    replay.py MAP-ID MAC CAPTURE

MAP-ID: of a map that the programs use (bpf.py id PIN). MAC: this host's; frames to it come in, all others go out. Prints how many.
"""
import ctypes
import os
import struct
import sys

import bpf

TEST_RUN = 10
TC_NEXT = 0xffffffff


def frames(path):
    """Of a capture file, microseconds or nanoseconds, Ethernet: only the bytes matter here"""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    assert struct.unpack_from(order + "I", data, 20)[0] == 1, "not a capture of Ethernet"
    at = 24
    while at < len(data):
        length, whole = struct.unpack_from(order + "II", data, at + 8)
        assert length == whole, "a frame was cut"
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def run(program, frame):
    buffer = ctypes.create_string_buffer(frame, len(frame))
    _, after = bpf.bpf(TEST_RUN, struct.pack("=IIIIQQII", program, 0, len(frame), 0, ctypes.addressof(buffer), 0, 1, 0))
    assert struct.unpack_from("=I", after, 4)[0] == TC_NEXT, "telemetry lets everything pass"


def main(map_id, mac, path):
    programs = {name: bpf.opened(bpf.PROG_BY_ID, number) for number, name in bpf.programs_of(int(map_id))}
    ours, counts = bytes.fromhex(mac.replace(":", "")), {"weir_flow_in": 0, "weir_flow_out": 0}
    for frame in frames(path):
        name = "weir_flow_in" if frame[:6] == ours else "weir_flow_out"
        run(programs[name], frame)
        counts[name] += 1
    for program in programs.values():
        os.close(program)
    print(*counts.values())


main(*sys.argv[1:])

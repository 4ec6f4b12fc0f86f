#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Somebody else's XDP program: passes everything. Attached by a link that is pinned, so `rm PIN` takes it away.

    bpf.py NAME INTERFACE native|generic PIN
"""
import ctypes
import os
import platform
import socket
import struct
import sys

NUMBER = {"x86_64": 321, "aarch64": 280}[platform.machine()]
PROG_LOAD, OBJ_PIN, LINK_CREATE = 5, 6, 28
PROG_TYPE_XDP, ATTACH_XDP, HAS_FRAGS = 6, 37, 1 << 5
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(NUMBER, command, buffer, len(buffer))
    if result < 0:
        sys.exit(f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return result


def main():
    name, interface, mode, pin = sys.argv[1:]
    code = ctypes.create_string_buffer(bytes.fromhex("b700000002000000" "9500000000000000"))  # r0 = XDP_PASS; exit
    licence = ctypes.create_string_buffer(b"GPL")
    program = bpf(PROG_LOAD, struct.pack(
        "=IIQQIIQII16s", PROG_TYPE_XDP, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, HAS_FRAGS,
        name.encode()))
    flags = {"generic": 1 << 1, "native": 1 << 2}[mode]
    link = bpf(LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex(interface), ATTACH_XDP, flags))
    path = ctypes.create_string_buffer(pin.encode())
    bpf(OBJ_PIN, struct.pack("=QII", ctypes.addressof(path), link, 0))


main()

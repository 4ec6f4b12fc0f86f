#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the kernel holds, asked directly (a bpftool of the distribution may not know tcx yet).

    bpf.py attach NAME INTERFACE native|generic PIN   somebody else's XDP program, which passes everything; its
                                                      link is pinned, so `rm PIN` takes it away
    bpf.py id PIN                                     the id of a pinned map
    bpf.py users MAP-ID                               "map ID" while it exists, "program ID NAME" for each program
                                                      that uses it, "link ID KIND IFINDEX NAME" for each of their
                                                      links; KIND is xdp, tcx_ingress or tcx_egress
    bpf.py order INTERFACE ingress|egress             the programs at tcx, first to last, a name a line
    bpf.py add INTERFACE ingress|egress COUNT         somebody else's programs at tcx, so many or as many as there is
                                                      room for, behind those that are there, until this is ended
    bpf.py detach LINK-ID                             forces a link off its interface, as bpftool link detach does
"""
import ctypes
import errno
import os
import platform
import signal
import socket
import struct
import sys

NUMBER = {"x86_64": 321, "aarch64": 280}[platform.machine()]
PROG_LOAD, OBJ_PIN, OBJ_GET = 5, 6, 7
PROG_NEXT, PROG_BY_ID, MAP_BY_ID, OBJ_INFO, PROG_QUERY = 11, 13, 14, 15, 16
LINK_CREATE, LINK_BY_ID, LINK_NEXT, LINK_DETACH = 28, 30, 31, 34
PROG_TYPE_XDP, ATTACH_XDP, HAS_FRAGS = 6, 37, 1 << 5
PROG_TYPE_TC, TCX = 3, {"ingress": 46, "egress": 47}
LINK_XDP, LINK_TCX = 6, 11
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    """The result, and the attributes as the kernel left them."""
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(NUMBER, command, buffer, len(buffer))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"bpf({command}): {os.strerror(code)}")
    return result, buffer.raw


def info(fd, given=b""):
    buffer = ctypes.create_string_buffer(given, 256)
    bpf(OBJ_INFO, struct.pack("=IIQ", fd, len(buffer), ctypes.addressof(buffer)))
    return buffer.raw


def ids(command):
    last = 0
    while True:
        try:
            last, = struct.unpack_from("=I", bpf(command, struct.pack("=II", last, 0))[1], 4)
        except FileNotFoundError:
            return
        yield last


def opened(command, number):
    """A descriptor, or None: it went away meanwhile."""
    try:
        return bpf(command, struct.pack("=I", number))[0]
    except FileNotFoundError:
        return None


def loaded(kind, name, result, flags=0):
    """A program that does nothing but return: r0 = result; exit"""
    code = ctypes.create_string_buffer(struct.pack("=BBhi", 0xb7, 0, 0, result) + bytes.fromhex("9500000000000000"))
    licence = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack(
        "=IIQQIIQII16s", kind, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, flags,
        name.encode()))[0]


def attach(name, interface, mode, pin):
    program = loaded(PROG_TYPE_XDP, name, 2, HAS_FRAGS)  # XDP_PASS
    flags = {"generic": 1 << 1, "native": 1 << 2}[mode]
    link, _ = bpf(LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex(interface), ATTACH_XDP, flags))
    path = ctypes.create_string_buffer(pin.encode())
    bpf(OBJ_PIN, struct.pack("=QII", ctypes.addressof(path), link, 0))


def pinned_id(pin):
    path = ctypes.create_string_buffer(pin.encode())
    fd, _ = bpf(OBJ_GET, struct.pack("=QII", ctypes.addressof(path), 0, 0))
    print(struct.unpack_from("=I", info(fd), 4)[0])


def order(interface, direction):
    found = (ctypes.c_uint32 * 64)()
    raw = bpf(PROG_QUERY, struct.pack("=IIIIQIIQQQQ", socket.if_nametoindex(interface), TCX[direction], 0, 0,
                                      ctypes.addressof(found), 64, 0, 0, 0, 0, 0))[1]
    for number in found[:struct.unpack_from("=I", raw, 24)[0]]:
        print(info(opened(PROG_BY_ID, number))[64:80].split(b"\0")[0].decode())


def add(interface, direction, count):
    added = 0
    try:
        for added in range(int(count)):
            bpf(LINK_CREATE, struct.pack("=IIII", loaded(PROG_TYPE_TC, "somebody", -1), socket.if_nametoindex(interface),
                                         TCX[direction], 0))
        added = count
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
    print("added", added, flush=True)
    signal.pause()


def kind_of(raw):
    kind, attached = struct.unpack_from("=I", raw)[0], struct.unpack_from("=I", raw, 20)[0]
    if kind == LINK_XDP:
        return "xdp"
    return f"tcx_{next((name for name, number in TCX.items() if number == attached), attached)}"


def programs_of(map_id):
    for number in ids(PROG_NEXT):
        fd = opened(PROG_BY_ID, number)
        if fd is None:
            continue
        maps = (ctypes.c_uint32 * 64)()
        count = 64
        raw = info(fd, struct.pack("=52xIQ", count, ctypes.addressof(maps)))
        os.close(fd)
        count, = struct.unpack_from("=I", raw, 52)
        if map_id in maps[:count]:
            yield number, raw[64:80].split(b"\0")[0].decode()


def users(map_id):
    map_id = int(map_id)
    fd = opened(MAP_BY_ID, map_id)
    if fd is not None:
        print("map", map_id)
        os.close(fd)
    programs = dict(programs_of(map_id))
    for number, name in programs.items():
        print("program", number, name)
    for number in ids(LINK_NEXT):
        fd = opened(LINK_BY_ID, number)
        if fd is None:
            continue
        raw = info(fd)
        os.close(fd)
        kind, _, program = struct.unpack_from("=III", raw)
        if program in programs and kind in (LINK_XDP, LINK_TCX):
            print("link", number, kind_of(raw), struct.unpack_from("=I", raw, 16)[0], programs[program])


def detach(number):
    bpf(LINK_DETACH, struct.pack("=I", opened(LINK_BY_ID, int(number))))


if __name__ == "__main__":
    {"attach": attach, "id": pinned_id, "users": users, "order": order, "add": add,
     "detach": detach}[sys.argv[1]](*sys.argv[2:])

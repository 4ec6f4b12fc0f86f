#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections to a web server as they are in life: sessions.py ADDRESS PORT

Each of SESSIONS says what it does, and how many samples of a response it is worth; each is also worth one of a handshake. / answers at
once, /slow/50 after 50 ms. Prints "HANDSHAKES RESPONSES", what they come to together.
"""
import socket
import struct
import sys
import time


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: sessions\r\n\r\n".encode()


def read(connection, answers):
    """So many answers, whole"""
    received = b""
    while answers:
        head, found, rest = received.partition(b"\r\n\r\n")
        length = found and int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if found and len(rest) >= length:
            received = rest[length:]
            answers -= 1
            continue
        part = connection.recv(65536)
        assert part, "closed before all was answered"
        received += part


def one_after_another(connection):
    for _ in range(5):
        connection.sendall(get("/"))
        read(connection, 1)


def pipelined_in_segments_of_their_own(connection):
    for _ in range(3):
        connection.sendall(get("/slow/50"))
        time.sleep(0.005)
    read(connection, 3)


def pipelined_in_one_segment(connection):
    connection.sendall(3 * get("/slow/20"))
    read(connection, 3)


def half_closed_behind_the_request(connection):
    connection.sendall(get("/slow/50"))
    connection.shutdown(socket.SHUT_WR)
    read(connection, 1)


def reset_while_the_answer_is_awaited(connection):
    connection.sendall(get("/slow/300"))
    time.sleep(0.05)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def nothing_asked(connection):
    time.sleep(0.05)


def a_body_behind_its_head(connection):
    connection.sendall(b"POST /slow/20 HTTP/1.1\r\nHost: sessions\r\nContent-Length: 3000\r\n\r\n")
    time.sleep(0.05)
    connection.sendall(b"b" * 3000)
    read(connection, 1)


def idle_in_between(connection):
    for _ in range(2):
        connection.sendall(get("/slow/20"))
        read(connection, 1)
        time.sleep(0.3)


SESSIONS = {one_after_another: 5, pipelined_in_segments_of_their_own: 3, pipelined_in_one_segment: 1,
            half_closed_behind_the_request: 1, reset_while_the_answer_is_awaited: 0, nothing_asked: 0,
            a_body_behind_its_head: 1, idle_in_between: 2}


def main(address, port):
    for session in SESSIONS:
        with socket.create_connection((address, int(port)), timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session(connection)
    print(len(SESSIONS), sum(SESSIONS.values()))


main(*sys.argv[1:])

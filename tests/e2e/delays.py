#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server whose delays are known, and who asks it.

    delays.py serve PORT                             HTTP/1.1 over TCP, and UDP, both families, until it is killed
    delays.py ask tcp|udp ADDRESS PORT [--conversations N] MSxCOUNT...
                                                     so many requests with each delay, one after another, in each of N
                                                     connections (UDP: from each of N ports)

A request for /10 is answered after 10 ms, with a head and body of several segments; so is a datagram "10". /10?503 is answered with
that status; one for /10?reset with a RST.
"""
import argparse
import re
import socket
import struct
import threading
import time

BODY = b"x" * 4000


def answer_http(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in received:
                part = connection.recv(65536)
                if not part:
                    return
                received += part
            head, _, received = received.partition(b"\r\n\r\n")
            delay, status = re.match(rb"\w+ /([\d.]+)(?:\?(\w+))?", head).groups()
            body = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
            while body and len(received) < int(body[1]):
                received += connection.recv(65536)
            received = received[int(body[1]) if body else 0:]
            time.sleep(float(delay) / 1000)
            if status == b"reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            connection.sendall(b"HTTP/1.1 %s Answer\r\nContent-Length: %d\r\n\r\n%s" % (status or b"200", len(BODY), BODY))


def answer_datagram(server, data, caller):
    time.sleep(float(data) / 1000)
    server.sendto(b"after " + data, caller)


def serve_datagrams(server):
    while True:
        data, caller = server.recvfrom(2048)
        threading.Thread(target=answer_datagram, args=(server, data, caller), daemon=True).start()


def serve(args):
    # Of each family its own: a dual-stack socket would do, but answers from the address that was asked only by luck
    tcp = [socket.create_server((any_address, args.port), family=family, backlog=128)
           for family, any_address in ((socket.AF_INET, ""), (socket.AF_INET6, "::"))]
    for family, any_address in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
        server = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind((any_address, args.port))
        threading.Thread(target=serve_datagrams, args=(server,), daemon=True).start()

    def accept(server):
        while True:
            threading.Thread(target=answer_http, args=(server.accept()[0],), daemon=True).start()

    for server in tcp[1:]:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
    print("serving", flush=True)
    accept(tcp[0])


def ask_http(connection, delay):
    connection.sendall(b"GET /%s HTTP/1.1\r\nHost: delays\r\n\r\n" % delay.encode())
    received = b""
    while len(received.partition(b"\r\n\r\n")[2]) < len(BODY):
        part = connection.recv(65536)
        if not part:
            raise OSError("closed")
        received += part


def ask_datagram(connection, delay):
    connection.send(delay.encode())
    if connection.recv(2048) != b"after " + delay.encode():
        raise OSError("an answer to something else")


def ask(args):
    kind = socket.SOCK_STREAM if args.protocol == "tcp" else socket.SOCK_DGRAM
    one = ask_http if args.protocol == "tcp" else ask_datagram
    delays = [delay for each in args.delays for delay in [each.partition("x")[0]] * int(each.partition("x")[2])]
    for _ in range(args.conversations):
        with socket.socket(socket.AF_INET6 if ":" in args.address else socket.AF_INET, kind) as connection:
            connection.settimeout(10)
            connection.connect((args.address, args.port))
            for delay in delays:
                one(connection, delay)
    print(args.conversations * len(delays))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("serve")
    command.set_defaults(run=serve)
    command.add_argument("port", type=int)
    command = commands.add_parser("ask")
    command.set_defaults(run=ask)
    command.add_argument("protocol", choices=("tcp", "udp"))
    command.add_argument("address")
    command.add_argument("port", type=int)
    command.add_argument("--conversations", type=int, default=1)
    command.add_argument("delays", nargs="+")
    args = parser.parse_args()
    args.run(args)


main()

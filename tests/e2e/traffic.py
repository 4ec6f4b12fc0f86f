#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Traffic for the tests, bounded in count and time. Each command prints one line of JSON.

    traffic.py udp ADDRESS PORT (--count N | --seconds S) [--rate R] [--from ADDRESS] [--size B] [--times FILE]
    traffic.py connect ADDRESS PORT --count N [--rate R] [--from ADDRESS] [--timeout S]
    traffic.py raw INTERFACE EXPRESSION [--count N]      frames of scapy: 'Ether()/IP(dst="10.77.0.1")/UDP(dport=53)'
    traffic.py fetch ADDRESS PORT BYTES                  reads so much from a TCP server
    traffic.py serve PORT BYTES                          a TCP server that sends so much to each caller
    traffic.py receive PORT                              a UDP server; at SIGTERM says what has come
    traffic.py reloads SOCKET YAML COUNT FILE...         puts each file in the place of YAML in turn, and reloads

A rate is kept on average: what the machine delays is sent at once, so that the count is exact. SIGTERM ends it like
the end of its time. Times are CLOCK_MONOTONIC, which is the clock of the limiter; only --times, when each was sent, is
in ns of the wall clock, so that it compares with `date`.

--bucket RATE BURST adds "due": how many such a bucket lets through of what was sent, when it was sent. A sender that
waited for a processor has let credit go by, and that is not the limiter's fault.
"""
import argparse
import json
import os
import select
import signal
import socket
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


ended = False


def end(*_):
    global ended
    ended = True


def paced(count, seconds, rate):
    """Yields as often as wanted, no sooner than the rate allows; until count or time is reached."""
    begin = time.monotonic()
    number = 0
    while not ended and (count is None or number < count):
        due = begin + number / rate if rate else 0
        now = time.monotonic()
        if seconds is not None and max(now, due) - begin >= seconds:
            return
        if due - now > 0.0002:
            time.sleep(due - now)
        yield number
        number += 1


def conforming(times, rate, burst):
    """GCRA, as the limiter does it."""
    cost = 1e9 / rate
    full = tat = 0
    for now in times:
        new = max(tat, now) + cost
        if new - now <= burst * cost:
            tat = new
            full += 1
    return full


def sent_at(args, times, number, **result):
    if args.bucket:
        result["due"] = conforming(times, *args.bucket)
    return {"sent": number, **result}


def udp(args):
    sock = socket.socket(family(args.address), socket.SOCK_DGRAM)
    if args.source:
        sock.bind((args.source, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    to = (args.address, args.port)
    payload = bytes(args.size)
    sent, times = 0, []
    to_wall = time.time_ns() - time.monotonic_ns()
    signal.signal(signal.SIGTERM, end)
    first = time.monotonic_ns()
    for _ in paced(args.count, args.seconds, args.rate):
        if args.bucket or args.times:
            times.append(time.monotonic_ns())
        try:
            sock.sendto(payload, to)
        except ConnectionRefusedError:
            sock.sendto(payload, to)
        sent += 1
    seconds = (time.monotonic_ns() - first) / 1e9
    if args.times:
        with open(args.times, "w", encoding="ascii") as out:
            out.writelines(f"{at + to_wall}\n" for at in times)
    return sent_at(args, times, sent, seconds=seconds)


def connect(args):
    """Connections begun at the rate; each waits at most `timeout` for its answer."""
    result = {"ok": 0, "refused": 0, "silent": 0, "slowest_refusal_ms": 0.0}
    waiting, times = {}, []
    poll = select.poll()
    first = time.monotonic_ns()

    def collect(timeout):
        for fd, _ in poll.poll(timeout * 1000):
            sock, since = waiting.pop(fd)
            poll.unregister(fd)
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                result["refused"] += 1
                taken = (time.monotonic() - since) * 1000
                result["slowest_refusal_ms"] = max(result["slowest_refusal_ms"], taken)
            else:
                result["ok"] += 1
            sock.close()

    for _ in paced(args.count, args.seconds, args.rate):
        sock = socket.socket(family(args.address), socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # no TIME_WAIT
        sock.setblocking(False)
        if args.source:
            sock.bind((args.source, 0))
        times.append(time.monotonic_ns())
        sock.connect_ex((args.address, args.port))
        waiting[sock.fileno()] = (sock, time.monotonic())
        poll.register(sock, select.POLLOUT)
        collect(0)
    result["seconds"] = (time.monotonic_ns() - first) / 1e9
    until = time.monotonic() + args.timeout
    while waiting and time.monotonic() < until:
        collect(max(0, until - time.monotonic()))
    result["silent"] = len(waiting)
    return sent_at(args, times, len(times), **result)


def raw(args):
    import logging
    logging.getLogger("scapy").setLevel(logging.ERROR)
    import scapy.all as scapy
    frames = eval(args.expression, vars(scapy))  # the test's own text
    frames = [bytes(frame) for frame in (frames if isinstance(frames, list) else [frames])]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((args.interface, 0))
    for _ in paced(args.count or 1, None, args.rate):
        for frame in frames:
            sock.send(frame)
    return {"sent": (args.count or 1) * len(frames), "bytes": sum(map(len, frames)) * (args.count or 1)}


def fetch(args):
    begin = time.monotonic()
    sock = socket.create_connection((args.address, args.port), timeout=10)
    got = 0
    while got < args.bytes:
        part = sock.recv(1 << 18)
        if not part:
            break
        got += len(part)
    return {"bytes": got, "seconds": time.monotonic() - begin}


def serve(args):
    server = socket.create_server(("::", args.port), family=socket.AF_INET6, dualstack_ipv6=True)
    print("serving", flush=True)
    while True:
        sock, _ = server.accept()
        try:
            sock.sendall(bytes(args.bytes))
        except OSError:
            pass
        sock.close()


def receive(args):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    sock.bind(("::", args.port))
    sock.settimeout(0.05)
    got = {"datagrams": 0, "bytes": 0}
    signal.signal(signal.SIGTERM, end)
    print("receiving", flush=True)
    while True:
        try:
            data = sock.recv(65536)
        except socket.timeout:
            if ended:  # and what had come is read
                return got
            continue
        got["datagrams"] += 1
        got["bytes"] += len(data)


def reloads(args):
    """Counts the answers by their status."""
    request = (b"POST /v1/reload HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n"
               b"Content-Length: 2\r\n\r\n{}")
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(args.socket)
    answers = {}
    begin = time.monotonic()
    for number in range(args.count):
        os.unlink(args.yaml)
        os.link(args.file[number % len(args.file)], args.yaml)
        sock.sendall(request)
        head, _, body = sock.recv(65536).partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += sock.recv(65536)
        status = head.split()[1].decode()
        answers[status] = answers.get(status, 0) + 1
    return {"answers": answers, "seconds": time.monotonic() - begin}


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for function in (udp, connect):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        command.add_argument("address")
        command.add_argument("port", type=int)
        command.add_argument("--count", type=int)
        command.add_argument("--seconds", type=float)
        command.add_argument("--rate", type=float)
        command.add_argument("--from", dest="source")
        command.add_argument("--size", type=int, default=18)
        command.add_argument("--timeout", type=float, default=1)
        command.add_argument("--bucket", type=float, nargs=2, metavar=("RATE", "BURST"))
        if function is udp:
            command.add_argument("--times")
    command = commands.add_parser("raw")
    command.set_defaults(run=raw)
    command.add_argument("interface")
    command.add_argument("expression")
    command.add_argument("--count", type=int)
    command.add_argument("--rate", type=float)
    for function, names in ((fetch, "address port bytes"), (serve, "port bytes"), (receive, "port")):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        for name in names.split():
            command.add_argument(name, type=str if name == "address" else int)
    command = commands.add_parser("reloads")
    command.set_defaults(run=reloads)
    command.add_argument("socket")
    command.add_argument("yaml")
    command.add_argument("count", type=int)
    command.add_argument("file", nargs="+")
    args = parser.parse_args()
    if args.run in (udp, connect) and args.count is None and args.seconds is None:
        parser.error("--count or --seconds: nothing here goes on for ever")
    print(json.dumps(args.run(args)), flush=True)


main()

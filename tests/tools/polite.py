#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A polite client: so many HTTP requests a second, a few on each connection, whatever becomes of them.

  polite.py --from ADDRESS --to ADDRESS:PORT [--rate 20] [--seconds 10] [--requests 20] [--timeout 2]

Writes a line a request as it ends, "MILLISECONDS ok" or "MILLISECONDS failed", and a summary as JSON at the end. A request is due at its time and counts from then: a server that is slow does not make its client ask less
(no "coordinated omission"). One that fails or takes longer than the timeout counts as failed.
"""
import argparse
import json
import socket
import sys
import threading
import time


class Visitor(threading.Thread):
    """One connection's requests, each at its time."""

    def __init__(self, options, times, report):
        super().__init__(daemon=True)
        self.options, self.times, self.report = options, times, report
        self.connection = None

    def run(self):
        for due in self.times:
            time.sleep(max(0, due - time.monotonic()))
            try:
                self.request(due + self.options.timeout)
                good = True
            except OSError:
                self.hang_up()
                good = False
            self.report(time.monotonic() - due, good)
        self.hang_up()

    def request(self, deadline):
        if self.connection is None:
            self.connection = socket.socket()
            self.connection.bind((self.options.source, 0))
            self.wait_until(deadline)
            self.connection.connect(self.options.to)
        self.wait_until(deadline)
        self.connection.sendall(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            self.wait_until(deadline)
            part = self.connection.recv(4096)
            if not part:
                raise OSError("closed")
            answer += part
        if not answer.startswith(b"HTTP/1.1 200"):
            raise OSError("refused")

    def wait_until(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise OSError("too late")
        self.connection.settimeout(left)

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--requests", type=int, default=20, help="on each connection")
    parser.add_argument("--summary", default="/dev/stdout", help="file for the summary")
    parser.add_argument("--timeout", type=float, default=2)
    options = parser.parse_args()
    host, _, port = options.to.rpartition(":")
    options.to = (host, int(port))

    lock, taken = threading.Lock(), []

    def report(seconds, good):
        with lock:
            taken.append((seconds * 1000, good))
            print(f"{seconds * 1000:.1f} {'ok' if good else 'failed'}", flush=True)

    # A connection's requests follow each other; the next visitor comes when they are due to be over
    count, begin, visitors = int(options.rate * options.seconds), time.monotonic() + 0.05, []
    for first in range(0, count, options.requests):
        times = [begin + i / options.rate for i in range(first, min(first + options.requests, count))]
        time.sleep(max(0, times[0] - 0.02 - time.monotonic()))
        visitors.append(Visitor(options, times, report))
        visitors[-1].start()
    for visitor in visitors:
        visitor.join()

    # What failed took at least the whole timeout
    values = sorted(ms if good else max(ms, options.timeout * 1000) for ms, good in taken)
    with open(options.summary, "w", encoding="utf-8") as out:
        json.dump({"requests": count, "served": sum(good for _, good in taken),
                   "p50_ms": percentile(values, 0.5), "p99_ms": percentile(values, 0.99)}, out)


if __name__ == "__main__":
    sys.exit(main())

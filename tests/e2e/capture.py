#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a capture says of latency, by its own reckoning: nothing of Weir's code or rules for single segments is in here, only whole
streams of bytes, put together again.

    capture.py samples FILE PORT service|upstream          "HISTOGRAM SECONDS" for each, in the order of their end
    capture.py compare FILE PORT service|upstream LATENCY  with the histograms of one service or upstream, as /v1/latency gives
                                                           it (bounds, slots) in the file LATENCY: do they hold the same?

Handshakes are those without a SYN or SYN-ACK sent twice. Requests and answers over TCP are HTTP/1: from the segment with the
last byte of a request to the one with the first byte of its answer. Requests that end in one segment count once, and so do answers that begin
in one. UDP: datagram to datagram, in order.

Comparing. tcpdump does not stamp a packet where Weir does. What comes in is stamped when it is put into the processor's queue, before TC; what goes out when
it is handed to the device, after TC. So the capture's time of a response is longer than Weir's by a little, and its time of
a round trip shorter, by what lies between: microseconds, but on a busy machine a processor is sometimes taken away just there. Hence: a sample may be in the
slot of any time within TOLERANCE of the capture's: 20 us or 2 %. Of a hundred one may be further off, by one slot.
"""
import argparse
import bisect
import json
import logging
import math
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import IP, IPv6, TCP, UDP, PcapReader  # noqa: E402

TOLERANCE_SECONDS, TOLERANCE_RATIO = 20e-6, 0.02
OUTLIERS = 0.01
SYN, RST, ACK = 0x02, 0x04, 0x10


class Stream:
    """Bytes of one direction, each with the number of the segment that brought it first, and when that was."""

    def __init__(self):
        self.begin = None
        self.data = bytearray()
        self.segments = []  # (first byte that is new, time)

    def take(self, sequence, data, time):
        if self.begin is None:
            self.begin = sequence
        at = (sequence - self.begin + 2**31) % 2**32 - 2**31
        new = at + len(data) - len(self.data)
        if at > len(self.data):
            raise ValueError("a hole: the capture has missed a segment")
        if new > 0:
            self.segments.append((len(self.data), time))
            self.data += data[-new:]

    def segment(self, at):
        """Number of the segment that brought byte `at`"""
        return bisect.bisect_right(self.segments, (at, math.inf)) - 1

    def time(self, at):
        return self.segments[self.segment(at)][1]


class Connection:
    def __init__(self):
        self.syns, self.syn_acks, self.opened = [], [], None
        self.stream = {True: Stream(), False: Stream()}  # by: is it the initiator's

    def take(self, time, tcp, data, asks):
        if tcp.flags & SYN:
            (self.syn_acks if tcp.flags & ACK else self.syns).append((time, tcp.seq))
            self.stream[asks].begin = (tcp.seq + 1) % 2**32
            return
        if asks and self.opened is None and self.syn_acks and tcp.flags & ACK and not tcp.flags & RST:
            self.opened = time
        if data:
            self.stream[asks].take(tcp.seq, data, time)

    def handshake(self, upstream):
        """Seconds, or None: none that can be told"""
        if len(self.syns) != 1 or len(self.syn_acks) != 1 or (not upstream and self.opened is None):
            return None
        if upstream:
            return self.syn_acks[0][0], self.syn_acks[0][0] - self.syns[0][0]
        return self.opened, self.opened - self.syn_acks[0][0]

    def messages(self, asks):
        """(first byte, last byte) of each; the last may be unfinished, and then ends with the stream"""
        at, data = 0, bytes(self.stream[asks].data)
        while at < len(data):
            head, found, _ = data[at:].partition(b"\r\n\r\n")
            lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            whole = len(head) + 4 + int(lengths[0]) if lengths else len(head) + 4 if asks else len(data)
            yield at, min(at + whole, len(data)) - 1
            at += whole if found else len(data)

    def responses(self):
        """(when the answer began, seconds since the request ended)"""
        asked, answered = set(), set()
        for (_, last), (first, _) in zip(self.messages(True), self.messages(False)):
            ask, answer = self.stream[True].segment(last), self.stream[False].segment(first)
            if ask not in asked and answer not in answered:
                yield self.stream[False].time(first), self.stream[False].time(first) - self.stream[True].time(last)
            asked.add(ask)
            answered.add(answer)


def packets(path, port):
    """(time, initiator's address and port, is it the initiator's, transport header, payload)"""
    begin = None
    for packet in PcapReader(path):
        begin = begin or packet.time
        ip = packet[IP] if IP in packet else packet[IPv6] if IPv6 in packet else None
        transport = None if ip is None else ip[TCP] if TCP in ip else ip[UDP] if UDP in ip else None
        if transport is None or port not in (transport.sport, transport.dport):
            continue
        asks = transport.dport == port
        # Behind the length in the IP header lies padding
        whole = (ip.len if IP in packet else ip.plen + 40) or len(ip)
        header = len(ip) - len(transport) + (transport.dataofs * 4 if TCP in ip else 8)
        data = bytes(ip)[header:whole]
        who = (ip.src, transport.sport) if asks else (ip.dst, transport.dport)
        # As seconds since 1970 a float would lose the nanoseconds.
        yield float(packet.time - begin), (*who, transport.name), asks, transport, data


def samples(path, port, upstream):
    """histogram -> seconds, in the order of their end"""
    connections, waiting, found = {}, {}, []
    response = "upstream_response" if upstream else "response"
    for time, who, asks, transport, data in packets(path, port):
        if transport.name == "TCP":
            if asks and transport.flags & SYN and who in connections and connections[who].opened:
                raise ValueError("a port was used twice")
            connections.setdefault(who, Connection()).take(time, transport, data, asks)
        elif asks:
            waiting.setdefault(who, []).append(time)
        elif waiting.get(who):
            found.append((time, response, time - waiting[who].pop(0)))
    for connection in connections.values():
        handshake = connection.handshake(upstream)
        if handshake:
            found.append((handshake[0], "upstream_connect" if upstream else "client_round_trip", handshake[1]))
        found += [(when, response, seconds) for when, seconds in connection.responses()]
    return [(name, seconds) for _, name, seconds in sorted(found)]


def slot_of(bounds, seconds):
    return bisect.bisect_left(bounds, seconds)


def fits(ranges, slots):
    """Can each sample be in one of its slots (first, last), so that they make just these counts?"""
    left = list(slots)
    for first, last in sorted(ranges, key=lambda r: (r[1], r[0])):
        for slot in range(first, last + 1):
            if left[slot]:
                left[slot] -= 1
                break
        else:
            return False
    return not any(left)


def ranges_of(bounds, seconds):
    """The slots of each sample by TOLERANCE, and those one further"""
    for value in seconds:
        off = max(TOLERANCE_SECONDS, TOLERANCE_RATIO * value)
        first, last = slot_of(bounds, max(0, value - off)), slot_of(bounds, value + off)
        yield (first, last), (max(0, first - 1), min(len(bounds), last + 1))


def unmatched(bounds, seconds, slots):
    """How many samples no slot within TOLERANCE is left for, at best: the most that can be placed, each slot taken in order"""
    left, alone = list(slots), 0
    for (first, last), _ in sorted(ranges_of(bounds, seconds), key=lambda r: (r[0][1], r[0][0])):
        slot = next((s for s in range(first, last + 1) if left[s]), None)
        if slot is None:
            alone += 1
        else:
            left[slot] -= 1
    return alone


def compare(args):
    with open(args.latency, encoding="utf-8") as file:
        latency = json.load(file)
    bounds = latency["bounds"]
    owner, = latency["services"] + latency["upstreams"]
    truth = samples(args.file, args.port, args.role == "upstream")
    good = True
    for histogram in owner["histograms"]:
        seconds = [value for name, value in truth if name == histogram["name"]]
        slots = histogram["slots"]
        if not seconds and not sum(slots):
            continue
        far = unmatched(bounds, seconds, slots)
        off = (histogram["sum"] - sum(seconds)) / len(seconds) if seconds else 0
        same = [slot_of(bounds, value) for value in seconds]
        exact = sum(min(same.count(i), n) for i, n in enumerate(slots))
        holds = (len(seconds) == sum(slots) and far <= math.ceil(OUTLIERS * len(seconds)) and
                 fits([wide for _, wide in ranges_of(bounds, seconds)], slots))
        print(f"# {owner['name']} {histogram['name']}: {len(seconds)} in the capture, {sum(slots)} by weir, {exact} in the very slot, "
              f"{far} beyond the tolerance; the mean differs by {off * 1e6:+.1f} us{'' if holds else ': NOT THE SAME'}")
        if not holds:
            print("  capture:", *(f"{value * 1e3:.3f}" for value in sorted(seconds)), "ms")
            print("  weir:   ", *(f"{n} up to {bounds[i] * 1e3 if i < len(bounds) else math.inf:.3f}" for i, n in enumerate(slots) if n),
                  "ms")
        good &= holds
    if not truth:
        print("nothing was captured")
    sys.exit(0 if good and truth else 1)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for name in ("samples", "compare"):
        command = commands.add_parser(name)
        command.set_defaults(name=name)
        command.add_argument("file")
        command.add_argument("port", type=int)
        command.add_argument("role", choices=("service", "upstream"))
        if name == "compare":
            command.add_argument("latency")
    args = parser.parse_args()
    if args.name == "compare":
        compare(args)
    for name, seconds in samples(args.file, args.port, args.role == "upstream"):
        print(name, f"{seconds:.9f}")


main()

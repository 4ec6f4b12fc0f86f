#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Builds every packet of the table in test_verdict.c anew with scapy, from the same text and its own idea of
the headers, and compares the bytes: builder and parser can not be wrong together.
"""
import os
import subprocess
import sys

try:
    from scapy.all import (ICMP, IP, TCP, UDP, ARP, AH, Dot1AD, Dot1Q, Ether, ICMPv6EchoRequest, IPv6,
                           IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting,
                           PadN, Raw, raw)
except ImportError:
    # Debian's own python has Debian's scapy, whatever stands first in PATH
    if sys.executable != "/usr/bin/python3" and os.access("/usr/bin/python3", os.X_OK):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("scapy is not installed: make deps")
    sys.exit(77)

BINARY = os.path.join(os.environ.get("BUILD_DIR", "build"), "prog", "test_verdict")
EXTENSIONS = {"hop": 0, "route": 43, "frag": 44, "ah": 51, "dest": 60}
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "igmp": 2}


class Fields(dict):
    def number(self, name, otherwise):
        return int(self[name], 0) if name in self else otherwise


def layers(text):
    """[(name, fields)], fields of the whole"""
    packet, _, whole = text.partition("|")
    result = []
    for part in packet.split("/"):
        name, *words = part.split()
        result.append((name, fields(words)))
    return result, fields(whole.split())


def fields(words):
    return Fields(word.partition("=")[::2] if "=" in word else (word, "1") for word in words)


def following(rest):
    """The protocol number of what comes next"""
    if not rest:
        return 59
    name, field = rest[0]
    return EXTENSIONS.get(name) if name in EXTENSIONS else PROTOCOLS.get(name, field.number("n", 253))


def ipv4(field, rest):
    flags = ("MF+" if "mf" in field else "") + ("DF" if "df" in field else "")
    keep = {key: field.number(name, 0) for name, key in (("ihl", "ihl"), ("len", "len"), ("ver", "version")) if name in field}
    return IP(src=field.get("src", "192.0.2.1"), dst=field.get("dst", "198.51.100.80"), id=0, ttl=field.number("ttl", 64),
              frag=field.number("off", 0), flags=flags.strip("+"), options=[b"\1"] * field.number("opt", 0),
              proto=following(rest), **keep)


def ipv6(field, rest):
    keep = {key: field.number(name, 0) for name, key in (("len", "plen"), ("ver", "version")) if name in field}
    return IPv6(src=field.get("src", "2001:db8::1"), dst=field.get("dst", "2001:db8:ffff::80"), hlim=field.number("ttl", 64),
                nh=following(rest), **keep)


def extension(name, field, rest):
    more = field.number("len", 0)
    if name == "frag":
        return IPv6ExtHdrFragment(offset=field.number("off", 0), m=int("mf" in field), id=0xbeef, nh=following(rest))
    if name == "ah":
        # RFC 4302: the length counts fours, less two
        return AH(nh=following(rest), payloadlen=more, reserved=0, spi=0, seq=0, icv=bytes(4 * more - 4))
    if name == "route":
        return Raw(bytes([following(rest), more]) + bytes(6 + 8 * more))
    kind = IPv6ExtHdrHopByHop if name == "hop" else IPv6ExtHdrDestOpt
    return kind(nh=following(rest), len=more, autopad=0, options=[PadN(optdata=bytes(4 + 8 * more), optlen=(4 + 8 * more) & 255)])


def tcp(field):
    flags = field.get("flags", "S")
    header = TCP(sport=field.number("sport", 40000), dport=field.number("dport", 80), seq=field.number("seq", 0x1234),
                 window=64240, flags=flags)
    offset = field.number("doff", 5)
    header.dataofs = offset
    return header, bytes(4 * max(offset - 5, 0))


# Where a transport header has its sum
SUMS = {"tcp": 16, "udp": 6, "icmp6": 2, "proto": 2}


def build(text):
    """
    The frame, and where in it sums are that are not compared: scapy makes none, or others, where a version or length is
    overridden or a header is cut short, behind a routing header that is raw bytes, and for the ICMPv6 spelled here by hand.
    """
    parts, whole = layers(text)
    names = [name for name, _ in parts]
    odd = "route" in names or any(key in field for _, field in parts for key in ("len", "ihl", "ver", "off", "doff"))
    sums = set()
    packet = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", type=0x88b5)
    if whole.get("mac") == "bcast":
        packet.dst = "ff:ff:ff:ff:ff:ff"
    for i, (name, field) in enumerate(parts):
        rest = parts[i + 1:]
        at = len(raw(packet))
        if name == "ip4" and odd:
            sums |= {at + 10, at + 11}
        if name in SUMS and (odd or name in ("icmp6", "proto")):
            sums |= {at + SUMS[name], at + SUMS[name] + 1}
        ethertype = {"vlan": 0x8100, "qinq": 0x88a8, "arp": 0x0806, "ip4": 0x0800, "ip6": 0x86dd}.get(name)
        ethertype = field.number("type", 0x88b5) if name == "ether" else ethertype
        if ethertype is not None:
            packet.lastlayer().type = ethertype
        if name == "vlan":
            packet /= Dot1Q(vlan=field.number("id", 7), type=0)
        elif name == "qinq":
            packet /= Dot1AD(vlan=field.number("id", 7), type=0)
        elif name == "ether":
            packet /= Raw(bytes(46))
        elif name == "arp":
            packet /= Raw(raw(ARP(op=1, hwsrc="0:0:0:0:0:0", psrc="0.0.0.0", hwdst="0:0:0:0:0:0", pdst="0.0.0.0")))
        elif name == "ip4":
            packet /= ipv4(field, rest)
        elif name == "ip6":
            packet /= ipv6(field, rest)
        elif name in EXTENSIONS:
            packet /= extension(name, field, rest)
        elif name == "tcp":
            header, options = tcp(field)
            packet = packet / header / Raw(options) if options else packet / header
        elif name == "udp":
            packet /= UDP(sport=field.number("sport", 40000), dport=field.number("dport", 53))
        elif name == "icmp":
            packet /= ICMP(type=8, id=0, seq=0) if "type" not in field else Raw(icmp_like(field.number("type", 8)))
        elif name == "icmp6":
            packet /= Raw(bytes([field.number("type", 128)]) + bytes(7))
        elif name == "igmp":
            packet /= Raw(icmp_like(field.number("type", 0x16)))
        elif name == "data":
            packet /= Raw(bytes(field.number("n", 0)))
    result = bytearray(raw(packet))
    size = whole.number("pad", 0)
    result += bytes([whole.number("fill", 0)]) * max(size - len(result), 0)
    return bytes(result[:whole.number("cut", len(result))]), sums


def icmp_like(kind):
    """8 bytes with the sum of ICMP and IGMP"""
    total = kind << 8
    return bytes([kind, 0]) + (~total & 0xffff).to_bytes(2, "big") + bytes(4)


def compare(text, ours):
    theirs, sums = build(text)
    if len(ours) != len(theirs):
        return f"{len(ours)} bytes, scapy makes {len(theirs)}"
    wrong = [i for i in range(len(ours)) if ours[i] != theirs[i] and i not in sums]
    return f"differs at {wrong[:8]}: {ours.hex()} {theirs.hex()}" if wrong else None


def main():
    lines = subprocess.run([BINARY, "frames"], check=True, capture_output=True, text=True).stdout.splitlines()
    bad = 0
    for line in lines:
        text, frame = line.split("\t")
        why = compare(text, bytes.fromhex(frame))
        if why:
            print(f"# {text}: {why}")
            bad += 1
    print("1..1")
    print(f"{'not ok' if bad else 'ok'} 1 - scapy makes the same {len(lines)} packets")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

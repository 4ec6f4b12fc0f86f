#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Takes what the gate answers with apart with scapy, and puts it together again: lengths and checksums that scapy computes are the
same, the right thing is quoted, and the answer is one that scapy, too, takes for an answer.
"""
import os
import subprocess
import sys

try:
    from scapy.all import ICMP, IP, TCP, UDP, Ether, ICMPv6DestUnreach, IPv6, raw
except ImportError:
    # Debian's own python has Debian's scapy, whatever stands first in PATH
    if sys.executable != "/usr/bin/python3" and os.access("/usr/bin/python3", os.X_OK):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("scapy is not installed: make deps")
    sys.exit(77)

BINARY = os.path.join(os.environ.get("BUILD_DIR", "build"), "prog", "test_gate")


def network(packet):
    return packet[IP] if IP in packet else packet[IPv6]


def again(frame):
    """The same frame, with all that can be computed computed by scapy"""
    packet = Ether(frame)
    at = packet.firstlayer()
    for layer, fields in ((IP, ("len", "chksum", "ihl")), (IPv6, ("plen",)), (TCP, ("chksum", "dataofs")), (ICMP, ("chksum", "length")),
                          (ICMPv6DestUnreach, ("cksum", "length"))):
        if layer in at:
            for field in fields:
                at[layer].delfieldval(field)
    return raw(at)


def check_reset(asked, answer):
    syn, rst = asked[TCP], answer[TCP]
    if rst.flags != "RA" or rst.seq != 0 or rst.ack != (syn.seq + 1) % 2**32:
        return f"not the RST for it: {rst.summary()}"
    # which does not know that sequence numbers wrap
    return None if rst.ack < syn.seq or answer.answers(asked) else "scapy does not take it for an answer"


def check_unreachable(asked, answer, quoted):
    """quoted: the bytes of what was asked, from the IP header on"""
    ipv4 = IP in answer
    message = answer[ICMP] if ipv4 else answer[ICMPv6DestUnreach]
    if (message.type, message.code) != ((3, 3) if ipv4 else (1, 4)):
        return "not port unreachable"
    most = 576 - 28 if ipv4 else 1280 - 48
    if raw(message)[8:] != quoted[:most]:
        return "quotes something else"
    if len(raw(network(answer))) > (576 if ipv4 else 1280):
        return "quotes too much"
    return None if network(answer).answers(network(asked)) else "scapy does not take it for an answer"


def check(frame, answer):
    asked, answered = Ether(frame), Ether(answer)
    there, back = network(asked), network(answered)
    if (back.src, back.dst) != (there.dst, there.src) or (answered.src, answered.dst) != (asked.dst, asked.src):
        return "not from whom it was for to who sent it"
    if again(answer) != answer:
        return f"scapy makes {again(answer).hex()} of {answer.hex()}"
    if TCP in there:
        return check_reset(there, back)
    length = there.len if IP in asked else there.plen + 40
    return check_unreachable(there, back, raw(there)[:length])


def main():
    run = subprocess.run([BINARY, "answers"], check=True, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    bad = 0
    for line in lines:
        if line.startswith("1..0"):  # no privileges, or no BPF file system
            print(line)
            return 0
        text, frame, answer = line.split("\t")
        why = check(bytes.fromhex(frame), bytes.fromhex(answer))
        if why:
            print(f"# {text}: {why}")
            bad += 1
    print("1..1")
    print(f"{'not ok' if bad or len(lines) < 20 else 'ok'} 1 - scapy agrees with all {len(lines)} answers")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

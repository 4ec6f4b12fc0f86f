#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One client that goes from node to node.

    roam.py RATE STAY SECONDS SOURCE PORT ADDRESS...    sends UDP from SOURCE, RATE a second in all, to each ADDRESS for STAY
                                                        seconds in turn; prints {"sent": N, "late": longest delay}
"""
import json
import socket
import sys
import time



def main():
    rate, stay, seconds = (float(word) for word in sys.argv[1:4])
    source, port, addresses = sys.argv[4], int(sys.argv[5]), sys.argv[6:]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((source, 0))
    start, sent, late = time.monotonic(), 0, 0.0
    while sent < rate * seconds:
        due = start + sent / rate
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
        late = max(late, time.monotonic() - due)
        sender.sendto(b"x", (addresses[int(sent / rate / stay) % len(addresses)], port))
        sent += 1
    print(json.dumps({"sent": sent, "late": late}))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One HTTP connection, a request at a time when told to.

    talk.py ADDRESS PORT FOLDER     waits for FOLDER/say-N (N = 1, 2, ...), asks, and makes FOLDER/said-N when it is answered
"""
import http.client
import pathlib
import sys
import time

folder = pathlib.Path(sys.argv[3])
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=60)
number = 1
while True:
    if not (folder / f"say-{number}").exists():
        time.sleep(0.02)
        continue
    connection.request("GET", "/")
    connection.getresponse().read()
    (folder / f"said-{number}").touch()
    number += 1

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What Redis 5 says: no distribution that we test on has it any more.   old_redis.py PORT [PASSWORD]"""
import socketserver
import sys

PASSWORD = sys.argv[2].encode() if len(sys.argv) > 2 else None
INFO = b"# Server\r\nredis_version:5.0.7\r\nredis_mode:standalone\r\n"


class Client(socketserver.StreamRequestHandler):
    def words(self):
        count = self.rfile.readline()
        return [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(count[1:] or 0))]

    def handle(self):
        known = PASSWORD is None
        while words := self.words():
            name = words[0].upper()
            if name not in (b"AUTH", b"INFO", b"SELECT"):
                answer = b"-ERR unknown command `%s`, with args beginning with: `%s`, " % (words[0], b"`, `".join(words[1:]))
            elif name == b"AUTH" and len(words) != 2:
                answer = b"-ERR wrong number of arguments for 'auth' command"
            elif name == b"AUTH":
                known = words[1] == PASSWORD
                answer = b"+OK" if known else b"-ERR invalid password"
            elif not known:
                answer = b"-NOAUTH Authentication required."
            elif name == b"INFO":
                answer = b"$%d\r\n%s" % (len(INFO), INFO)
            else:
                answer = b"+OK"
            self.wfile.write(answer + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Client).serve_forever()

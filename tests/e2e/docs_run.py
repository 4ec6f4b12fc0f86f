# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the commands of pages, in order, as a reader would: a shell for each page, on the host that docs_world.sh makes.

    docs_run.py [--installed] PAGE...    --installed: weir is there and runs, with docs.yaml, under some traffic

A server (`weir run`) is left to run, and is ended with Ctrl-C when the page starts it again or is over. What watches
(`weir top`) gets a terminal, and is left with q or Ctrl-C. Everything else must succeed. For each page there is a line
"PAGE: N run, N may fail, N not run"; what goes wrong ends the page, and is said with page and line. With DOCS_SHOW=1 in
the environment it prints what each command says.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import docs_pages

SERVER = re.compile(r"\bweir run\b|\bredis-server\b|\bhttp\.server\b")
WATCHES = re.compile(r"\bweir (top|latency|events)\b(?!.*(--once|--count|--json|\|))|\bweir [a-z]+ .*--watch\b")
# Seconds. On a machine that is busy with other things all takes longer; more than that is stuck
PATIENCE = 40


class Shell:
    """One bash; what a command says is in .said"""

    def __init__(self, scratch):
        self.output = scratch / "output"
        self.said = ""
        report, give = os.pipe()
        self.bash = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, pass_fds=[give], text=True)
        # Job control: a server in the background gets a process group, and hears Ctrl-C
        self.bash.stdin.write("set -m\n")
        self.give = give
        self.report = report

    def run(self, text):
        """Its exit status; None if it does not come to an end"""
        self.bash.stdin.write(f"{{ {text}\n}} < /dev/null > {self.output} 2>&1 {self.give}>&-\necho $? >&{self.give}\n")
        self.bash.stdin.flush()
        ready, _, _ = select.select([self.report], [], [], PATIENCE)
        self.said = self.output.read_text(errors="replace") if self.output.exists() else ""
        return int(os.read(self.report, 64)) if ready else None

    def where(self):
        return os.readlink(f"/proc/{self.bash.pid}/cwd")


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def listens(pid):
    """It has a socket that listens, by TCP"""
    try:
        mine = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        rows = [row.split() for name in ("tcp", "tcp6") for row in open(f"/proc/{pid}/net/{name}")]
    except OSError:
        return False
    return any(f"socket:[{row[9]}]" in mine for row in rows if row[3] == "0A")


class Server:
    def __init__(self, shell, text, log):
        self.log = log
        self.text = text
        self.program = SERVER.search(text)[0]
        shell.run(f"{text.split(' #')[0].rstrip()} > {log} 2>&1 &\necho $!")
        self.pid = int(shell.said.split()[-1])

    def ready(self):
        if self.program == "weir run":
            said = lambda: re.search(r"\bready\b", self.log.read_text(errors="replace"))
        else:
            said = lambda: listens(self.pid)
        return eventually(lambda: said() or not alive(self.pid)) and alive(self.pid)

    def stop(self):
        """As Ctrl-C does; whether it has ended"""
        if alive(self.pid):
            os.killpg(self.pid, signal.SIGINT)
        return eventually(lambda: not alive(self.pid))


def watch(text, where):
    """Runs it on a terminal, and leaves it: what went wrong, or None"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(where)
        os.execlp("bash", "bash", "-c", text)
    said = b""
    end = time.monotonic() + PATIENCE
    silent = " events" in text
    leave_at = time.monotonic() + 0.5 if silent else None
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        try:
            said += os.read(terminal, 65536) if ready else b""
        except OSError:
            break
        if leave_at is None and said:
            leave_at = time.monotonic() + 0.5
        if leave_at and time.monotonic() > leave_at:
            os.write(terminal, b"\x03" if silent else b"q")
            leave_at = end
    else:
        os.kill(pid, signal.SIGKILL)
    early = leave_at != end
    _, status = os.waitpid(pid, 0)
    status = os.waitstatus_to_exitcode(status)
    os.close(terminal)
    if status in ((0, 130, -signal.SIGINT) if silent else (0,)) and not early:
        return None
    return f"{'ended by itself, ' if early else ''}status {status}: {said.decode(errors='replace')[-800:]}"


class Reader:
    def __init__(self, scratch):
        self.scratch = scratch
        self.shell = Shell(scratch)
        self.servers = []
        self.count = {"run": 0, "may fail": 0, "not run": 0}

    def serve(self, text):
        program = SERVER.search(text)[0]
        for old in [server for server in self.servers if server.program == program]:
            if not old.stop():
                return f"the {program} before it does not end with Ctrl-C"
            self.servers.remove(old)
        log = self.scratch / f"server-{sum(self.count.values())}.log"
        log.write_text("")
        server = Server(self.shell, text, log)
        self.servers.append(server)
        return None if server.ready() else f"is not ready: {log.read_text(errors='replace')[-800:]}"

    def command(self, text, may_fail):
        """What went wrong, or None"""
        if SERVER.search(text) and not re.search(r"&\s*(#.*)?$", text):
            return self.serve(text)
        if WATCHES.search(text):
            return watch(text, self.shell.where())
        status = self.shell.run(text)
        if status is None:
            print(self.shell.said[-800:])
            raise docs_pages.Wrong("does not come to an end; if it is a server or watches, docs_run.py must know it")
        if status == 0 or (may_fail and status not in (2, 126, 127)):
            return None
        return f"status {status}: {self.shell.said[-800:]}"

    def block(self, block):
        """What went wrong, or None"""
        named = re.match(r"# (\S+\.ya?ml)$", block.lines[0]) if block.lines else None
        target = block.reason if block.mark == "file" else named and named[1]
        if target:
            path = pathlib.Path(self.shell.where(), target)
            if not path.parent.is_dir():
                return f"{block.at()}: {target}: there is no such folder yet"
            path.write_text(block.text)
        if block.kind not in ("commands", "transcript"):
            return None
        for offset, text in docs_pages.statements(block):
            if block.mark == "not run":
                self.count["not run"] += 1
                continue
            try:
                wrong = self.command(text, block.mark == "may fail")
            except docs_pages.Wrong as error:
                wrong = str(error)
            self.count["may fail" if block.mark == "may fail" else "run"] += 1
            if os.environ.get("DOCS_SHOW"):
                print(f"$ {text}\n{self.shell.said}")
            if wrong:
                return f"{block.at(offset)}: {text}\n{wrong}"
        if block.mark == "says" and not re.search(block.reason, self.shell.said, re.M):
            return f"{block.at()}: should say {block.reason}:\n{self.shell.said}"
        return None

    def close(self):
        """Ends all servers; what went wrong, or None"""
        stuck = [server.text for server in self.servers if not server.stop()]
        self.shell.run("pkill -TERM -x weir; while pgrep -x weir; do sleep 0.05; done")    # of systemctl
        self.shell.bash.kill()
        return f"does not end with Ctrl-C: {stuck[0]}" if stuck else None


def install(scratch):
    """What pages for those who have Weir begin with: what went wrong, or None"""
    shell = Shell(scratch)
    if shell.run("make -s install") != 0:
        return f"make install: {shell.said}"
    return None


def send():
    """More than the limit of docs.yaml, for refusals to be seen"""
    return subprocess.Popen(["nsenter", "--net=/run/netns/docs-outside", sys.executable, "-B", "tests/e2e/traffic.py", "udp",
                             "10.0.0.5", "53", "--rate", "600", "--seconds", "600"], stdout=subprocess.DEVNULL)


def read_aloud(scratch, page, installed):
    """Runs a page: whether all went well"""
    if not any(block.kind in ("commands", "transcript") for block in page.blocks):
        return True
    reader = Reader(scratch)
    wrong = sender = None
    if installed:
        sender = send()
        shutil.copy("tests/e2e/docs.yaml", "/etc/weir/weir.yaml")
        wrong = reader.serve("weir run")
    for block in page.blocks:
        wrong = wrong or reader.block(block)
    # Also when something went wrong: the next page starts servers of its own
    stuck = reader.close()
    wrong = wrong or stuck
    if sender:
        sender.kill()
        sender.wait()
    print(f"{page.path}:", ", ".join(f"{count} {what}" for what, count in reader.count.items()), flush=True)
    if wrong:
        print(wrong, flush=True)
    return not wrong


def main():
    scratch = pathlib.Path(os.environ["DOCS_SCRATCH"])
    installed = sys.argv[1] == "--installed"
    pages = [docs_pages.read(pathlib.Path("."), path) for path in sys.argv[1 + installed:]]
    wrong = install(scratch) if installed else None
    if wrong:
        sys.exit(wrong)
    sys.exit(not all([read_aloud(scratch, page, installed) for page in pages]))


main()

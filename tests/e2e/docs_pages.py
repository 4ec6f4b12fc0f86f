# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is in the pages of the guide: code blocks with their marks, links, headings, commands within the text.

A code block is fenced, or indented by four blanks outside of a list. What it is, its fence says (sh, console, yaml,
anything else), or its first line: a program of STARTS, a prompt, a field of the configuration. An HTML comment right
before it is a mark:

    <!-- not run: REASON -->     these commands are not run
    <!-- may fail: REASON -->    they are run; what comes of them is not looked at, as long as they exist
    <!-- says: PATTERN -->       the last of them says something that this regular expression finds
    <!-- file: PATH -->          this text is written to that file first

The same after "this page: ", anywhere in the page, is for all blocks without a mark of their own.
"""
import os
import re
import subprocess
from dataclasses import dataclass, field

import yaml

STARTS = ("build/weir", "cd", "curl", "docker", "git", "ip", "journalctl", "kubectl", "make", "mkdir", "promtool", "python3",
          "redis-cli", "redis-server", "sudo", "systemctl", "weir")
FIELDS = {"interfaces", "table", "tiers", "cluster", "services", "upstreams", "latency", "deny", "allow", "protected_ports",
          "http", "node", "pins", "on_exit", "log"}
MARK = re.compile(r" *<!-- (this page: )?(not run|may fail|says|file): (.+?) -->")
PROMPT = re.compile(r"[#$] (?=\S)")
# In a block that is none of commands these would be commands that nobody runs
COMMAND = re.compile(r"\s*([#$] )?(sudo \S|weir [a-z]+( -|$)|(curl|make|kubectl) [-a-z])")


class Wrong(Exception):
    """Something in a page that must be mended there."""


@dataclass
class Block:
    page: str
    line: int  # of its first line
    kind: str  # commands, transcript, configuration, yaml, text
    lines: list
    mark: str = ""  # not run, may fail, says, file
    reason: str = ""

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    def at(self, offset=0):
        return f"{self.page}:{self.line + offset}"


@dataclass
class Page:
    path: str
    blocks: list = field(default_factory=list)
    prose: list = field(default_factory=list)  # (line, text) outside of code
    anchors: set = field(default_factory=set)


def kind_of(block, language):
    first = next((line for line in block.lines if line.strip()), "")
    if language in ("sh", "bash"):
        return "commands"
    if language == "console":
        return "transcript"
    if language in ("", "yaml"):
        known = re.match(r"([a-z_]+):(\s|$)", next((line for line in block.lines if re.match(r"[^#\s]", line)), ""))
        if known and known[1] in FIELDS:
            return "configuration"
    if language:
        return "yaml" if language == "yaml" else "text"
    if PROMPT.match(first):
        return "transcript"
    words = re.sub(r"^([A-Z_]+=\S* )+", "", first).split()
    return "commands" if words and (words[0] in STARTS or words[0].startswith("scripts/")) else "text"


def slug(heading):
    """The anchor that GitHub gives a heading"""
    heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def read(root, path):
    """The page, with its blocks in order"""
    page = Page(path)
    lines = (root / path).read_text().splitlines()
    mark = rest = None
    in_list = False
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = re.match(r"( *)(```+)(\w*)\s*$", line)
        block = None
        if fence:
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == fence[2]), None)
            if end is None:
                raise Wrong(f"{path}:{at + 1}: this fence is never closed")
            block = Block(path, at + 2, "", [text[len(fence[1]):] for text in lines[at + 1:end]])
            language = fence[3]
            at = end + 1
        elif line.startswith("    ") and not in_list and (at == 0 or not lines[at - 1].strip() or mark):
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            while not lines[end - 1].strip():
                end -= 1
            block = Block(path, at + 1, "", [text[4:] for text in lines[at:end]])
            language = ""
            at = end
        if block:
            block.kind = kind_of(block, language)
            block.mark, block.reason = mark or ("", "")
            mark = None
            page.blocks.append(block)
            continue
        at += 1
        found = MARK.match(line)
        if found and found[1]:
            rest = (found[2], found[3])
        elif found:
            mark = (found[2], found[3])
            marked_at = at
        elif line.strip():
            if mark:
                raise Wrong(f"{path}:{marked_at}: a mark, and no block of code right after it")
            if re.match(r"#+ ", line):
                page.anchors.add(slug(line.lstrip("#")))
            if not line.startswith(" "):
                in_list = bool(re.match(r"([-*+]|\d+\.) ", line))
            page.prose.append((at, line))
    for block in page.blocks:
        if rest and not block.mark and block.kind in ("commands", "transcript"):
            block.mark, block.reason = rest
        if block.kind in ("text", "yaml"):
            for offset, text in enumerate(block.lines):
                if COMMAND.match(text):
                    raise Wrong(f"{block.at(offset)}: a command in a block that is not run; fence it as ```sh: {text.strip()}")
    return page


def statements(block):
    """(offset, text) of each command: as many lines as the shell needs to understand it"""
    if block.kind == "transcript":
        for offset, line in enumerate(block.lines):
            if PROMPT.match(line):
                yield offset, line[2:]
        return
    text, begin = "", 0
    for offset, line in enumerate(block.lines):
        if not text and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begin = begin if text else offset
        text += line + "\n"
        parsed = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        if parsed.returncode == 0 and not parsed.stderr and not line.endswith("\\"):
            yield begin, text.rstrip("\n")
            text = ""
    if text:
        raise Wrong(f"{block.at(begin)}: the shell does not understand this: {text.strip()}")


def wrong_links(root, pages):
    """What is wrong with links within the repository, a line each"""
    for page in pages.values():
        for line, text in page.prose:
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                full = (root / page.path).parent / path if path else root / page.path
                if not full.exists():
                    yield f"{page.path}:{line}: there is no {target}"
                    continue
                name = os.path.relpath(full.resolve(), root.resolve()) if not os.path.isabs(page.path) else str(full)
                if anchor and name in pages and anchor not in pages[name].anchors:
                    yield f"{page.path}:{line}: {name} has no heading for #{anchor}"


def wrong_words(pages, known):
    """Commands in the text, `weir ban --for 10m`, of which the program knows nothing. known: of `weir help --list`"""
    for page in pages.values():
        for line, text in page.prose:
            for command, words in re.findall(r"`(?:sudo )?weir ([a-z]+)((?: [^`]*)?)`", text):
                if command not in known:
                    yield f"{page.path}:{line}: there is no command weir {command}"
                    continue
                for option in re.findall(r" (--[a-z-]+)", words):
                    if f"{command} {option}" not in known and option != "--help":
                        yield f"{page.path}:{line}: weir {command} has no {option}"


def check(weir, block, scratch):
    """What weir check says against the configuration, which may be a part of one, with page and line; or None"""
    text = block.text
    if not re.search(r"^interfaces:", text, re.M):
        # At the end, for lines in messages to be those of the block
        text += "interfaces: [{name: eth0}]\n"
    scratch.write_text(text)
    said = subprocess.run([weir, "check", str(scratch)], capture_output=True, text=True, check=False)
    if said.returncode == 0:
        return None
    line = re.match(r"[^:]*:(\d+): ", said.stderr)
    return f"{block.at(int(line[1]) - 1 if line else 0)}: {said.stderr.replace(f'{scratch}:', '', 1).strip()}"


def wrong_yaml(weir, pages, scratch):
    for page in pages.values():
        for block in page.blocks:
            if block.kind == "configuration":
                said = check(weir, block, scratch)
                if said:
                    yield said
            elif block.kind == "yaml":
                try:
                    list(yaml.safe_load_all(block.text))
                except yaml.YAMLError as error:
                    yield f"{block.at()}: {error}"

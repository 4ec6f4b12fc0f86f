#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Includes point one way (CONTRIBUTING.md, "Layout"). A layer includes itself and what is named here."""
import pathlib
import re
import sys
import tempfile

MAY_INCLUDE = {
    "bpf/abi": [],
    "bpf/core": ["bpf/abi"],
    "bpf/*.bpf.h": ["bpf/abi", "bpf/core"],
    "bpf/*.bpf.c": ["bpf/abi", "bpf/core", "bpf/*.bpf.h"],
    "user/base": ["bpf/abi"],
    "user/config": ["bpf/abi", "user/base"],
    "user/metrics": ["bpf/abi", "user/base"],
    "user/http": ["bpf/abi", "user/base", "user/metrics"],
    "user/trace": ["user/base"],
    "user/breaker": ["bpf/abi", "bpf/core", "user/base", "user/config"],
    "user/decide": ["bpf/abi", "bpf/core", "user/base", "user/config"],
    "user/cluster": ["bpf/abi", "bpf/core", "user/base", "user/config"],
    "user/datapath": ["bpf/abi", "bpf/core", "user/base", "user/config"],
    # It looks at all the parts of which it judges
    "user/doctor": ["bpf/abi", "user/base", "user/config", "user/cluster", "user/datapath", "user/metrics", "user/http"],
    "user/daemon": ["bpf/abi", "bpf/core", "user/*"],
    # `weir run` starts the daemon, `weir detach` takes the datapath away without one, `weir version` asks both for their libraries
    "user/cli": ["bpf/abi", "user/base", "user/config", "user/metrics", "user/cluster", "user/datapath", "user/daemon", "user/doctor"],
    "user/main.c": ["user/*"],
}
# A library, or what is made, and the only layers that may know of it
ONLY = {
    r"bpf/(?!bpf_endian)\w+\.h": ["user/datapath", "bpf/*.bpf.h", "bpf/*.bpf.c"],
    r"bpf/bpf_endian\.h": ["user/datapath", "bpf/core", "bpf/*.bpf.h", "bpf/*.bpf.c"],
    r"(.*/)?[\w.]+\.skel\.h": ["user/datapath"],
    r"(.*/)?[\w.]+\.pb-c\.h": ["user/metrics"],
    r"protobuf-c/.*": ["user/metrics"],
    r"microhttpd\.h": ["user/http"],
    r"hiredis/.*": ["user/cluster"],
    r"gnutls/.*": ["user/cluster"],
    r"yaml\.h": ["user/config"],
}
# What the Makefile makes: it lies under build/, not here
MADE = (".skel.h", ".pb-c.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer(path):
    parts = path.split("/")
    if parts[0] == "bpf" and len(parts) == 2:
        return "bpf/*" + path[path.find("."):]
    if parts[0] in ("bpf", "user"):
        return path if path == "user/main.c" else "/".join(parts[:2])
    return None


def problem(root, path, quote, target):
    """Why this file may not include that, or None."""
    mine = layer(path)
    if mine not in MAY_INCLUDE:
        return f"no rule for {mine}; add one to scripts/check/includes.py"
    if target.endswith(".c"):
        return "a .c file is compiled, not included"
    for library, owners in ONLY.items():
        # "bpf/x.h" in quotes is ours, <bpf/x.h> is libbpf's
        if (quote == "<" or target.endswith(MADE)) and re.fullmatch(library, target) and mine not in owners:
            return f"only {' and '.join(owners)} may; go through its header"
    if quote == "<" or target == "vmlinux.h" or target.endswith(MADE):
        return None

    near = (root / path).parent / target
    found = near if near.exists() else root / target
    if not found.exists():
        return "no such file, neither next to it nor from the top of the repository"
    other = layer(str(found.resolve().relative_to(root.resolve())))
    allowed = MAY_INCLUDE[mine] + [mine]
    if other in allowed or (other and other.startswith("user/") and "user/*" in allowed):
        return None
    return f"{mine} may include only {', '.join(allowed)}; move what both need further down, or pass it in"


def check(root):
    for path in sorted([*root.glob("bpf/**/*.[ch]"), *root.glob("user/**/*.[ch]")]):
        name = str(path.relative_to(root))
        text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.S)
        for match in INCLUDE.finditer(text):
            why = problem(root, name, match[1], match[2])
            if why:
                line = text.count("\n", 0, match.start(2)) + 1
                yield f"{name}:{line}: includes {match[2]}. To do: {why}"


def self_test():
    good = {
        "bpf/abi/a.h": "", "bpf/core/c.h": '#include "bpf/abi/a.h"\n#include <bpf/bpf_endian.h>\n',
        "bpf/m.bpf.h": '#include "core/c.h"\n#include <bpf/bpf_helpers.h>\n', "bpf/p.bpf.c": '#include "m.bpf.h"\n',
        "user/base/b.h": '/*\n#include "user/http/h.h"\n*/\n', "user/config/g.h": '#include "bpf/abi/a.h"\n#include <yaml.h>\n',
        "user/metrics/m.h": '#include "user/base/b.h"\n#include "user/metrics/m.pb-c.h"\n', "user/http/h.h": '#include "user/metrics/m.h"\n',
        "user/datapath/d.h": '#include "user/config/g.h"\n', "user/datapath/d.c": '#include "bpf/p.skel.h"\n',
        "user/daemon/x.c": '#include "user/datapath/d.h"\n#include "user/http/h.h"\n', "user/main.c": '#include "user/daemon/x.h"\n',
        "user/daemon/x.h": "",
    }
    bad = {
        "bpf/abi/up.h": '#include "../core/c.h"', "bpf/core/map.h": '#include "bpf/m.bpf.h"',
        "bpf/core/helper.h": "#include <bpf/bpf_helpers.h>", "bpf/q.bpf.c": '#include "user/base/b.h"',
        "user/base/up.h": '#include "user/config/g.h"', "user/config/side.c": '#include "user/metrics/m.h"',
        "user/metrics/side.c": '#include "user/config/g.h"', "user/http/lib.c": "#include <bpf/libbpf.h>", "user/http/proto.c": '#include "user/metrics/m.pb-c.h"',
        "user/daemon/skel.c": '#include "bpf/p.skel.h"', "user/cli/web.c": "#include <microhttpd.h>",
        "user/datapath/up.c": '#include "user/daemon/x.h"', "user/base/body.c": '#include "other.c"',
        "user/base/gone.c": '#include "user/base/gone.h"', "user/strange/s.c": '#include "user/base/b.h"',
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in (good | bad).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = {line.split(":")[0] for line in check(root)}
    for name in sorted(found ^ bad.keys()):
        print(name, "was refused" if name in found else "was let through")
    return found == bad.keys()


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(not self_test())
    problems = list(check(pathlib.Path(".")))
    print("\n".join(problems))
    sys.exit(bool(problems))

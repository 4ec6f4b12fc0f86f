#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The files of the project, one a line, as git sees them; from a tarball, or without git, all but build/.
cd "$(dirname "$0")/.." || exit 1
git ls-files -co --exclude-standard 2> /dev/null && exit
find . \( -path ./build -o -path ./.git -o -name __pycache__ \) -prune -o -type f -printf '%P\n' | LC_ALL=C sort

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

build/bench/bench_prog: build/obj/tests/tools/flood_frame.o
bench-binaries: test-tools

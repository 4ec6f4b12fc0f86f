/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/script.h"

/* The assembler takes a file in, from the top of the repository: a tool less, and the same for every linker */
#define TAKE_IN(symbol, file)                         \
	__asm__(".section .rodata\n"                  \
		".global " #symbol "\n" #symbol ":\n" \
		".incbin \"" file "\"\n"              \
		".byte 0\n"                           \
		".previous\n")

TAKE_IN(cluster_script, "user/cluster/round.lua");
TAKE_IN(orders_script, "user/cluster/orders.lua");

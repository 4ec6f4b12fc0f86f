/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/script.h"

/* The assembler takes the file in, from the top of the repository: a tool less, and the same for every linker */
__asm__(".section .rodata\n"
	".global cluster_script\n"
	"cluster_script:\n"
	".incbin \"user/cluster/round.lua\"\n"
	".byte 0\n"
	".previous\n");

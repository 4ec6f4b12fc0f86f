/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs cost the verifier, and that pins come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/lab.h"

/*
 * Instructions walked at load. A sixth of what the kernel allows (BPF_COMPLEXITY_LIMIT_INSNS, a million), so
 * that other compilers and kernels have room. XDP and TC take 72,000 and 99,000 with clang 14, 109,000 and
 * 136,000 with clang 19.
 */
#define VERIFIED_INSNS_MAX 160000

static void the_verifier_walks_few_instructions(void **state)
{
	uint64_t begin = lab_now_ns();
	struct lab *lab = lab_open(1024, "");

	(void)state;
	printf("# opened in %llu ms\n", (unsigned long long)(lab_now_ns() - begin) / 1000000);
	for (int i = 0; i < LAB_PROGRAMS; i++) {
		struct datapath_program program;

		assert_int_equal(datapath_program(lab->datapath, i, &program), 0);
		printf("# %s: %u instructions verified\n", program.name, program.verified_insns);
		assert_in_range(program.verified_insns, 1, VERIFIED_INSNS_MAX);
	}
	lab_close(lab);
}

static void pins_are_gone_when_it_is_over(void **state)
{
	struct lab *lab = lab_open(1024, "");

	(void)state;
	assert_int_equal(access(lab_pins(), F_OK), 0);
	lab_close(lab);
	assert_int_not_equal(access(lab_pins(), F_OK), 0);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(the_verifier_walks_few_instructions),
		cmocka_unit_test(pins_are_gone_when_it_is_over),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}

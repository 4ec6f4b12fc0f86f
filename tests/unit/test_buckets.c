// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A limit and its bucket become others while packets are judged by them: after each single instruction of that, a packet that comes just then finds
 * no more in the bucket than it held before, or holds after.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/clock.h"
#include "user/config/model.h"
#include "user/datapath/buckets.h"

/* What packets read, shared with the process that changes it */
struct words {
	u64 cost, burst, tat;
	u32 chunk;
};

struct change {
	const char *what;
	struct {
		double rate, burst; /* a day, so that nothing is refilled meanwhile */
	} before, after;
	u64 level; /* before, units */
	double credit;
	u64 holds; /* after */
};

/* clang-format off */
static const struct change changes[] = {
	{"nothing changes", {100, 50}, {100, 50}, 20, 0, 20},
	{"the share grows", {100, 50}, {400, 200}, 20, 0, 20},
	{"a full one grows", {100, 50}, {400, 200}, 50, 0, 50},
	{"the share shrinks", {400, 200}, {100, 50}, 20, 0, 20},
	{"a full one shrinks", {400, 200}, {100, 50}, 200, 0, 50},
	{"an empty one shrinks", {400, 200}, {100, 50}, 0, 0, 0},
	{"only the burst grows", {100, 50}, {100, 90}, 20, 0, 20},
	{"only the burst shrinks", {100, 90}, {100, 50}, 70, 0, 50},
	{"only the rate grows", {100, 50}, {300, 50}, 20, 0, 20},
	{"only the rate shrinks", {300, 50}, {100, 50}, 20, 0, 20},
	{"the rate grows, the burst shrinks", {100, 50}, {400, 20}, 40, 0, 20},
	{"the same, and it holds all", {100, 50}, {400, 20}, 10, 0, 10},
	{"the rate shrinks, the burst grows", {400, 20}, {100, 50}, 15, 0, 15},
	{"credit", {100, 50}, {100, 90}, 20, 30, 50},
	{"growth with credit", {100, 50}, {400, 200}, 20, 30, 50},
	{"shrinkage with credit", {400, 200}, {100, 50}, 20, 13, 33},
	{"debit", {100, 50}, {100, 50}, 20, -7, 13},
	{"growth with debit", {100, 50}, {400, 200}, 20, -7, 13},
	{"shrinkage with debit", {400, 200}, {100, 50}, 20, -7, 13},
	{"nothing passes any more", {100, 50}, {0, 0}, 50, 0, 0},
	{"something passes again", {0, 0}, {100, 50}, 0, 0, 0},
	{"something passes again, with credit", {0, 0}, {100, 50}, 0, 9, 9},
};
/* clang-format on */

/* Units that pass at once. An hour makes four at the fastest rate here, and all this takes seconds. */
static u64 holds(const struct words *words)
{
	u64 now = clock_monotonic_ns() * WEIR_TICKS_PER_NS;
	u64 missing = words->tat > now ? words->tat - now : 0;

	return missing < words->burst ? (words->burst - missing) / words->cost : 0;
}

static void change_it(struct words *words, const struct change *change)
{
	const struct bucket bucket = {.cost = &words->cost,
				      .burst = &words->burst,
				      .tat = &words->tat,
				      .chunk = &words->chunk,
				      .unit = WEIR_UNIT_PACKETS};
	struct weir_limit to;

	config_share_ticks(WEIR_UNIT_PACKETS, change->after.rate / 86400, change->after.burst, &to);
	bucket_change(&bucket, &to, 3, change->credit);
}

static void begin(struct words *words, const struct change *change)
{
	u64 now = clock_monotonic_ns() * WEIR_TICKS_PER_NS;
	struct weir_limit from;

	config_share_ticks(WEIR_UNIT_PACKETS, change->before.rate / 86400, change->before.burst,
			   &from);
	*words = (struct words){from.cost, from.burst,
				now + from.burst - change->level * from.cost - from.cost / 4, 7};
	if (!from.burst)
		words->tat = now;
}

/* Lets the child change it, one instruction after the other, and looks in between. Returns the most it held, or -1: no tracing here. */
static long step_through(const struct words *words, pid_t child, unsigned int *steps)
{
	u64 most = holds(words);
	int status;

	waitpid(child, &status, 0);
	if (!WIFSTOPPED(status))
		return -1;
	for (*steps = 0; WIFSTOPPED(status); ++*steps) {
		u64 now = holds(words);

		most = now > most ? now : most;
		if (WSTOPSIG(status) != SIGTRAP && *steps)
			fail_msg("signal %d", WSTOPSIG(status));
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
			return -1;
		waitpid(child, &status, 0);
	}
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	return (long)most;
}

static pid_t traced(struct words *words, const struct change *change)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child)
		return child;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	change_it(words, change);
	_exit(0);
}

static void at_no_instruction_is_there_more_than_before_or_after(void **state)
{
	struct words *words = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int steps = 0;

	(void)state;
	assert_true(words != MAP_FAILED);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *change = &changes[i];
		u64 allowed = change->level > change->holds ? change->level : change->holds;
		long most;

		begin(words, change);
		assert_int_equal(holds(words), change->level);
		most = step_through(words, traced(words, change), &steps);
		if (most < 0) {
			print_message("# skip: no ptrace here: %s\n", strerror(errno));
			skip();
		}
		if (holds(words) != change->holds || (u64)most > allowed || words->chunk != 3)
			fail_msg("%s: holds %llu, held %ld in between", change->what,
				 (unsigned long long)holds(words), most);
	}
	print_message("# the last in %u steps\n", steps);
	assert_true(steps > 50);
	munmap(words, sizeof(*words));
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(at_no_instruction_is_there_more_than_before_or_after),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

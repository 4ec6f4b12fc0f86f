/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/breaker/window.h"

#include "user/config/model.h"

/* Counts of one sample that no kernel reaches in its time; keeps sums and products in 64 bits */
#define CALLS_MAX (UINT64_C(1) << 40)

void window_reset(struct window *window, uint64_t length_ns, uint64_t now_ns)
{
	*window = (struct window){
		.part_ns = length_ns >= WINDOW_PARTS ? length_ns / WINDOW_PARTS : 1,
		.start_ns = now_ns,
	};
}

static void drop_oldest(struct window *window)
{
	struct window_counts *oldest;

	window->head = (window->head + 1) % WINDOW_PARTS;
	oldest = &window->part[window->head];
	window->sum.calls -= oldest->calls;
	window->sum.failures -= oldest->failures;
	window->sum.slow -= oldest->slow;
	*oldest = (struct window_counts){};
}

void window_advance(struct window *window, uint64_t now_ns)
{
	uint64_t parts = (now_ns - window->start_ns) / window->part_ns;

	for (uint64_t i = 0; i < parts && i < WINDOW_PARTS; i++)
		drop_oldest(window);
	window->start_ns += parts * window->part_ns;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void add(struct window_counts *to, const struct window_counts *counts)
{
	to->calls += counts->calls;
	to->failures += counts->failures;
	to->slow += counts->slow;
}

void window_add(struct window *window, const struct window_counts *counts, uint64_t now_ns)
{
	uint64_t calls = least(counts->calls, CALLS_MAX);
	const struct window_counts sound = {
		.calls = calls,
		.failures = least(counts->failures, calls),
		.slow = least(counts->slow, calls),
	};

	window_advance(window, now_ns);
	add(&window->part[window->head], &sound);
	add(&window->sum, &sound);
}

bool window_reaches(const struct window *window, uint64_t part, uint32_t ratio, uint32_t min_calls)
{
	uint64_t calls = window->sum.calls;

	return calls > 0 && calls >= min_calls &&
	       (unsigned __int128)part * CONFIG_RATIO >= (unsigned __int128)calls * ratio;
}

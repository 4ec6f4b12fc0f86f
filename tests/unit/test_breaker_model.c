/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ten million random steps, with a model of the kernel that gives out the permits, of calls that take their time, and
 * of a daemon that loses events and forgets ticks. What must hold is checked after each step, and at each change
 * by nothing but what was reported before. STEPS=N for another number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/lib/random.h"
#include "tests/unit/breaker_world.h"

#define STEPS 10000000
#define RUN_STEPS 2000
#define ENDPOINTS 8
#define CALLS 32

/* A fact that does not hold: says where in the run, so that SEED and the debugger find it again */
#define must(fact)                                                                                \
	do {                                                                                      \
		if (!(fact))                                                                      \
			fail_msg("run %u, step %u, endpoint %u: " #fact, model->run, model->step, \
				 model->at);                                                      \
	} while (0)

struct call {
	unsigned int endpoint;
	uint64_t began_ns;
	bool under_way;
};

/* What the kernel keeps for an endpoint, and what we know of it by reports */
struct side {
	enum breaker_state state;
	uint64_t since_ns;
	uint64_t retry_ns;
	uint32_t streak;
	uint64_t sampled_ns;
	uint64_t sampled; /* calls in this state, at most */
	/* half-open: the round the kernel knows, and all there were */
	uint32_t round, taken;
	uint64_t given, timeouts, round_ns;
	bool reconfigured;
};

struct model {
	struct breaker *breaker;
	struct config_breaker config;
	unsigned int endpoints;
	uint64_t now;
	struct side side[ENDPOINTS];
	struct call call[CALLS];
	struct random random;
	unsigned int run, step, at;
	unsigned int changes;
	bool too_many_allowed; /* the limit was lowered while more were out */
	uint64_t seen[BREAKER_STATE_COUNT][BREAKER_REASON_COUNT], held;
};

static uint64_t below(struct model *model, uint64_t bound)
{
	return random_below(&model->random, bound);
}

static bool one_in(struct model *model, unsigned int bound)
{
	return below(model, bound) == 0;
}

/* ------------------------------------------------------------------------ what must hold at a change */

#define BIT(name) (1u << BREAKER_##name)
#define AUTOMATIC (BIT(CLOSED) | BIT(OPEN) | BIT(HALF_OPEN))
#define FORCED (BIT(FORCED_OPEN) | BIT(FORCED_CLOSED))
#define ANY (AUTOMATIC | FORCED | BIT(DISABLED))

static const struct {
	unsigned int from, to;
} legal[BREAKER_REASON_COUNT] = {
	[BREAKER_BY_CONSECUTIVE] = {BIT(CLOSED), BIT(OPEN)},
	[BREAKER_BY_FAILURE_RATIO] = {BIT(CLOSED), BIT(OPEN)},
	[BREAKER_BY_SLOW_RATIO] = {BIT(CLOSED), BIT(OPEN)},
	[BREAKER_BY_CONNECTIONS] = {BIT(CLOSED) | BIT(HALF_OPEN), BIT(OPEN)},
	[BREAKER_BY_WAITING_SYNS] = {BIT(CLOSED), BIT(OPEN)},
	[BREAKER_BY_SUCCESS_RATE] = {BIT(CLOSED), BIT(OPEN)},
	[BREAKER_BY_PROBE_FAILED] = {BIT(HALF_OPEN), BIT(OPEN)},
	[BREAKER_BY_PROBE_SLOW] = {BIT(HALF_OPEN), BIT(OPEN)},
	[BREAKER_BY_RECOVERY] = {BIT(OPEN), BIT(HALF_OPEN)},
	[BREAKER_BY_PROBES_PASSED] = {BIT(HALF_OPEN), BIT(CLOSED)},
	[BREAKER_BY_MANUAL] = {ANY, FORCED | BIT(CLOSED) | BIT(HALF_OPEN) | BIT(DISABLED)},
	[BREAKER_BY_OVERRIDE_ENDED] = {FORCED, BIT(CLOSED) | BIT(HALF_OPEN) | BIT(DISABLED)},
	[BREAKER_BY_RESET] = {ANY, BIT(CLOSED) | BIT(DISABLED)},
	[BREAKER_BY_CONFIGURED] = {AUTOMATIC | BIT(DISABLED), BIT(CLOSED) | BIT(DISABLED)},
	[BREAKER_BY_RESTORED] = {BIT(CLOSED) | BIT(DISABLED), FORCED | BIT(OPEN) | BIT(HALF_OPEN)},
};

static bool is_out(enum breaker_state state)
{
	return state == BREAKER_OPEN || state == BREAKER_HALF_OPEN || state == BREAKER_FORCED_OPEN;
}

static unsigned int count_out(const struct model *model)
{
	unsigned int out = 0;

	for (unsigned int i = 0; i < model->endpoints; i++)
		out += is_out(model->side[i].state);
	return out;
}

/* By another way than recovery_most_out() */
static unsigned int most_out(const struct model *model)
{
	unsigned int endpoints = model->endpoints, most = 0;

	while (most < endpoints &&
	       100 * (most + 1) <= model->config.max_ejection_percent * endpoints)
		most++;
	if (endpoints > 1 && !model->config.eject_last && most == endpoints)
		most--;
	return most ? most : 1;
}

/* The figures that were reported with it are reason enough. */
static bool has_reason(const struct config_breaker *config, const struct breaker_change *change)
{
	const struct breaker_figures *figures = &change->figures;

	switch (change->reason) {
	case BREAKER_BY_CONSECUTIVE:
		return config->consecutive_failures &&
		       figures->streak >= config->consecutive_failures;
	case BREAKER_BY_FAILURE_RATIO:
		return figures->calls >= config->min_calls &&
		       figures->failures * 10000 >= config->failure_ratio * figures->calls;
	case BREAKER_BY_SLOW_RATIO:
		return figures->calls >= config->min_calls && config->slow_ratio &&
		       figures->slow * 10000 >= config->slow_ratio * figures->calls;
	case BREAKER_BY_CONNECTIONS:
		return config->max_connections &&
		       figures->connections * 10000 >= config->max_connections * config->saturation;
	case BREAKER_BY_WAITING_SYNS:
		return config->waiting_syns && figures->waiting_syns >= config->waiting_syns;
	case BREAKER_BY_SUCCESS_RATE:
		return config->stdev_factor && figures->calls >= config->request_volume &&
		       figures->failures > 0;
	case BREAKER_BY_PROBE_SLOW:
		return config->slow_ratio > 0;
	default:
		return true;
	}
}

static void check_wait(struct model *model, const struct breaker_change *change)
{
	const struct config_breaker *config = &model->config;
	uint64_t wait = change->figures.retry_ns - change->now_ns;
	uint64_t due = config->recovery_ns * change->figures.ejections;
	uint64_t spread;

	if (due > config->recovery_max_ns)
		due = config->recovery_max_ns;
	spread = due / 10000 * config->jitter + 10000;
	must(change->figures.ejections >= 1);
	must(wait + spread >= due && wait <= due + spread);
}

static void changed(void *context, const struct breaker_change *change)
{
	struct model *model = context;
	struct side *side = &model->side[change->endpoint];

	model->at = change->endpoint;
	model->changes++;
	model->seen[change->to][change->reason]++;
	must(change->from == side->state);
	must(legal[change->reason].from >> change->from & 1);
	must(legal[change->reason].to >> change->to & 1);
	must(change->now_ns == model->now);
	must(change->enforced ==
	     (model->config.mode == BREAKER_ENFORCE || (FORCED >> change->to & 1)));
	must(has_reason(&model->config, change));
	must((change->figures.retry_ns != 0) == (change->to == BREAKER_OPEN));
	if (change->to == BREAKER_OPEN && change->reason != BREAKER_BY_RESTORED)
		check_wait(model, change);
	if (change->reason == BREAKER_BY_RECOVERY)
		must(model->now >= side->retry_ns);
	if (change->to == BREAKER_DISABLED)
		must(model->config.mode == BREAKER_OFF);
	else if (!(FORCED >> change->to & 1))
		must(model->config.mode != BREAKER_OFF);

	side->state = change->to;
	side->since_ns = model->now;
	side->retry_ns = change->figures.retry_ns;
	side->sampled = side->given = side->timeouts = 0;
	side->reconfigured = false;
	/* whoever goes out by itself, or stays out after an override, keeps to the limit */
	if ((change->to == BREAKER_OPEN || change->to == BREAKER_HALF_OPEN) &&
	    change->from != BREAKER_OPEN && change->from != BREAKER_HALF_OPEN)
		must(count_out(model) <= most_out(model));
}

/* ------------------------------------------------------------------------- what must hold at any time */

static void check_round(struct model *model, struct side *side, const struct breaker_gate *gate)
{
	const struct config_breaker *config = &model->config;
	uint64_t began = gate->deadline_ns - BREAKER_GRACE_NS - config->half_open_timeout_ns;

	if (gate->round == side->round)
		return;
	/* rounds in between were seen by no caller */
	if (side->given && began - side->round_ns >= config->half_open_timeout_ns)
		side->timeouts++;
	side->round = gate->round;
	side->round_ns = began;
	side->taken = 0;
	side->given += gate->permits;
	if (!side->reconfigured)
		must(side->given <=
		     config->half_open_successes + side->timeouts * config->half_open_permits);
}

static void check_gate(struct model *model, struct side *side)
{
	const struct config_breaker *config = &model->config;
	bool enforced = config->mode == BREAKER_ENFORCE || (FORCED >> side->state & 1);
	uint64_t longest = 2 * config->recovery_max_ns + config->half_open_timeout_ns +
			   BREAKER_LEASE_NS + BREAKER_GRACE_NS;
	struct breaker_gate gate;

	breaker_gate(model->breaker, model->at, &gate);
	must(gate.reserved == 0);
	must(gate.since_ns == side->since_ns);
	if (!enforced || !is_out(side->state)) {
		must(gate.verdict == BREAKER_PASS && gate.permits == 0 && gate.deadline_ns == 0);
		return;
	}
	must(gate.verdict == (side->state == BREAKER_HALF_OPEN ? BREAKER_PERMIT : BREAKER_REFUSE));
	must(gate.deadline_ns <= model->now + longest);
	if (gate.verdict != BREAKER_PERMIT) {
		must(gate.permits == 0);
		return;
	}
	must(gate.permits >= 1 && gate.permits <= config->half_open_permits);
	check_round(model, side, &gate);
}

static void check_endpoint(struct model *model, unsigned int number)
{
	struct side *side = &model->side[number];
	struct breaker_view view;

	model->at = number;
	breaker_view(model->breaker, number, &view);
	must(view.state == side->state);
	must(view.figures.failures <= view.figures.calls);
	must(view.figures.slow <= view.figures.calls);
	must(view.figures.calls <= side->sampled); /* never below zero, which would be many */
	must(view.state == BREAKER_CLOSED || view.figures.calls == 0);
	must(view.held == BREAKER_BY_NONE || view.state == BREAKER_CLOSED);
	must(view.state != BREAKER_HALF_OPEN || view.successes < model->config.half_open_successes);
	check_gate(model, side);
}

/* Never stuck past a deadline: whatever is due was done. */
static void check_after_tick(struct model *model)
{
	struct breaker_gate gate;
	unsigned int forced = 0;

	must(breaker_next_ns(model->breaker) > model->now);
	for (unsigned int i = 0; i < model->endpoints; i++) {
		struct side *side = &model->side[i];

		check_endpoint(model, i);
		breaker_gate(model->breaker, i, &gate);
		must(side->state != BREAKER_OPEN || side->retry_ns > model->now);
		must(gate.verdict == BREAKER_PASS || gate.deadline_ns > model->now);
		forced += side->state == BREAKER_FORCED_OPEN;
	}
	must(breaker_out(model->breaker) == count_out(model));
	if (model->too_many_allowed)
		model->too_many_allowed = count_out(model) > most_out(model);
	else
		must(count_out(model) <= most_out(model) + forced);
	if (model->endpoints > 1 && !model->config.eject_last && !forced &&
	    !model->too_many_allowed)
		must(count_out(model) < model->endpoints);
}

/* ---------------------------------------------------------------------------------------- the steps */

static uint64_t up_to(struct model *model, uint64_t least, uint64_t most)
{
	return least + below(model, most - least + 1);
}

static struct config_breaker any_config(struct model *model)
{
	struct config_breaker config;

	config_breaker_default(&config);
	config.mode = one_in(model, 4) ? (enum config_breaker_mode)below(model, 3)
				       : BREAKER_ENFORCE;
	config.consecutive_failures = (uint32_t)below(model, 6);
	config.failure_ratio = one_in(model, 2) ? 0 : (uint32_t)up_to(model, 1, 10000);
	config.slow_ratio = one_in(model, 2) ? 0 : (uint32_t)up_to(model, 1, 10000);
	config.min_calls = (uint32_t)up_to(model, 1, 30);
	config.window_ns = up_to(model, 1 * SEC, 20 * SEC);
	config.max_connections = one_in(model, 2) ? 0 : (uint32_t)up_to(model, 1, 100);
	config.saturation = (uint32_t)up_to(model, 5000, 10000);
	config.waiting_syns = one_in(model, 2) ? 0 : (uint32_t)up_to(model, 1, 20);
	config.stdev_factor = one_in(model, 2) ? 0 : (uint32_t)up_to(model, 1, 2500);
	config.minimum_endpoints = (uint32_t)up_to(model, 2, 5);
	config.request_volume = (uint32_t)up_to(model, 1, 50);
	config.recovery_ns = up_to(model, 100 * MS, 20 * SEC);
	config.recovery_max_ns = config.recovery_ns + below(model, 60 * SEC);
	config.jitter = (uint32_t)below(model, 9001);
	config.half_open_permits = (uint32_t)up_to(model, 1, 5);
	config.half_open_successes = (uint32_t)up_to(model, 1, 5);
	config.half_open_timeout_ns = up_to(model, 100 * MS, 30 * SEC);
	config.max_ejection_percent = (uint32_t)up_to(model, 1, 100);
	config.eject_last = one_in(model, 3);
	return config;
}

static void pass_time(struct model *model)
{
	uint64_t next = breaker_next_ns(model->breaker);

	if (one_in(model, 4) && next != UINT64_MAX && next > model->now)
		model->now = next - below(model, 2); /* just in time, or just before */
	else if (one_in(model, 50))
		model->now += below(model, 600 * SEC);
	else
		model->now += below(model, one_in(model, 2) ? 1 * MS : 1 * SEC);
}

/* As the kernel lets a call through, with the daemon alive or not */
static bool kernel_admits(struct model *model, unsigned int number)
{
	struct side *side = &model->side[number];
	struct breaker_gate gate;

	breaker_gate(model->breaker, number, &gate);
	if (gate.verdict == BREAKER_PASS || model->now >= gate.deadline_ns)
		return true;
	if (gate.verdict == BREAKER_REFUSE)
		return false;
	if (side->taken >= gate.permits)
		return false;
	side->taken++;
	must(side->taken <= model->config.half_open_permits);
	return true;
}

static void begin_call(struct model *model)
{
	unsigned int number = (unsigned int)below(model, model->endpoints);
	struct call *call = &model->call[below(model, CALLS)];

	/* a call that is under way may be forgotten: its caller died */
	if (!kernel_admits(model, number))
		return;
	*call = (struct call){number, model->now, true};
}

static void end_call(struct model *model)
{
	struct call *call = &model->call[below(model, CALLS)];
	struct side *side = &model->side[call->endpoint];
	struct breaker_outcome outcome = {.endpoint = call->endpoint, .began_ns = call->began_ns};
	unsigned int changes;
	bool late;

	if (!call->under_way)
		return;
	call->under_way = false;
	outcome.failed = one_in(model, 3);
	outcome.slow = !outcome.failed && one_in(model, 20);
	side->streak = outcome.failed ? side->streak + 1 : 0;
	outcome.streak = one_in(model, 10) ? 0 : side->streak;
	if (one_in(model, 20) || (!outcome.failed && side->state != BREAKER_HALF_OPEN))
		return; /* lost, or nothing to tell */
	breaker_tick(model->breaker, model->now);
	changes = model->changes;
	late = outcome.began_ns < side->since_ns;
	breaker_outcome(model->breaker, &outcome, model->now);
	must(!late || model->changes == changes);
	check_endpoint(model, outcome.endpoint);
}

static void take_sample(struct model *model)
{
	unsigned int number = (unsigned int)below(model, model->endpoints);
	struct side *side = &model->side[number];
	struct breaker_sample sample = {
		.from_ns = side->sampled_ns,
		.calls = below(model, 20),
		.connections = (uint32_t)below(model, one_in(model, 10) ? 101 : 50),
		.waiting_syns = (uint32_t)below(model, one_in(model, 10) ? 21 : 2),
	};

	sample.failures = below(model, one_in(model, 3) ? 22 : 3); /* may be more than calls */
	sample.slow = below(model, one_in(model, 3) ? 22 : 3);
	side->sampled_ns = model->now;
	side->sampled += sample.calls;
	breaker_sample(model->breaker, number, &sample, model->now);
	/* a change by this very sample has forgotten it */
	check_endpoint(model, number);
}

static void operate(struct model *model)
{
	unsigned int number = (unsigned int)below(model, model->endpoints);
	uint64_t until = one_in(model, 2) ? 0 : model->now + below(model, 100 * SEC);

	switch (below(model, 8)) {
	case 0:
	case 1:
		breaker_force(model->breaker, number, one_in(model, 2), until, model->now);
		break;
	case 2:
		breaker_reset(model->breaker, number, model->now);
		must(model->side[number].state == BREAKER_CLOSED ||
		     model->side[number].state == BREAKER_DISABLED);
		break;
	default:
		breaker_auto(model->breaker, number, model->now);
		must(!(FORCED >> model->side[number].state & 1));
	}
	check_endpoint(model, number);
}

static void reconfigure(struct model *model)
{
	breaker_tick(model->breaker, model->now);
	model->config = any_config(model);
	for (unsigned int i = 0; i < model->endpoints; i++)
		model->side[i].reconfigured = true;
	breaker_configure(model->breaker, &model->config, model->now);
	for (unsigned int i = 0; i < model->endpoints; i++) {
		struct breaker_view view;

		breaker_view(model->breaker, i, &view);
		must(view.figures.retry_ns <= model->side[i].retry_ns);
		model->side[i].retry_ns = view.figures.retry_ns;
	}
	model->too_many_allowed = count_out(model) > most_out(model);
	breaker_tick(model->breaker, model->now);
	check_after_tick(model);
}

/* The daemon starts anew. */
static void restart(struct model *model)
{
	struct breaker_saved saved[ENDPOINTS];

	for (unsigned int i = 0; i < model->endpoints; i++)
		breaker_save(model->breaker, i, &saved[i]);
	breaker_free(model->breaker);
	model->breaker = breaker_new(&model->config, model->endpoints, random_u64(&model->random),
				     model->now, changed, model);
	assert_non_null(model->breaker);
	for (unsigned int i = 0; i < model->endpoints; i++) {
		struct side *side = &model->side[i];

		*side = (struct side){
			.state = model->config.mode == BREAKER_OFF ? BREAKER_DISABLED
								   : BREAKER_CLOSED,
			.since_ns = model->now,
			.sampled_ns = model->now,
			.streak = side->streak,
		};
	}
	for (unsigned int i = 0; i < model->endpoints; i++)
		must(breaker_restore(model->breaker, i, &saved[i], model->now) == 0);
	model->too_many_allowed = count_out(model) > most_out(model);
	breaker_tick(model->breaker, model->now);
	check_after_tick(model);
}

static void step(struct model *model)
{
	uint64_t kind = below(model, 1000);

	pass_time(model);
	if (kind < 300) {
		begin_call(model);
	} else if (kind < 700) {
		end_call(model);
	} else if (kind < 850) {
		take_sample(model);
	} else if (kind < 985) {
		breaker_tick(model->breaker, model->now);
		check_after_tick(model);
	} else if (kind < 998) {
		operate(model);
	} else if (kind < 999) {
		reconfigure(model);
	} else {
		restart(model);
	}
}

/* ----------------------------------------------------------------------------------------- the ends */

/* From wherever it is: calls that succeed close it, in no more than are asked for; one that fails opens it. */
static void half_open_resolves(struct model *model, unsigned int number)
{
	struct breaker_outcome outcome = {.endpoint = number, .began_ns = model->now};
	struct side *side = &model->side[number];

	if (side->state != BREAKER_HALF_OPEN)
		return;
	if (one_in(model, 2)) {
		outcome.failed = true;
		breaker_outcome(model->breaker, &outcome, model->now);
		must(side->state == BREAKER_OPEN);
		return;
	}
	/* all permits were taken and nobody answers: there are new ones after the timeout */
	model->now += model->config.half_open_timeout_ns;
	breaker_tick(model->breaker, model->now);
	check_endpoint(model, number);
	outcome.began_ns = model->now;
	for (uint32_t i = model->config.half_open_successes;
	     i > 0 && side->state == BREAKER_HALF_OPEN; i--) {
		must(kernel_admits(model, number));
		breaker_outcome(model->breaker, &outcome, model->now);
		check_endpoint(model, number);
	}
	must(side->state == BREAKER_CLOSED);
}

static void end_run(struct model *model)
{
	for (unsigned int i = 0; i < model->endpoints; i++) {
		struct side *side = &model->side[i];

		model->at = i;
		if (side->state == BREAKER_OPEN) {
			model->now = side->retry_ns > model->now ? side->retry_ns : model->now;
			breaker_tick(model->breaker, model->now);
			must(side->state == BREAKER_HALF_OPEN);
		}
		half_open_resolves(model, i);
	}
	model->held += breaker_held(model->breaker);
	breaker_free(model->breaker);
}

static void begin_run(struct model *model, unsigned int run)
{
	model->run = run;
	model->config = any_config(model);
	model->endpoints = (unsigned int)up_to(model, 1, ENDPOINTS);
	model->now = up_to(model, 0, 1000 * SEC);
	model->too_many_allowed = false;
	memset(model->side, 0, sizeof(model->side));
	memset(model->call, 0, sizeof(model->call));
	for (unsigned int i = 0; i < model->endpoints; i++) {
		model->side[i].state = model->config.mode == BREAKER_OFF ? BREAKER_DISABLED
									 : BREAKER_CLOSED;
		model->side[i].since_ns = model->side[i].sampled_ns = model->now;
	}
	model->breaker = breaker_new(&model->config, model->endpoints, random_u64(&model->random),
				     model->now, changed, model);
	assert_non_null(model->breaker);
}

/* Every change there can be was there: else the rest proves little. */
static void assert_all_seen(const struct model *model)
{
	for (unsigned int to = 0; to < BREAKER_STATE_COUNT; to++) {
		for (unsigned int by = 1; by < BREAKER_REASON_COUNT; by++) {
			if (model->seen[to][by])
				printf("# %s by %s: %llu\n", breaker_state_word(to),
				       breaker_reason_word(by),
				       (unsigned long long)model->seen[to][by]);
			else if (legal[by].to >> to & 1)
				fail_msg("never %s by %s", breaker_state_word(to),
					 breaker_reason_word(by));
		}
	}
	printf("# held: %llu\n", (unsigned long long)model->held);
	assert_true(model->held > 0);
}

static void ten_million_random_steps_break_no_promise(void **state)
{
	static struct model model;
	const char *given = getenv("STEPS");
	uint64_t steps = given ? strtoull(given, NULL, 0) : STEPS;

	(void)state;
	model.random = random_begin();
	for (uint64_t run = 0; run < steps / RUN_STEPS; run++) {
		begin_run(&model, (unsigned int)run);
		for (model.step = 0; model.step < RUN_STEPS; model.step++)
			step(&model);
		end_run(&model);
	}
	assert_all_seen(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_million_random_steps_break_no_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

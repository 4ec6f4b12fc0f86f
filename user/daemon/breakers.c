/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Their life: made, configured anew, overridden, shown. What feeds them is in breakers_feed.c. */
#include "user/daemon/breakers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/daemon/breakers_internal.h"

/* ---------------------------------------------------------------------------------- made and freed */

static void free_upstream(struct breakers_upstream *upstream)
{
	if (!upstream)
		return;
	breaker_free(upstream->breaker);
	free(upstream->endpoint);
	free(upstream);
}

static void free_upstreams(struct breakers_upstream *upstream[WEIR_UPSTREAMS])
{
	for (size_t i = 0; i < WEIR_UPSTREAMS; i++) {
		free_upstream(upstream[i]);
		upstream[i] = NULL;
	}
}

static uint32_t number_of(const struct weir_state *names, const char *upstream, const char *name)
{
	for (uint32_t n = 0; n < WEIR_ENDPOINTS; n++)
		if (!strncmp(names->endpoint[n].upstream, upstream, WEIR_NAME) &&
		    !strncmp(names->endpoint[n].name, name, WEIR_ENDPOINT_NAME))
			return n;
	return WEIR_ENDPOINTS;
}

static bool is_forced(enum breaker_state state)
{
	return state == BREAKER_FORCED_OPEN || state == BREAKER_FORCED_CLOSED;
}

/* An endpoint with the counts it begins from, and its state of before. */
static void begin_endpoint(struct breakers_upstream *upstream, unsigned int i, bool reload,
			   uint64_t now_ns)
{
	struct breakers_endpoint *endpoint = &upstream->endpoint[i];
	struct breaker_view view;

	memcpy(endpoint->name, upstream->config->endpoint[i].name, sizeof(endpoint->name));
	endpoint->number =
		number_of(datapath_names(upstream->all->datapath), upstream->name, endpoint->name);
	endpoint->since_ns = now_ns;
	if (endpoint->number == WEIR_ENDPOINTS)
		return;
	breakers_count(upstream->all, endpoint->number, &endpoint->seen);
	breakers_recall(upstream, i, reload, now_ns);
	/* What is left of an override does not say when it was given, but since when it holds */
	breaker_view(upstream->breaker, i, &view);
	if (is_forced(view.state))
		endpoint->ordered_ns = endpoint->since_ns;
}

static struct breakers_upstream *new_upstream(struct breakers *breakers,
					      const struct config_upstream *config, uint64_t now_ns)
{
	struct breakers_upstream *upstream = calloc(1, sizeof(*upstream));
	uint64_t seed;

	if (!upstream)
		return NULL;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = now_ns;
	upstream->all = breakers;
	upstream->config = config;
	memcpy(upstream->name, config->name, sizeof(upstream->name));
	upstream->endpoints = (unsigned int)config->endpoints;
	upstream->endpoint = calloc(config->endpoints, sizeof(*upstream->endpoint));
	upstream->breaker = breaker_new(&config->breaker, upstream->endpoints, seed, now_ns,
					breakers_note, upstream);
	if (!upstream->endpoint || !upstream->breaker) {
		free_upstream(upstream);
		return NULL;
	}
	return upstream;
}

/* An upstream that has the same endpoints as before goes on with what it has counted. */
static bool same_endpoints(const struct breakers_upstream *old,
			   const struct config_upstream *config)
{
	if (strcmp(old->name, config->name) || old->endpoints != config->endpoints)
		return false;
	for (unsigned int i = 0; i < old->endpoints; i++)
		if (strcmp(old->endpoint[i].name, config->endpoint[i].name))
			return false;
	return true;
}

/* Where it is in breakers->upstream; NULL: nowhere */
static struct breakers_upstream **find_upstream(struct breakers *breakers, const char *name)
{
	for (size_t i = 0; i < WEIR_UPSTREAMS; i++)
		if (breakers->upstream[i] && !strcmp(breakers->upstream[i]->name, name))
			return &breakers->upstream[i];
	return NULL;
}

/* ---------------------------------------------------------------------------------- configuration */

static int make_upstreams(struct breakers *breakers, const struct config *config,
			  struct breakers_upstream *out[WEIR_UPSTREAMS])
{
	uint64_t now = clock_monotonic_ns();

	memset(out, 0, WEIR_UPSTREAMS * sizeof(out[0]));
	for (size_t i = 0; i < config->upstreams; i++) {
		out[i] = new_upstream(breakers, &config->upstream[i], now);
		if (!out[i]) {
			free_upstreams(out);
			return -ENOMEM;
		}
	}
	return 0;
}

/* What is there under the name goes on in place of *made, or gives it what it can. */
static void take_over(struct breakers *breakers, struct breakers_upstream **made,
		      const struct config_upstream *config, uint64_t now_ns)
{
	struct breakers_upstream **old = find_upstream(breakers, config->name);

	if (old && same_endpoints(*old, config)) {
		free_upstream(*made);
		*made = *old;
		*old = NULL;
		(*made)->config = config;
		breaker_configure((*made)->breaker, &config->breaker, now_ns);
		return;
	}
	if (old)
		memcpy((*made)->transitions, (*old)->transitions, sizeof((*made)->transitions));
	for (unsigned int i = 0; i < (*made)->endpoints; i++)
		begin_endpoint(*made, i, breakers->config, now_ns);
}

/* Notes whose each number is; what is nobody's any more lets everything through. */
static void own(struct breakers *breakers)
{
	bool had[WEIR_ENDPOINTS];

	for (uint32_t n = 0; n < WEIR_ENDPOINTS; n++)
		had[n] = breakers->owner[n].upstream;
	memset(breakers->owner, 0, sizeof(breakers->owner));
	for (size_t u = 0; u < breakers->upstreams; u++)
		for (unsigned int i = 0; i < breakers->upstream[u]->endpoints; i++) {
			uint32_t n = breakers->upstream[u]->endpoint[i].number;

			if (n == WEIR_ENDPOINTS)
				continue;
			breakers->owner[n].upstream = breakers->upstream[u];
			breakers->owner[n].endpoint = i;
		}
	for (uint32_t n = 0; n < WEIR_ENDPOINTS; n++)
		if (had[n] && !breakers->owner[n].upstream)
			breakers_let_go(breakers, n);
}

static void start_probes(struct breakers *breakers)
{
	struct probe_target target[WEIR_ENDPOINTS];
	size_t count = 0;
	int result;

	for (size_t u = 0; u < breakers->upstreams; u++) {
		const struct breakers_upstream *upstream = breakers->upstream[u];

		for (unsigned int i = 0; i < upstream->endpoints; i++)
			if (upstream->config->probe.type != PROBE_OFF)
				target[count++] = (struct probe_target){
					upstream->endpoint[i].number,
					&upstream->config->endpoint[i],
					&upstream->config->probe,
				};
	}
	result = probes_configure(breakers->probes, target, count);
	if (result)
		log_error("breakers", "cannot probe upstreams as configured now: %s",
			  strerror(-result));
}

int breakers_change(struct breakers *breakers, const struct config *config)
{
	struct breakers_upstream *made[WEIR_UPSTREAMS];
	uint64_t now = clock_monotonic_ns();
	int result = make_upstreams(breakers, config, made);

	if (result)
		return result;
	for (size_t i = 0; i < config->upstreams; i++)
		take_over(breakers, &made[i], &config->upstream[i], now);
	free_upstreams(breakers->upstream);
	config_unref(breakers->config);
	breakers->config = config_ref((struct config *)config);
	memcpy(breakers->upstream, made, sizeof(made));
	breakers->upstreams = config->upstreams;
	own(breakers);
	for (size_t i = 0; i < breakers->upstreams; i++)
		breakers_settle(breakers->upstream[i]);
	start_probes(breakers);
	breakers_on_timer(breakers);
	return 0;
}

/* What the pins hold of endpoints that nobody calls by their name any more: an earlier daemon's, of another file */
static void own_leftovers(struct breakers *breakers)
{
	const struct weir_state *names = datapath_names(breakers->datapath);

	for (uint32_t n = 0; n < WEIR_ENDPOINTS; n++)
		if (names->endpoint[n].name[0] && !breakers->owner[n].upstream)
			breakers_let_go(breakers, n);
}

struct breakers *breakers_new(struct datapath *datapath, const struct config *config,
			      struct feed *feed)
{
	struct breakers *breakers = calloc(1, sizeof(*breakers));

	if (!breakers)
		return NULL;
	breakers->datapath = datapath;
	breakers->feed = feed;
	breakers->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	breakers->probes = probes_new();
	if (breakers->timer < 0 || !breakers->probes || breakers_change(breakers, config)) {
		breakers_free(breakers);
		return NULL;
	}
	own_leftovers(breakers);
	return breakers;
}

void breakers_free(struct breakers *breakers)
{
	if (!breakers)
		return;
	probes_free(breakers->probes);
	cleanup_close(&breakers->timer);
	free_upstreams(breakers->upstream);
	config_unref(breakers->config);
	free(breakers);
}

int breakers_timer_fd(const struct breakers *breakers)
{
	return breakers->timer;
}

int breakers_probes_fd(const struct breakers *breakers)
{
	return probes_fd(breakers->probes);
}

/* -------------------------------------------------------------------------------------- overrides */

int breakers_action_parse(const char *word, enum breakers_action *out)
{
	static const char *const words[] = {"open", "close", "auto", "reset"};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word)) {
			*out = (enum breakers_action)i;
			return 0;
		}
	return -EINVAL;
}

struct override {
	enum breakers_action action;
	uint64_t until_ns;
	uint64_t given_ns; /* 0: now, and here */
};

/* What was done at the same time: this very order, or, within a millisecond, another one? */
static bool is_done(enum breaker_state state, enum breakers_action action)
{
	switch (action) {
	case BREAKERS_OPEN:
		return state == BREAKER_FORCED_OPEN;
	case BREAKERS_CLOSE:
		return state == BREAKER_FORCED_CLOSED;
	case BREAKERS_AUTO:
		return !is_forced(state);
	case BREAKERS_RESET:
		break;
	}
	return true;
}

/* Has somebody, or something, decided later? */
static bool is_outdated(const struct breakers_upstream *upstream, unsigned int number,
			const struct override *override)
{
	const struct breakers_endpoint *endpoint = &upstream->endpoint[number];
	struct breaker_view view;

	if (!override->given_ns)
		return false;
	breaker_view(upstream->breaker, number, &view);
	if (override->given_ns == endpoint->ordered_ns)
		return is_done(view.state, override->action);
	if (override->given_ns < endpoint->ordered_ns)
		return true;
	return override->action == BREAKERS_RESET && !is_forced(view.state) &&
	       endpoint->since_ns > override->given_ns;
}

static void override_one(struct breakers_upstream *upstream, unsigned int endpoint,
			 const struct override *override, uint64_t now_ns)
{
	struct breaker *breaker = upstream->breaker;

	switch (override->action) {
	case BREAKERS_OPEN:
	case BREAKERS_CLOSE:
		breaker_force(breaker, endpoint, override->action == BREAKERS_OPEN,
			      override->until_ns, now_ns);
		break;
	case BREAKERS_AUTO:
		breaker_auto(breaker, endpoint, now_ns);
		break;
	case BREAKERS_RESET:
		breaker_reset(breaker, endpoint, now_ns);
		break;
	}
	/* The clock of Redis may have gone back: nothing was given in the future */
	upstream->endpoint[endpoint].ordered_ns =
		override->given_ns && override->given_ns < now_ns ? override->given_ns : now_ns;
}

static int override_all(struct breakers *breakers, const char *name, const char *endpoint,
			struct override override)
{
	struct breakers_upstream **found = find_upstream(breakers, name), *upstream;
	uint64_t now = clock_monotonic_ns();
	const char *request;
	int meant = 0;

	if (!found)
		return -ENOENT;
	upstream = *found;
	for (unsigned int i = 0; i < upstream->endpoints; i++) {
		if (endpoint && strcmp(endpoint, upstream->endpoint[i].name))
			continue;
		if (!is_outdated(upstream, i, &override))
			override_one(upstream, i, &override, now);
		meant++;
	}
	breakers_settle(upstream);
	/* What falls due besides was not asked for */
	request = log_set_request(NULL);
	breakers_on_timer(breakers);
	log_set_request(request);
	return meant ? meant : -ENXIO;
}

int breakers_override(struct breakers *breakers, const char *upstream, const char *endpoint,
		      enum breakers_action action, uint64_t until_ns)
{
	return override_all(breakers, upstream, endpoint, (struct override){action, until_ns, 0});
}

int breakers_order(struct breakers *breakers, const char *upstream, const char *endpoint,
		   enum breakers_action action, uint64_t until_ns, uint64_t given_ns)
{
	return override_all(breakers, upstream, endpoint,
			    (struct override){action, until_ns, given_ns});
}

/* --------------------------------------------------------------------------------------- to be seen */

bool breakers_changed(struct breakers *breakers)
{
	bool changed = breakers->changed;

	breakers->changed = false;
	return changed;
}

static void show_endpoint(const struct breakers_upstream *upstream, unsigned int i,
			  struct snapshot_breaker *out)
{
	const struct breakers_endpoint *endpoint = &upstream->endpoint[i];
	struct breaker_view view;

	breaker_view(upstream->breaker, i, &view);
	*out = (struct snapshot_breaker){
		.state = view.state,
		.enforced = view.enforced,
		.reason = endpoint->reason,
		.held = view.held,
		.since_ns = endpoint->since_ns,
		.until_ns = view.state == BREAKER_OPEN ? view.figures.retry_ns
						       : view.figures.until_ns,
		.streak = view.figures.streak,
		.calls = view.figures.calls,
		.failures = view.figures.failures,
		.slow = view.figures.slow,
		.waiting_syns = endpoint->waiting_syns,
		.ejections = view.figures.ejections,
		.successes = view.successes,
		.probes_ok = endpoint->probes_ok,
		.probes_failed = endpoint->probes_failed,
	};
}

static void show_upstream(const struct breakers_upstream *upstream, struct snapshot_upstream *out)
{
	static const char *const modes[] = {"off", "enforce", "observe"};

	strcpy(out->breaker_mode, modes[upstream->config->breaker.mode]);
	out->probed = upstream->config->probe.type != PROBE_OFF;
	out->endpoints = upstream->endpoints;
	out->out = breaker_out(upstream->breaker);
	out->held = breaker_held(upstream->breaker);
	memcpy(out->transitions, upstream->transitions, sizeof(out->transitions));
}

void breakers_show(const struct breakers *breakers, struct snapshot *out)
{
	if (!breakers)
		return;
	out->breaker_reaction = breakers->reaction;
	for (size_t u = 0; u < breakers->upstreams; u++) {
		const struct breakers_upstream *upstream = breakers->upstream[u];

		for (unsigned int i = 0; i < upstream->endpoints; i++) {
			uint32_t n = upstream->endpoint[i].number;

			if (n == WEIR_ENDPOINTS)
				continue;
			show_endpoint(upstream, i, &out->endpoint[n].breaker);
			show_upstream(upstream, &out->upstream[out->endpoint[n].upstream]);
		}
	}
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the state machine to the kernel, and to whoever comes after. */
#include <string.h>

#include "bpf/core/compat.h"
#include "user/base/clock.h"
#include "user/daemon/breakers_internal.h"

static struct weir_breaker *kernels(const struct breakers *breakers, uint32_t number)
{
	struct weir_breaker *at = datapath_breakers(breakers->datapath).at;

	return at + number;
}

static bool is_forced(enum breaker_state state)
{
	return state == BREAKER_FORCED_OPEN || state == BREAKER_FORCED_CLOSED;
}

/* What is only observed is told to the kernel as well: it counts what it would have refused, WEIR_ENDPOINT_OBSERVE. */
static uint32_t gate_of(enum breaker_state state, const struct breaker_gate *gate)
{
	if (gate->verdict == BREAKER_PASS)
		return WEIR_GATE_PASS;
	if (gate->verdict == BREAKER_PERMIT)
		return WEIR_GATE_PERMITS;
	return is_forced(state) ? WEIR_GATE_FORCED : WEIR_GATE_REJECT;
}

/* The time goes first: a word with a new epoch speaks of it. */
static void write_gate(struct weir_breaker *to, uint32_t verdict, const struct breaker_gate *gate,
		       bool renew)
{
	u32 epoch = WEIR_GATE_EPOCH_OF(weir_read_once(to->word)) + 1;

	__atomic_store_n(&to->until_ns, gate->deadline_ns, __ATOMIC_RELEASE);
	if (renew)
		__atomic_store_n(&to->word, WEIR_GATE_WORD(epoch, gate->permits, verdict),
				 __ATOMIC_RELEASE);
}

/* The deadline alone does not bring new permits. */
static bool same_but_deadline(const struct breaker_gate *a, const struct breaker_gate *b)
{
	struct breaker_gate other = *b;

	other.deadline_ns = a->deadline_ns;
	return !memcmp(a, &other, sizeof(other));
}

static void write_saved(struct weir_breaker *to, const struct breakers_endpoint *endpoint,
			const struct breaker_saved *saved)
{
	to->ejections = saved->ejections;
	to->retry_ns = saved->retry_ns;
	to->forced_ns = saved->until_ns;
	to->since_ns = endpoint->since_ns;
	to->reason = (u8)endpoint->reason;
	to->state = saved->state;
}

/* Returns whether the gate has closed. */
static bool enforce(struct breakers_upstream *upstream, unsigned int number)
{
	struct breakers_endpoint *endpoint = &upstream->endpoint[number];
	struct weir_breaker *to = kernels(upstream->all, endpoint->number % WEIR_ENDPOINTS);
	struct breaker_saved saved;
	struct breaker_gate gate;
	bool closed = false;

	breaker_gate_of_state(upstream->breaker, number, &gate);
	breaker_save(upstream->breaker, number, &saved);
	if (endpoint->number == WEIR_ENDPOINTS)
		return false;
	if (memcmp(&gate, &endpoint->gate, sizeof(gate))) {
		bool renew = !same_but_deadline(&gate, &endpoint->gate);

		write_gate(to, gate_of((enum breaker_state)saved.state, &gate), &gate, renew);
		closed = renew && gate.verdict == BREAKER_REFUSE;
		endpoint->gate = gate;
	}
	write_saved(to, endpoint, &saved);
	return closed;
}

void breakers_settle_endpoint(struct breakers_upstream *upstream, unsigned int endpoint)
{
	struct breakers *breakers = upstream->all;

	if (enforce(upstream, endpoint) && breakers->outcome_ns)
		histogram_observe(&breakers->reaction, clock_seconds_since(breakers->outcome_ns));
	breakers_tell(breakers);
}

void breakers_settle(struct breakers_upstream *upstream)
{
	for (unsigned int i = 0; i < upstream->endpoints; i++)
		enforce(upstream, i);
	breakers_tell(upstream->all);
}

/* The epoch goes on: a packet that holds the word of before cannot take a permit by it. */
void breakers_let_go(struct breakers *breakers, uint32_t number)
{
	struct weir_breaker *to = kernels(breakers, number);
	const struct breaker_gate open = {.verdict = BREAKER_PASS};
	const struct breakers_endpoint nobody = {};
	const struct breaker_saved nothing = {};

	write_gate(to, WEIR_GATE_PASS, &open, true);
	write_saved(to, &nobody, &nothing);
}

void breakers_recall(struct breakers_upstream *upstream, unsigned int number, bool reload,
		     uint64_t now_ns)
{
	struct breakers *breakers = upstream->all;
	struct breakers_endpoint *endpoint = &upstream->endpoint[number];
	const struct weir_breaker left = *kernels(breakers, endpoint->number);
	const struct breaker_saved saved = {
		.state = left.state,
		.ejections = left.ejections,
		.retry_ns = left.retry_ns,
		.until_ns = left.forced_ns,
	};
	size_t newses = breakers->newses;
	struct breaker_view view;

	if (breaker_restore(upstream->breaker, number, &saved, now_ns))
		return;
	breaker_view(upstream->breaker, number, &view);
	if (view.state != saved.state || left.reason >= BREAKER_REASON_COUNT || !left.since_ns ||
	    left.since_ns > now_ns)
		return;
	endpoint->reason = (enum breaker_reason)left.reason;
	endpoint->since_ns = left.since_ns;
	if (reload && breakers->newses > newses) {
		upstream->transitions[view.state][BREAKER_BY_RESTORED]--;
		breakers->newses = newses;
	}
}

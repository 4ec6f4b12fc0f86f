/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's part of a circuit breaker (abi/breaker.h): asks the gate before a call begins, and tells the daemon at once what became of
 * it. The daemon decides; an endpoint without WEIR_ENDPOINT_BREAKER costs a look at its flags.
 */
#pragma once

#include "bpf/flow_maps.bpf.h"
#include "bpf/side.bpf.h"

weir_inline const struct weir_endpoint *weir_endpoint_at(const struct weir_side *side, u32 owner)
{
	u64 index = owner;

	weir_opaque(index);
	return &side->endpoint[index % WEIR_ENDPOINTS];
}

weir_inline struct weir_flow_sums *weir_my_flow_sums(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&weir_flow_sums, &zero);
}

/* ----------------------------------------------------------------------------------------- the gate */

enum weir_asks {
	WEIR_ASKS_CALL,	 /* a SYN, a datagram */
	WEIR_ASKS_GO_ON, /* any other segment of a connection */
};

/* What the gate says, and in the low 16 bits: of a SYN that took a permit, the low bits of its epoch */
enum weir_gate_says {
	WEIR_LET_PASS,
	WEIR_PERMITTED = 0x10000,
	WEIR_REJECT_CALL = 0x20000,
	WEIR_RESET_IT = 0x30000,
};
#define WEIR_GATE_SAYS(answer) ((answer)&0x30000)

/* Losing the compare-and-swap so often means that so many permits were taken meanwhile: then it rejects, to be on the safe side. */
#define WEIR_PERMIT_TRIES 16

/*
 * Takes a permit, if the gate still gives them. Returns the word that was decided by: with permits left, one of them is the
 * caller's.
 */
weir_inline u64 weir_take_permit(struct weir_breaker *breaker, u64 word)
{
	for (int try = 0; try < WEIR_PERMIT_TRIES; try++) {
		u64 found;

		if (WEIR_GATE_OF(word) != WEIR_GATE_PERMITS || !WEIR_GATE_PERMITS_OF(word))
			return word;
		found = weir_compare_and_swap(&breaker->word, word, word - (1 << 8));
		if (found == word)
			return word;
		word = found;
	}
	return WEIR_GATE_WORD(0, 0, WEIR_GATE_REJECT);
}

/* permit: WEIR_PERMITTED and epoch, of a SYN sent again whose call has taken one; else 0 */
weir_inline u32 weir_ask_for_permit(struct weir_breaker *breaker, u64 word, u32 permit)
{
	if (permit == (WEIR_PERMITTED | (u16)WEIR_GATE_EPOCH_OF(word)))
		return permit;
	word = weir_take_permit(breaker, word);
	if (WEIR_GATE_OF(word) == WEIR_GATE_PASS)
		return WEIR_LET_PASS;
	if (WEIR_GATE_OF(word) != WEIR_GATE_PERMITS || !WEIR_GATE_PERMITS_OF(word))
		return WEIR_REJECT_CALL;
	return WEIR_PERMITTED | (u16)WEIR_GATE_EPOCH_OF(word);
}

/*
 * What is done with a packet to endpoint `owner`, whose gate is not PASS; enum weir_gate_says. The two words that the daemon
 * writes are not one: it writes until_ns first, so a new word may for a moment be read with the time before, at worst a packet
 * passes that has come in the nanoseconds in which the gate closes.
 */
__noinline int weir_ask_gate(struct __sk_buff *skb, u32 active, u32 owner, u32 asks, u32 permit)
{
	const struct weir_side *side = weir_side_at(active);
	struct weir_breaker *breaker = bpf_map_lookup_elem(&weir_breaker, &owner);
	struct weir_calls *calls = bpf_map_lookup_elem(&weir_calls, &owner);
	u32 gate, answer = WEIR_REJECT_CALL;
	bool observed;
	u64 word;

	if (!skb || !side || !breaker || !calls)
		return WEIR_LET_PASS;
	word = weir_read_once(breaker->word);
	gate = WEIR_GATE_OF(word);
	observed = gate != WEIR_GATE_FORCED &&
		   weir_endpoint_at(side, owner)->flags & WEIR_ENDPOINT_OBSERVE;
	if (gate == WEIR_GATE_PASS || gate > WEIR_GATE_FORCED || skb->mark == WEIR_PROBE_MARK ||
	    bpf_ktime_get_ns() >= weir_read_once(breaker->until_ns))
		return WEIR_LET_PASS;
	if (asks == WEIR_ASKS_GO_ON)
		return gate == WEIR_GATE_PERMITS || observed ? WEIR_LET_PASS : WEIR_RESET_IT;
	if (gate == WEIR_GATE_PERMITS)
		answer = weir_ask_for_permit(breaker, word, permit);
	if (answer != WEIR_REJECT_CALL)
		return (int)answer;
	calls->rejected++;
	return observed ? WEIR_LET_PASS : WEIR_REJECT_CALL;
}

/* The same for any packet. `goes_on`: it begins no call; only WEIR_ENDPOINT_RESET has a question then. */
weir_inline u32 weir_pass_gate(struct __sk_buff *skb, const struct weir_side *side, u32 active,
			       u32 owner, bool goes_on, u32 permit)
{
	u32 flags = weir_endpoint_at(side, owner)->flags;
	const struct weir_breaker *breaker;

	if (weir_likely(!(flags & WEIR_ENDPOINT_BREAKER) ||
			(goes_on && !(flags & WEIR_ENDPOINT_RESET))))
		return WEIR_LET_PASS;
	breaker = bpf_map_lookup_elem(&weir_breaker, &owner);
	if (weir_likely(!breaker || WEIR_GATE_OF(weir_read_once(breaker->word)) == WEIR_GATE_PASS))
		return WEIR_LET_PASS;
	return (u32)weir_ask_gate(skb, active, owner, goes_on ? WEIR_ASKS_GO_ON : WEIR_ASKS_CALL,
				  permit);
}

/* ------------------------------------------------------------------------------------ what became of it */

/* By number of the result, a bit for each */
#define X(NAME, label, failure, help) | failure << WEIR_RESULT_##NAME
enum { WEIR_FAILURES = 0 WEIR_RESULTS(X) };
#undef X

weir_inline void weir_lost_outcome(void)
{
	struct weir_flow_sums *sums = weir_my_flow_sums();

	if (sums)
		sums->outcomes_lost++;
}

/* Into the ring. connected: or else result counts */
weir_inline void weir_tell_outcome(const struct weir_breaker *breaker, u32 owner, bool connected,
				   u32 result, u32 streak, u64 began_ns)
{
	struct weir_outcome *outcome = bpf_ringbuf_reserve(&weir_outcomes, sizeof(*outcome), 0);

	if (!outcome) {
		weir_lost_outcome();
		return;
	}
	*outcome = (struct weir_outcome){
		.time_ns = bpf_ktime_get_ns(),
		.began_ns = began_ns,
		.streak = streak,
		.endpoint = (u16)owner,
		.result = (u8)result,
		.connected = connected,
		.epoch = WEIR_GATE_EPOCH_OF(weir_read_once(breaker->word)),
	};
	bpf_ringbuf_submit(outcome, 0);
}

weir_inline bool weir_is_half_open(const struct weir_breaker *breaker)
{
	return WEIR_GATE_OF(weir_read_once(breaker->word)) == WEIR_GATE_PERMITS;
}

/*
 * A call to endpoint `owner`, which has a breaker, ended as `result`. began_ns: when it began; 0: not known. Of a success and a
 * failure at the same moment on two processors either may be the later one to the streak.
 */
__noinline int weir_tell_result(u32 owner, u32 result, u64 began_ns)
{
	struct weir_breaker *breaker = bpf_map_lookup_elem(&weir_breaker, &owner);
	u32 streak = 0;

	if (!breaker)
		return 0;
	if (WEIR_FAILURES >> (result % WEIR_RESULT_SLOTS) & 1)
		streak = __sync_fetch_and_add(&breaker->streak, 1) + 1;
	else if (weir_read_once(breaker->streak))
		weir_write_once(breaker->streak, 0);
	if (streak || weir_is_half_open(breaker))
		weir_tell_outcome(breaker, owner, false, result, streak, began_ns);
	return 0;
}

/* A handshake with it succeeded. Of interest while half-open only */
__noinline int weir_tell_connected(u32 owner, u64 began_ns)
{
	struct weir_breaker *breaker = bpf_map_lookup_elem(&weir_breaker, &owner);

	if (breaker && weir_is_half_open(breaker))
		weir_tell_outcome(breaker, owner, true, 0, weir_read_once(breaker->streak),
				  began_ns);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/scan.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/prefix.h"

/*
 * What an entry said at the last pass; low bits only, for there are as many of these as clients. A client that sends
 * 2^24 packets between two passes shows too few, and one newcomer in 2^16 is taken for who was there before:
 * one odd line in `weir top`, for a second.
 */
struct seen {
	uint64_t tag : 16, passed : 24, refused : 24;
};
_Static_assert(sizeof(struct seen) == 8, "one for each of a million entries");
#define SEEN_MASK 0xffffffU

struct scan {
	struct seen *seen;
	uint64_t last_ns;
};

struct scan *scan_new(uint32_t sets)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (scan)
		scan->seen = calloc((size_t)sets * WEIR_WAYS, sizeof(*scan->seen));
	if (scan && !scan->seen) {
		free(scan);
		scan = NULL;
	}
	return scan;
}

void scan_free(struct scan *scan)
{
	if (scan)
		free(scan->seen);
	free(scan);
}

/* Would one more unit be refused now, by any limit? */
static bool is_limited(const struct weir_client *client, const struct weir_side *side, uint64_t now)
{
	const struct weir_rule *rule = &side->rule[(client->service % WEIR_SERVICES) * WEIR_TIERS +
						   client->tier % WEIR_TIERS];

	for (unsigned int i = 0; i < rule->limits && i < WEIR_LIMITS; i++) {
		uint64_t cost = rule->limit[i].cost;

		if (rule->unit[i] == WEIR_UNIT_BYTES)
			cost = cost * 64 >> WEIR_BYTE_COST_SHIFT; /* the smallest frame */
		if (client->tat[i] > now && client->tat[i] + cost - now > rule->limit[i].burst)
			return true;
	}
	return false;
}

unsigned int scan_client_length(const struct weir_side *side, const uint8_t addr[16],
				uint8_t number)
{
	const struct weir_service *service = &side->service[number % WEIR_SERVICES];
	bool ipv6 = !prefix_is_ipv4(addr, 128);
	const u64 *mask = number & WEIR_CLIENT_PARENT ? service->parent_mask[ipv6]
						      : service->mask[ipv6];

	return (unsigned int)(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1]));
}

static void keep_busiest(struct snapshot *out, const struct snapshot_client *client)
{
	double rate = client->passed_rate + client->refused_rate;
	size_t at = out->tops;

	if (at == SNAPSHOT_TOP) {
		const struct snapshot_client *least = &out->top[--at];

		if (rate <= least->passed_rate + least->refused_rate)
			return;
	} else {
		out->tops++;
	}
	while (at && out->top[at - 1].passed_rate + out->top[at - 1].refused_rate < rate) {
		out->top[at] = out->top[at - 1];
		at--;
	}
	out->top[at] = *client;
}

static void look(struct seen *seen, uint32_t tag, const struct weir_client *client,
		 const struct scan_input *input, double seconds, struct snapshot *out)
{
	struct snapshot_service *service = &out->service[client->service % WEIR_SERVICES];
	uint32_t passed = client->passed, refused = client->refused;
	struct seen before = seen->tag == (tag & 0xffff) ? *seen : (struct seen){0};

	seen->tag = tag & 0xffff;
	seen->passed = passed & SEEN_MASK;
	seen->refused = refused & SEEN_MASK;
	if (!(client->service & WEIR_CLIENT_PARENT)) {
		service->clients++;
		if (is_limited(client, input->side, input->now_ns * WEIR_TICKS_PER_NS))
			service->clients_limited++;
	}
	passed = (passed - (uint32_t)before.passed) & SEEN_MASK;
	refused = (refused - (uint32_t)before.refused) & SEEN_MASK;
	if (passed || refused) {
		struct snapshot_client busy = {
			.length = (uint8_t)scan_client_length(
				input->side, (const uint8_t *)client->addr, client->service),
			.flags = client->flags,
			.parent = client->service & WEIR_CLIENT_PARENT,
			.watched = client->share,
			.service = client->service % WEIR_SERVICES,
			.tier = client->tier % WEIR_TIERS,
			.passed = client->passed,
			.refused = client->refused,
			.passed_rate = seconds > 0 ? passed / seconds : 0,
			.refused_rate = seconds > 0 ? refused / seconds : 0,
		};

		memcpy(busy.addr, client->addr, sizeof(busy.addr));
		keep_busiest(out, &busy);
	}
}

void scan_run(struct scan *scan, const struct scan_input *input, struct snapshot *out)
{
	double seconds = scan->last_ns ? (double)(input->now_ns - scan->last_ns) / 1e9 : 0;

	for (uint32_t s = 0; s < input->sets; s++) {
		const struct weir_client_set *set = &input->set[s];

		scan_pause(&input->pause, s, sizeof(*set));
		for (uint32_t way = 0; way < WEIR_WAYS; way++) {
			uint32_t tag = (uint32_t) * (const volatile u64 *)&set->slot[way];

			if (!tag)
				continue;
			out->table_entries++;
			look(&scan->seen[(size_t)s * WEIR_WAYS + way], tag, &set->way[way], input,
			     seconds, out);
		}
	}
	scan->last_ns = input->now_ns;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/prefixes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

/* What one source says of one prefix */
struct claim {
	struct weir_prefix_key key;
	enum { CLAIM_IPV4, CLAIM_TIER, CLAIM_ALLOW, CLAIM_DENY, CLAIM_BAN } kind;
	uint8_t tier;
	uint64_t until; /* ticks */
};

const struct weir_prefix_key key_ipv4 = {.length = 96, .addr = {[10] = 0xff, [11] = 0xff}};

int key_compare(const struct weir_prefix_key *a, const struct weir_prefix_key *b)
{
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

bool key_covers(const struct weir_prefix_key *outer, const struct weir_prefix_key *inner)
{
	uint32_t whole = outer->length / 8, rest = outer->length % 8;

	if (outer->length > inner->length || memcmp(outer->addr, inner->addr, whole))
		return false;
	return !rest || !((outer->addr[whole] ^ inner->addr[whole]) >> (8 - rest));
}

bool key_hides_ipv4(const struct weir_prefix_key *key)
{
	return key->length < key_ipv4.length && key_covers(key, &key_ipv4);
}

static int compare_claims(const void *a, const void *b)
{
	return key_compare(&((const struct claim *)a)->key, &((const struct claim *)b)->key);
}

static struct claim *claim(struct claim *at, const struct config_prefix *prefix)
{
	memset(at, 0, sizeof(*at));
	at->key.length = prefix->length;
	memcpy(at->key.addr, prefix->addr, sizeof(at->key.addr));
	return at;
}

static size_t collect(const struct config *config, const struct numbers *numbers,
		      const struct datapath_ban *bans, size_t count, struct claim *out)
{
	struct claim *at = out;

	for (size_t t = 0; t < config->tiers; t++)
		for (size_t i = 0; i < config->tier[t].prefixes.count; i++, at++) {
			claim(at, &config->tier[t].prefixes.at[i])->kind = CLAIM_TIER;
			at->tier = (uint8_t)numbers->tier[t];
		}
	for (size_t i = 0; i < config->allow.count; i++)
		claim(at++, &config->allow.at[i])->kind = CLAIM_ALLOW;
	for (size_t i = 0; i < config->deny.count; i++)
		claim(at++, &config->deny.at[i])->kind = CLAIM_DENY;
	for (size_t i = 0; i < count; i++, at++) {
		claim(at, &bans[i].prefix)->kind = CLAIM_BAN;
		at->until = bans[i].until_ns > UINT64_MAX / WEIR_TICKS_PER_NS
				    ? UINT64_MAX
				    : bans[i].until_ns * WEIR_TICKS_PER_NS;
	}
	for (size_t i = 0, claims = (size_t)(at - out); i < claims; i++)
		if (key_hides_ipv4(&out[i].key)) {
			*at++ = (struct claim){.key = key_ipv4, .kind = CLAIM_IPV4};
			break;
		}
	return (size_t)(at - out);
}

/* Lays a claim over what the covering prefixes said. */
static void lay(struct weir_prefix *value, const struct claim *claim)
{
	switch (claim->kind) {
	case CLAIM_IPV4: /* says nothing: it stands for what IPv4 does not inherit */
		break;
	case CLAIM_TIER:
		value->tier = claim->tier;
		break;
	case CLAIM_ALLOW:
		value->flags = (value->flags & ~WEIR_CLIENT_DENIED) | WEIR_CLIENT_UNLIMITED;
		break;
	case CLAIM_DENY:
		value->flags = (value->flags & ~WEIR_CLIENT_UNLIMITED) | WEIR_CLIENT_DENIED;
		break;
	case CLAIM_BAN:
		value->flags |= WEIR_CLIENT_BANNED;
		if (claim->until > value->ban_until)
			value->ban_until = claim->until;
		break;
	}
}

/*
 * Sorted claims -> entries. Walks them in order with the stack of prefixes that cover the current
 * one; there can be 129 of them, one for each length.
 */
static size_t resolve(const struct claim *claims, size_t count, struct prefix_entry *out)
{
	struct prefix_entry *stack[129];
	size_t depth = 0, entries = 0;

	for (size_t i = 0; i < count; i++) {
		while (depth && !key_covers(&stack[depth - 1]->key, &claims[i].key))
			depth--;
		if (!depth || key_compare(&stack[depth - 1]->key, &claims[i].key)) {
			struct prefix_entry *entry = &out[entries++];

			memset(entry, 0, sizeof(*entry));
			entry->key = claims[i].key;
			if (depth && key_compare(&entry->key, &key_ipv4))
				entry->value = stack[depth - 1]->value;
			stack[depth++] = entry;
		}
		lay(&stack[depth - 1]->value, &claims[i]);
	}
	return entries;
}

int prefixes_resolve(const struct config *config, const struct numbers *numbers,
		     const struct datapath_ban *bans, size_t count, struct prefix_list *out)
{
	size_t most = config->allow.count + config->deny.count + count;
	_cleanup_free_ struct claim *claims = NULL;
	struct prefix_entry *entries;

	for (size_t t = 0; t < config->tiers; t++)
		most += config->tier[t].prefixes.count;
	claims = calloc(most + 1, sizeof(*claims));
	entries = calloc(most + 1, sizeof(*entries));
	if (!claims || !entries) {
		free(entries);
		return -ENOMEM;
	}
	most = collect(config, numbers, bans, count, claims);
	qsort(claims, most, sizeof(*claims), compare_claims);
	out->count = resolve(claims, most, entries);
	out->at = entries;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bans: kept in a map of their own, so that the next daemon finds them, and resolved into the active
 * prefix trie. A change raises the epoch, so every client asks the trie once more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/prefix.h"
#include "user/datapath/internal.h"

/* The numbers of the applied configuration, found again by name */
static int resolve_active(struct datapath *datapath, struct datapath_error *error)
{
	int side = WEIR_SIDE(datapath->control->word), result;
	struct weir_side *active = &datapath->side[side];
	struct weir_state *copy;
	struct numbers numbers;

	if (datapath->bans_held)
		datapath->bans_noted = true;
	if (!datapath->config || datapath->bans_held)
		return 0;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return fail(error, -ENOMEM, "out of memory");
	*copy = *datapath->state;
	names_assign(copy, datapath->config, &numbers);
	free(copy);
	result = apply_prefixes(datapath, datapath->config, &numbers, side, error);
	if (result)
		return result;
	if (datapath->prefixes[side].count)
		__atomic_or_fetch(&active->flags, WEIR_SIDE_PREFIXES, __ATOMIC_SEQ_CST);
	bump_epoch(datapath, side);
	return 0;
}

static struct weir_prefix_key key_of(const struct config_prefix *prefix)
{
	struct weir_prefix_key key = {.length = prefix->length};

	memcpy(key.addr, prefix->addr, sizeof(key.addr));
	return key;
}

static struct datapath_ban *find_ban(struct datapath *datapath, const struct config_prefix *prefix)
{
	for (size_t i = 0; i < datapath->ban_count; i++)
		if (datapath->bans[i].prefix.length == prefix->length &&
		    !memcmp(datapath->bans[i].prefix.addr, prefix->addr, sizeof(prefix->addr)))
			return &datapath->bans[i];
	return NULL;
}

static struct datapath_ban *add_ban(struct datapath *datapath, const struct datapath_ban *ban)
{
	struct datapath_ban *grown =
		realloc(datapath->bans, (datapath->ban_count + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	datapath->bans = grown;
	grown[datapath->ban_count] = *ban;
	return &grown[datapath->ban_count++];
}

static void drop_ban(struct datapath *datapath, struct datapath_ban *ban)
{
	*ban = datapath->bans[--datapath->ban_count];
}

/* A client is the smallest thing that can be banned: the longest of the client prefixes. */
void datapath_widen(const struct datapath *datapath, struct config_prefix *prefix)
{
	const struct config *config = datapath->config;
	bool ipv4 = prefix_is_ipv4(prefix->addr, prefix->length);
	unsigned int shortest = 128;

	for (size_t s = 0; s < config->services; s++) {
		unsigned int length = ipv4 ? 96u + config->service[s].client_ipv4
					   : config->service[s].client_ipv6;

		shortest = length < shortest ? length : shortest;
	}
	if (prefix->length <= shortest)
		return;
	prefix->length = (uint8_t)shortest;
	prefix_cut(prefix->addr, shortest);
}

int datapath_ban(struct datapath *datapath, struct datapath_ban *ban, struct datapath_error *error)
{
	struct weir_ban value = {.until = ban->until_ns > UINT64_MAX / WEIR_TICKS_PER_NS
						  ? UINT64_MAX
						  : ban->until_ns * WEIR_TICKS_PER_NS,
				 .origin = ban->origin};
	struct datapath_ban *old, before = {};
	struct weir_prefix_key key;
	bool replaced;
	int result;

	datapath_widen(datapath, &ban->prefix);
	key = key_of(&ban->prefix);
	old = find_ban(datapath, &ban->prefix);
	replaced = old;
	if (bpf_map_update_elem(datapath->map[MAP_BAN], &key, &value, BPF_ANY))
		return fail(error, -errno, "the kernel does not take the ban: %s",
			    errno == E2BIG ? "there are 65536 already" : strerror(errno));
	if (old) {
		before = *old;
		*old = *ban;
	} else if (!(old = add_ban(datapath, ban))) {
		bpf_map_delete_elem(datapath->map[MAP_BAN], &key);
		return fail(error, -ENOMEM, "out of memory");
	}
	result = resolve_active(datapath, error);
	if (result) {
		bpf_map_delete_elem(datapath->map[MAP_BAN], &key);
		if (replaced)
			*old = before;
		else
			drop_ban(datapath, old);
		return result;
	}
	datapath->bans_total[ban->origin]++;
	return replaced;
}

int datapath_unban(struct datapath *datapath, struct config_prefix *prefix,
		   struct datapath_error *error)
{
	struct weir_prefix_key key;
	struct datapath_ban *ban = find_ban(datapath, prefix);

	if (!ban) {
		datapath_widen(datapath, prefix);
		ban = find_ban(datapath, prefix);
	}
	if (!ban)
		return fail(error, -ENOENT, "no such ban; `weir bans` lists them");
	key = key_of(prefix);
	bpf_map_delete_elem(datapath->map[MAP_BAN], &key);
	drop_ban(datapath, ban);
	return resolve_active(datapath, error);
}

void datapath_hold_bans(struct datapath *datapath)
{
	datapath->bans_held = true;
	datapath->bans_noted = false;
}

int datapath_settle_bans(struct datapath *datapath, struct datapath_error *error)
{
	datapath->bans_held = false;
	return datapath->bans_noted ? resolve_active(datapath, error) : 0;
}

size_t datapath_bans(struct datapath *datapath, const struct datapath_ban **bans)
{
	*bans = datapath->bans;
	return datapath->ban_count;
}

int datapath_expire_bans(struct datapath *datapath, uint64_t now_ns)
{
	struct datapath_error error;
	int ended = 0;

	for (size_t i = 0; i < datapath->ban_count;) {
		struct weir_prefix_key key = key_of(&datapath->bans[i].prefix);

		if (datapath->bans[i].until_ns > now_ns) {
			i++;
			continue;
		}
		bpf_map_delete_elem(datapath->map[MAP_BAN], &key);
		drop_ban(datapath, &datapath->bans[i]);
		ended++;
	}
	if (ended)
		resolve_active(datapath, &error);
	return ended;
}

/* The bans an earlier daemon left */
int bans_adopt(struct datapath *datapath, struct datapath_error *error)
{
	struct weir_prefix_key key, *from = NULL;
	struct weir_ban value;

	while (!bpf_map_get_next_key(datapath->map[MAP_BAN], from, &key)) {
		struct datapath_ban ban = {.prefix.length = (uint8_t)key.length};

		from = &key;
		if (bpf_map_lookup_elem(datapath->map[MAP_BAN], &key, &value))
			continue;
		memcpy(ban.prefix.addr, key.addr, sizeof(key.addr));
		ban.until_ns = value.until == UINT64_MAX ? UINT64_MAX
							 : value.until / WEIR_TICKS_PER_NS;
		ban.origin = value.origin < WEIR_BAN_ORIGINS ? value.origin : WEIR_BAN_MANUAL;
		if (!add_ban(datapath, &ban))
			return fail(error, -ENOMEM, "out of memory");
	}
	return 0;
}

uint64_t datapath_bans_total(const struct datapath *datapath, enum weir_ban_origin origin)
{
	return datapath->bans_total[origin];
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The addresses of endpoints in the kernel: brought from what they are to what they shall be entry by entry,
 * so that calls to an address that stays are counted without a gap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/datapath/telemetry.h"

struct entry {
	struct weir_endpoint_key key;
	u32 number;
	size_t order; /* as it was asked for: the first of two wins */
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(&((const struct entry *)a)->key, &((const struct entry *)b)->key,
		      sizeof(struct weir_endpoint_key));
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_keys(a, b);

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* The keys in the map into *out, at most `size`: what is deleted while one walks would lead astray. */
static size_t held_keys(const struct datapath *datapath, struct weir_endpoint_key *out, size_t size)
{
	const struct weir_endpoint_key *from = NULL;
	size_t count = 0;

	while (count < size &&
	       !bpf_map_get_next_key(datapath->map[MAP_ENDPOINTS], from, &out[count]))
		from = &out[count++];
	return count;
}

/* ------------------------------------------------------------------------------------- what shall be */

static int make_entry(const struct datapath *datapath, const struct datapath_address *address,
		      size_t order, struct entry *out)
{
	const struct config *config = datapath->config;
	const struct config_upstream *upstream;
	const struct config_endpoint *endpoint;

	if (!config || address->upstream >= config->upstreams ||
	    address->endpoint >= config->upstream[address->upstream].endpoints)
		return -EINVAL;
	upstream = &config->upstream[address->upstream];
	endpoint = &upstream->endpoint[address->endpoint];
	*out = (struct entry){
		.key = {.port = endpoint->port, .protocol = upstream->protocol},
		.number = names_endpoint(datapath->state, upstream->name, endpoint->name),
		.order = order,
	};
	memcpy(out->key.addr, address->addr, sizeof(out->key.addr));
	return out->number < WEIR_ENDPOINTS ? 0 : -EINVAL;
}

/* Sorted by key, each key once: that of the first who claims it. Returns how many are left. */
static size_t sort_out(struct entry *entries, size_t count)
{
	size_t kept = 0;

	qsort(entries, count, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < count; i++)
		if (!kept || compare_keys(&entries[kept - 1], &entries[i]))
			entries[kept++] = entries[i];
	return kept;
}

/* --------------------------------------------------------------------------------------- writing it */

/* What goes makes room for what comes. */
static int write_entries(struct datapath *datapath, const struct entry *entries, size_t count,
			 struct weir_endpoint_key *held)
{
	int fd = datapath->map[MAP_ENDPOINTS];
	size_t helds = held_keys(datapath, held, WEIR_ADDRESSES);
	u32 number;

	for (size_t i = 0; i < helds; i++) {
		const struct entry wanted = {.key = held[i]};

		if (!bsearch(&wanted, entries, count, sizeof(*entries), compare_keys) &&
		    bpf_map_delete_elem(fd, &held[i]) && errno != ENOENT)
			return -errno;
	}
	for (size_t i = 0; i < count; i++)
		if ((bpf_map_lookup_elem(fd, &entries[i].key, &number) ||
		     number != entries[i].number) &&
		    bpf_map_update_elem(fd, &entries[i].key, &entries[i].number, BPF_ANY))
			return -errno;
	return 0;
}

int datapath_addresses(struct datapath *datapath, const struct datapath_address *address,
		       size_t count, struct datapath_error *error)
{
	_cleanup_free_ struct entry *entries = calloc(count + 1, sizeof(*entries));
	_cleanup_free_ struct weir_endpoint_key *held = calloc(WEIR_ADDRESSES, sizeof(*held));
	int result = 0;

	if (!entries || !held)
		return fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; !result && i < count; i++)
		result = make_entry(datapath, &address[i], i, &entries[i]);
	if (result)
		return fail(error, result, "an address is of no endpoint that was applied");
	count = sort_out(entries, count);
	if (count > WEIR_ADDRESSES)
		return fail(error, -ENOSPC,
			    "the endpoints of all upstreams have %zu addresses, more than the %d "
			    "there is room for; name fewer of them",
			    count, WEIR_ADDRESSES);
	result = write_entries(datapath, entries, count, held);
	if (result)
		return fail(error, result, "writing %zu addresses to the kernel: %s", count,
			    strerror(-result));
	return 0;
}

int addresses_forget(struct datapath *datapath, const bool endpoint[WEIR_ENDPOINTS])
{
	_cleanup_free_ struct weir_endpoint_key *held = NULL;
	int fd = datapath->map[MAP_ENDPOINTS];
	bool any = false;
	size_t helds;
	u32 number;

	for (size_t i = 0; i < WEIR_ENDPOINTS; i++)
		any |= endpoint[i];
	if (!any)
		return 0;
	held = calloc(WEIR_ADDRESSES, sizeof(*held));
	if (!held)
		return -ENOMEM;
	helds = held_keys(datapath, held, WEIR_ADDRESSES);
	for (size_t i = 0; i < helds; i++)
		if (!bpf_map_lookup_elem(fd, &held[i], &number) &&
		    (number >= WEIR_ENDPOINTS || endpoint[number]) &&
		    bpf_map_delete_elem(fd, &held[i]) && errno != ENOENT)
			return -errno;
	return 0;
}

/* ---------------------------------------------------------------------------------------- reading it */

/* The endpoint of the applied configuration that has this number and key; false: none */
static bool find_endpoint(const struct datapath *datapath, const struct weir_endpoint_key *key,
			  u32 number, struct datapath_address *out)
{
	const struct config *config = datapath->config;

	for (size_t u = 0; config && u < config->upstreams; u++) {
		const struct config_upstream *upstream = &config->upstream[u];

		for (size_t e = 0; e < upstream->endpoints; e++) {
			if (upstream->protocol != key->protocol ||
			    upstream->endpoint[e].port != key->port ||
			    names_endpoint(datapath->state, upstream->name,
					   upstream->endpoint[e].name) != number)
				continue;
			*out = (struct datapath_address){.upstream = (u16)u, .endpoint = (u16)e};
			memcpy(out->addr, key->addr, sizeof(out->addr));
			return true;
		}
	}
	return false;
}

size_t datapath_addresses_held(const struct datapath *datapath, struct datapath_address *out,
			       size_t size)
{
	_cleanup_free_ struct weir_endpoint_key *held = calloc(WEIR_ADDRESSES, sizeof(*held));
	size_t helds = held ? held_keys(datapath, held, WEIR_ADDRESSES) : 0, count = 0;
	u32 number;

	for (size_t i = 0; i < helds && count < size; i++)
		if (!bpf_map_lookup_elem(datapath->map[MAP_ENDPOINTS], &held[i], &number) &&
		    find_endpoint(datapath, &held[i], number, &out[count]))
			count++;
	return count;
}

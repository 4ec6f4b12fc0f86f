/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Readers of what is Weir's own: the functions that the tables in fields.c name. Each takes the value
 * at `node` into `into`; see struct field in schema.h.
 */
#pragma once

#include "user/config/schema.h"

/* The shortest half_open_timeout there is */
#define BREAKER_TIMEOUT_MIN_NS 100000000ULL

#define READER(name)                                                                        \
	int name(struct reader *reader, const struct field *field, const struct node *node, \
		 void *into)

/* read_value.c: one value */
READER(read_interface_name);
READER(read_log_level);
READER(read_listen);
READER(read_path);
READER(read_node_name);
READER(read_new_clients);
READER(read_prefixes);
READER(read_match);	/* into struct config_service */
READER(read_protected); /* into struct config */
READER(read_buckets);	/* likewise */

/* read_limit.c */
READER(read_limits);	   /* into struct config_service */
READER(read_group_limits); /* likewise */
/* into struct limit_draft */
READER(read_limit_rate);
READER(read_limit_unit);
READER(read_limit_burst);
READER(read_limit_scope);
READER(read_limit_on_outage);

/* read_list.c: lists of named things, into struct config */
READER(read_interfaces);
READER(read_tiers);
READER(read_services);

/* read_upstream.c */
READER(read_protocol);
READER(read_endpoints); /* into struct config_upstream */
READER(read_upstreams); /* into struct config */

/* read_breaker.c, into struct config_breaker or one of its members */
READER(read_breaker);
READER(read_success_rate);
READER(read_percent); /* into a uint32_t, parts of 10,000; `off` is 0 where field->min is */
READER(read_factor);  /* into a uint32_t, thousandths */

/* read_probe.c, into struct config_probe or one of its members */
READER(read_probe);
READER(read_probe_path);
READER(read_probe_status); /* into struct config_probe */

/* read_cluster.c, into struct config_cluster or one of its members */
READER(read_cluster); /* into struct config */
READER(read_redis);
READER(read_redis_prefix);
READER(read_secret);
READER(read_tls);

#undef READER

/* The words of on_outage, as choices of a field */
#define OUTAGE_CHOICE(name, word) word "|"
#define OUTAGE_CHOICES OUTAGES(OUTAGE_CHOICE)

/* What of a breaker is wrong once all its upstream has been read, and defaults that lean on it; `node`: the upstream */
int finish_breaker(struct reader *reader, const struct node *node,
		   struct config_upstream *upstream);
/* Refuses breakers where nothing is measured: they would never open. */
int check_breakers(struct reader *reader);

/* Refuses the name of `node`, a mapping, which `first` has as well. */
int named_twice(struct reader *reader, const struct node *node, const struct node *first,
		const char *name);

/* The same of a probe */
int finish_probe(struct reader *reader, const struct node *node, struct config_upstream *upstream);

/* The map form of a limit while it is read: what its burst means depends on its unit */
struct limit_draft {
	struct config_limit limit;
	const struct node *rate;
	const struct node *burst;
	const struct node *scope;
	const struct node *on_outage;
	bool bytes; /* the rate was written in bytes */
};

/* A service's new_clients before it has a default */
#define NEW_CLIENTS_UNSET UINT64_MAX
/* A parent prefix before it has a default */
#define PARENT_UNSET UINT8_MAX

extern const struct field interface_fields[];
extern const struct field tier_fields[];
extern const struct field service_fields[];
extern const struct field limit_fields[];
extern const struct field upstream_fields[];
extern const struct field breaker_fields[];
extern const struct field probe_fields[];
extern const struct field cluster_fields[];
extern const struct field tls_fields[];

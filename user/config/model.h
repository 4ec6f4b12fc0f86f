/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The configuration as a model: what a file says, checked, defaults filled in, nothing of the kernel
 * in it. config_load() makes one from a file, config_default() one for `weir run -i IFACE`; then it is never
 * changed (readers on other threads share it by reference, see config_ref). Numbers are exact integers.
 */
#pragma once

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/abi/config.h"
#include "user/base/outage.h"
#include "user/base/prefix.h"

enum config_attach { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC, ATTACH_TC };

struct config_interface {
	char name[IFNAMSIZ];
	enum config_attach attach;
};

/* An address range, cut to its length. IPv4 as ::ffff:a.b.c.d, its length 96 longer. Wire order. */
struct config_prefix {
	uint8_t addr[16];
	uint8_t length; /* 0 .. 128 */
};

struct config_prefixes {
	struct config_prefix *at;
	size_t count;
};

/* amount units in each period_ns, and burst units at once. All at least 1. */
struct config_limit {
	enum weir_unit unit;
	uint64_t amount;
	uint64_t period_ns;    /* 1 s, 1 min, 1 h or 1 day */
	uint64_t burst;	       /* default: amount */
	bool cluster;	       /* scope: node | cluster, all nodes together */
	enum outage on_outage; /* of a cluster limit; default cluster.on_outage */
};

struct config_rule {
	struct config_limit limit[WEIR_LIMITS];
	size_t limits;
	struct config_limit group[WEIR_LIMITS];
	size_t groups;
};

struct config_tier {
	char name[WEIR_NAME];
	struct config_prefixes prefixes;
	bool unlimited;
};

/* Bounds that only keep a mistake or a hostile file from costing time or kernel memory */
#define CONFIG_MATCHES_MAX 1024	     /* entries of one `match` and of `protected_ports` */
#define CONFIG_DESTINATIONS_MAX 4096 /* of all services: the kernel keeps 256 bytes for each */

/* What a service matches: ports first..last of TCP or UDP, or an IP protocol as a whole */
struct config_match {
	uint8_t protocol; /* 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6, ... */
	uint16_t first;	  /* host order; for TCP and UDP, else 0 */
	uint16_t last;
};

struct config_service {
	char name[WEIR_NAME];
	struct config_match *match;
	size_t matches;
	struct config_prefixes destinations; /* empty: any */
	bool observe;			     /* mode: enforce | observe */
	bool reject;			     /* on_limit: drop | reject */
	uint8_t client_ipv4, client_ipv6;    /* prefix lengths, default 32 and 64 */
	uint8_t parent_ipv4, parent_ipv6;    /* default 24 and 48, never longer than the client's */
	uint64_t new_clients; /* a second; default a tenth of the table; 0: no guard */
	bool latency; /* follow its flows; default: yes, if `match` names TCP or UDP ports, and for `other` */
	struct config_rule rule[WEIR_TIERS]; /* by index into config.tier */
};

/* HOST:PORT of an upstream. One endpoint, however many addresses the name has */
struct config_endpoint {
	char name[WEIR_ENDPOINT_NAME]; /* as configured, "10.1.2.3:8443", "[2001:db8::1]:53", "api.example:443" */
	char host[WEIR_ENDPOINT_NAME]; /* without brackets and port */
	uint16_t port;		       /* host order */
	bool numeric;		       /* host is an address: addr */
	uint8_t addr[16];	       /* wire order; IPv4 as ::ffff:a.b.c.d */
};

enum config_breaker_mode { BREAKER_OFF, BREAKER_ENFORCE, BREAKER_OBSERVE };

/* A ratio of 100 %: ratios are exact, in parts of 10,000 */
#define CONFIG_RATIO 10000u

/*
 * When the circuit breakers of an upstream open, and how they recover (docs/breakers.md). A zero in a condition
 * switches it off. Durations at least 1.
 */
struct config_breaker {
	enum config_breaker_mode mode; /* default: enforce if there is a `breaker`, else off */
	uint32_t consecutive_failures; /* default 5 */
	uint32_t failure_ratio;	       /* ratio, default 50 % */
	uint32_t slow_ratio;	       /* ratio, default 0 */
	uint32_t min_calls;	       /* in the window, before a ratio counts; default 20 */
	uint64_t window_ns;	       /* the sliding window, in ten parts; default 10 s */
	uint32_t max_connections;      /* default 0 */
	uint32_t saturation;	       /* ratio of max_connections, default 85 % */
	uint32_t waiting_syns;	       /* default 0 */
	uint32_t stdev_factor;	       /* thousandths, default 0; with `success_rate` 1900 */
	uint32_t minimum_endpoints;    /* of success_rate; default 5 */
	uint32_t request_volume;       /* likewise; default 100 */
	uint64_t recovery_ns;	       /* times the ejections so far; default 30 s */
	uint64_t recovery_max_ns;      /* at least recovery_ns; default 300 s */
	uint32_t jitter;	       /* ratio, either way; default 50 % */
	uint32_t half_open_permits;    /* at least 1; default 3 */
	uint32_t half_open_successes;  /* likewise */
	uint64_t half_open_timeout_ns; /* default connect_timeout and answer_timeout */
	uint32_t max_ejection_percent; /* of endpoints, 1 .. 100; default 50 */
	bool eject_last;
	bool reset; /* on_open: reject new calls | reset, established connections too */
};

enum config_probe_type { PROBE_OFF, PROBE_TCP, PROBE_HTTP };
#define CONFIG_PROBE_PATH 256 /* bytes of a probe's path, with its terminating zero */

/* Asking an endpoint, now and then, whether it works */
struct config_probe {
	enum config_probe_type
		type;	      /* default: http if there is a path, else tcp; without `probe` off */
	uint64_t interval_ns; /* default 5 s */
	uint64_t timeout_ns;  /* default 1 s */
	uint32_t jitter;      /* ratio, either way; default 10 % */
	char path[CONFIG_PROBE_PATH];	    /* default "/" */
	uint16_t expect_first, expect_last; /* status; default 200 .. 399 */
};

/* Something this host calls */
struct config_upstream {
	char name[WEIR_NAME];
	struct config_endpoint *endpoint;
	size_t endpoints;
	uint8_t protocol;	     /* 6 TCP (default), 17 UDP */
	bool http;		     /* read the status of HTTP/1 answers */
	uint64_t slow_ns;	     /* default 1 s */
	uint64_t connect_timeout_ns; /* default 3 s */
	uint64_t answer_timeout_ns;  /* default 30 s */
	struct config_breaker breaker;
	struct config_probe probe;
};

enum config_redis_kind { REDIS_SINGLE, REDIS_SENTINEL, REDIS_CLUSTER };

/*
 * Where Redis is, from one URL:
 *   redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]    rediss://... the same by TLS
 *   unix://[USER[:PASSWORD]@]/PATH[?db=N]
 *   redis-sentinel://[USER[:PASSWORD]@]HOST[:PORT],HOST[:PORT].../MASTER[/DATABASE]   port 26379
 *   redis-cluster://[USER[:PASSWORD]@]HOST[:PORT],HOST[:PORT]...
 * rediss-sentinel:// and rediss-cluster:// by TLS. %XX in user and password; ":PASSWORD@" has no user.
 */
struct config_redis {
	enum config_redis_kind kind;
	struct config_endpoint
		*address; /* of Redis, of the sentinels, or of nodes of the cluster; none: path */
	size_t addresses;
	char *path;	   /* unix socket; NULL: none */
	char *master;	   /* of the sentinels; NULL: none */
	uint32_t database; /* 0 .. 65535 */
	bool tls;
	char *user;	/* ACL user; NULL: the default one */
	char *password; /* NULL: none. Never in a log, an error or an answer */
	char *password_file; /* cluster.password_file, read at each connection, for passwords that change; NULL: none */
	char *tls_ca, *tls_cert,
		*tls_key; /* paths; NULL: the system's authorities, no certificate of ours */
	char *shown;	  /* the URL without its password: for people */
};

/* Quotas over several nodes (docs/cluster.md). All nodes must say the same, but for redis.user and passwords */
#define CONFIG_CLUSTER_PREFIX 64
struct config_cluster {
	bool enabled; /* there is a `cluster` */
	struct config_redis redis;
	uint64_t interval_ns;		    /* of a round, 50 ms .. 5 s, default 100 ms */
	enum outage on_outage;		    /* of limits that say nothing, default share */
	char prefix[CONFIG_CLUSTER_PREFIX]; /* of all keys, default "weir" */
	uint32_t hot_clients; /* reported in a round at most, 1 .. 1000, default 500 */
	/* What addresses in Redis are hashed and bans are encrypted with. Neither: one that the nodes share through Redis */
	char *secret;	   /* at least 16 characters; never in a log, an error or an answer */
	char *secret_file; /* read at the start and at a reload */
};

enum config_log_format { LOG_AUTO, LOG_TEXT, LOG_JSON };

struct config {
	atomic_int refs;
	char *path; /* where it was read from; NULL: defaults */
	struct config_interface interface[WEIR_INTERFACES];
	size_t interfaces;
	struct config_tier tier[WEIR_TIERS]; /* [0] is the default tier */
	size_t tiers;
	struct config_service service[WEIR_SERVICES]; /* [0] is `other`, always there */
	size_t services;
	struct config_prefixes deny;	/* dropped whatever the service */
	struct config_prefixes allow;	/* never limited, whatever the tier */
	struct config_match *protected; /* default tcp/22; an explicit empty list protects nothing */
	size_t protecteds;
	char *http_listen; /* address:port, default 127.0.0.1:9464; NULL: none (listen: off) */
	char *admin;	   /* unix socket path, default /run/weir/weir.sock */
	struct config_upstream *upstream;
	size_t upstreams;
	struct config_cluster cluster;
	bool latency;			 /* follow flows at all: latency: {enabled: true} */
	uint64_t bucket_ns[WEIR_LE_MAX]; /* latency: {buckets: [...]}, ascending: the `le` of /metrics */
	size_t buckets;
	uint64_t flows;	  /* entries of the flow table, a multiple of WEIR_WAYS, default 131072 */
	uint64_t clients; /* entries of the client table, a multiple of WEIR_WAYS, default 1048576 */
	char *node;	  /* default: the host's name */
	char *pins;	  /* default /sys/fs/bpf/weir */
	bool keep_on_exit; /* on_exit: detach | keep */
	enum config_log_format log_format;
	int log_level; /* syslog priority, default LOG_INFO (6) */
};

/*
 * Where and why a file was refused, one line, ready to print:
 *   FILE:LINE: FIELD: WHAT IS WRONG; expected WHAT (for example ...)
 */
struct config_error {
	char text[512];
};

/* 0 and *out; or -errno (-EINVAL for the text, else of reading it) and *error, *out untouched. No privileges needed. */
int config_load(const char *path, struct config **out, struct config_error *error);

/* The same from memory; `name` stands for the file in messages. For tests and the fuzzer. */
int config_parse(const char *name, const char *text, size_t length, struct config **out,
		 struct config_error *error);

/* For `weir run -i IFACE`: every service observed, nothing refused, but example limits counted. path is NULL. */
int config_default(const char *const *interfaces, size_t count, struct config **out,
		   struct config_error *error);

/*
 * A limit of a checked configuration as the kernel wants it, cost rounded up, burst a multiple of it. The only
 * place where units become ticks (ticks.c), so that what a check lets pass and what is applied are one arithmetic.
 */
void config_limit_ticks(const struct config_limit *limit, struct weir_limit *out);

/*
 * An even share of it, R/N and B/N; and any share, units/s and units. Bent to what the kernel can do: at least one unit a year, or 256 bytes
 * a second; a burst of at least one unit, or one full frame, and at most a year. A rate that is not above 0 lets nothing pass: burst 0.
 */
void config_even_ticks(const struct config_limit *limit, uint32_t nodes, struct weir_limit *out);
void config_share_ticks(enum weir_unit unit, double rate, double burst, struct weir_limit *out);

/* Every default of a `breaker` that says nothing; half_open_timeout_ns as with the default timeouts. */
void config_breaker_default(struct config_breaker *out);

/* Likewise of a `probe`, type off */
void config_probe_default(struct config_probe *out);

/* Shared by reference; the last unref frees. NULL is allowed. */
struct config *config_ref(struct config *config);
void config_unref(struct config *config);

/* As a file that config_parse() reads back to an equal model. For `weir check --print` and tests */
int config_print(const struct config *config, FILE *out);

/*
 * "203.0.113.0/24", "2001:db8::1": 0 or -EINVAL with *out untouched. Host bits beyond the length are an
 * error, and so is an IPv4-mapped address. An IPv6 prefix that takes in ::ffff:0:0/96 (::/0 does) says
 * nothing of IPv4 all the same.
 */
int config_parse_prefix(const char *text, struct config_prefix *out);

/* Inverse; the buffer needs PREFIX_TEXT bytes. A whole address is printed without its length. */
const char *config_format_prefix(const struct config_prefix *prefix, char *buffer, size_t size);

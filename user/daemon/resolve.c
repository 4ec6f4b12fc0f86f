// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"

#define INTERVAL_SECONDS 30
/* A name whose servers are silent takes 10 s or more (resolv.conf(5): timeout, attempts). */
#define WORKERS 4

struct addresses {
	uint8_t (*at)[16]; /* sorted, each once */
	size_t count;
};

/* A host that is a name; several endpoints may have it. */
struct name {
	char host[WEIR_ENDPOINT_NAME];
	struct addresses known;
	bool failing;	   /* the last look-up failed */
	uint64_t asked;	   /* in this round a worker took it */
	uint64_t answered; /* the answer is of this round */
};

/* Shared by the control thread and the workers, who may outlive it in a look-up: the last one frees. */
struct resolve {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a round begins or ends, or it is over */
	int fd;
	unsigned int users;
	unsigned int workers;
	bool stop;
	uint64_t round; /* grows every 30 s, and with each configuration */
	struct timespec next_round;
	struct name *name;
	size_t names;
	struct config *config; /* the control thread's alone */
};

/* ---------------------------------------------------------------------------------------- looking up */

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void add_address(struct addresses *out, const struct sockaddr *address)
{
	uint8_t *to = out->at[out->count];

	if (address->sa_family == AF_INET6) {
		memcpy(to, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
		out->count++;
	} else if (address->sa_family == AF_INET) {
		memset(to, 0, 10);
		memset(to + 10, 0xff, 2);
		memcpy(to + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
		out->count++;
	}
}

/* Sorted, since name servers shuffle them: the same addresses in another order are no change. */
static int collect(const struct addrinfo *list, struct addresses *out)
{
	struct addresses found = {};
	size_t kept = 0, most = 0;

	for (const struct addrinfo *at = list; at; at = at->ai_next)
		most++;
	found.at = calloc(most + 1, sizeof(*found.at));
	if (!found.at)
		return EAI_MEMORY;
	for (const struct addrinfo *at = list; at; at = at->ai_next)
		add_address(&found, at->ai_addr);
	qsort(found.at, found.count, sizeof(*found.at), compare_addresses);
	for (size_t i = 0; i < found.count; i++)
		if (!kept || memcmp(found.at[kept - 1], found.at[i], 16))
			memmove(found.at[kept++], found.at[i], 16);
	found.count = kept;
	*out = found;
	return 0;
}

/* 0 and *out, or the reason why not */
static const char *look_up(const char *host, struct addresses *out)
{
	/* Of one socket type, or each address would be there three times */
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int result = getaddrinfo(host, NULL, &hints, &list), error = errno;

	if (!result) {
		result = collect(list, out);
		freeaddrinfo(list);
	}
	return !result ? NULL : result == EAI_SYSTEM ? strerror(error) : gai_strerror(result);
}

/* ------------------------------------------------------------------------------------ under the lock */

static struct name *find_name(struct name *names, size_t count, const char *host)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(names[i].host, host))
			return &names[i];
	return NULL;
}

static bool same_addresses(const struct addresses *a, const struct addresses *b)
{
	return a->count == b->count && (!a->count || !memcmp(a->at, b->at, 16 * a->count));
}

static void tell(const struct resolve *resolve)
{
	const uint64_t one = 1;

	if (write(resolve->fd, &one, sizeof(one)) < 0) {
		/* full only after 2^64 changes: the control thread is awake then */
	}
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "es";
}

static void take_failure(struct name *name, const char *reason)
{
	if (!name->failing && name->known.count)
		log_warning("upstreams",
			    "%s does not resolve: %s; keeping the %zu address%s it had", name->host,
			    reason, name->known.count, plural(name->known.count));
	else if (!name->failing)
		log_warning("upstreams", "%s does not resolve: %s; it has no address yet",
			    name->host, reason);
	name->failing = true;
}

static void take_success(struct resolve *resolve, struct name *name, struct addresses *found)
{
	bool same = same_addresses(&name->known, found);

	if (name->failing)
		log_info("upstreams", "%s resolves%s: %zu address%s", name->host,
			 name->known.count ? " again" : "", found->count, plural(found->count));
	else if (!same)
		log_debug("upstreams", "%s: %zu address%s, %zu before", name->host, found->count,
			  plural(found->count), name->known.count);
	name->failing = false;
	if (same)
		return;
	free(name->known.at);
	name->known = *found;
	found->at = NULL;
	tell(resolve);
}

/* One that nobody has taken in this round; NULL: none is left */
static struct name *next_name(struct resolve *resolve)
{
	for (size_t i = 0; i < resolve->names; i++)
		if (resolve->name[i].asked != resolve->round)
			return &resolve->name[i];
	return NULL;
}

static bool round_is_over(const struct resolve *resolve)
{
	for (size_t i = 0; i < resolve->names; i++)
		if (resolve->name[i].answered != resolve->round)
			return false;
	return true;
}

static void begin_round(struct resolve *resolve)
{
	resolve->round++;
	clock_gettime(CLOCK_MONOTONIC, &resolve->next_round);
	resolve->next_round.tv_sec += INTERVAL_SECONDS;
	pthread_cond_broadcast(&resolve->changed);
}

/* The lock is let go of meanwhile, and the configuration may change: then the name is found again, or gone. */
static void ask(struct resolve *resolve, struct name *name)
{
	char host[WEIR_ENDPOINT_NAME];
	struct addresses found = {};
	uint64_t round = resolve->round;
	const char *reason;

	memcpy(host, name->host, sizeof(host));
	name->asked = round;
	pthread_mutex_unlock(&resolve->lock);
	reason = look_up(host, &found);
	pthread_mutex_lock(&resolve->lock);
	name = find_name(resolve->name, resolve->names, host);
	/* One that was asked earlier may be answered later: what it says is old then. */
	if (name && name->answered < round && !resolve->stop) {
		name->answered = round;
		if (reason)
			take_failure(name, reason);
		else
			take_success(resolve, name, &found);
		if (round_is_over(resolve))
			pthread_cond_broadcast(&resolve->changed);
	}
	free(found.at);
}

/* ------------------------------------------------------------------------------------------- workers */

/* Lets go of the lock as well. */
static void leave(struct resolve *resolve)
{
	bool last = --resolve->users == 0;

	pthread_mutex_unlock(&resolve->lock);
	if (!last)
		return;
	for (size_t i = 0; i < resolve->names; i++)
		free(resolve->name[i].known.at);
	free(resolve->name);
	close(resolve->fd);
	pthread_cond_destroy(&resolve->changed);
	pthread_mutex_destroy(&resolve->lock);
	free(resolve);
}

/*
 * A round begins 30 s after the last one did, and not before that one is over: with all name servers silent
 * it takes longer, and asking faster would help nobody.
 */
static void *work(void *context)
{
	struct resolve *resolve = context;

	pthread_mutex_lock(&resolve->lock);
	while (!resolve->stop) {
		struct name *name = next_name(resolve);
		const struct timespec until = resolve->next_round;

		if (name)
			ask(resolve, name);
		else if (!resolve->names || !round_is_over(resolve))
			pthread_cond_wait(&resolve->changed, &resolve->lock);
		else if (pthread_cond_timedwait(&resolve->changed, &resolve->lock, &until) ==
				 ETIMEDOUT &&
			 resolve->names && round_is_over(resolve) &&
			 resolve->next_round.tv_sec == until.tv_sec &&
			 resolve->next_round.tv_nsec == until.tv_nsec)
			begin_round(resolve);
	}
	leave(resolve);
	return NULL;
}

/* As many as there are names to ask for, up to WORKERS; one is enough to go on with. */
static int hire(struct resolve *resolve)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int result = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	while (!result && resolve->workers < WORKERS && resolve->workers < resolve->names) {
		result = pthread_create(&thread, &attributes, work, resolve);
		resolve->workers += !result;
		resolve->users += !result;
	}
	pthread_attr_destroy(&attributes);
	return resolve->workers ? 0 : -result;
}

/* --------------------------------------------------------------------------------- the control thread */

struct resolve *resolve_new(void)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	pthread_condattr_t attributes;

	if (!resolve)
		return NULL;
	resolve->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolve->fd < 0) {
		free(resolve);
		return NULL;
	}
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&resolve->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&resolve->lock, NULL);
	resolve->users = 1;
	return resolve;
}

void resolve_free(struct resolve *resolve)
{
	if (!resolve)
		return;
	config_unref(resolve->config);
	resolve->config = NULL;
	pthread_mutex_lock(&resolve->lock);
	resolve->stop = true;
	pthread_cond_broadcast(&resolve->changed);
	leave(resolve);
}

int resolve_fd(const struct resolve *resolve)
{
	return resolve->fd;
}

/* The endpoints there are addresses for: without latency nobody asks for any. */
static size_t upstreams(const struct config *config)
{
	return config && config->latency ? config->upstreams : 0;
}

/* Each host that is a name, once, in *out, which has room for all; returns how many. */
static size_t list_names(const struct config *config, struct name *out)
{
	size_t count = 0;

	for (size_t u = 0; u < upstreams(config); u++)
		for (size_t e = 0; e < config->upstream[u].endpoints; e++) {
			const struct config_endpoint *endpoint = &config->upstream[u].endpoint[e];

			if (!endpoint->numeric && !find_name(out, count, endpoint->host))
				memcpy(out[count++].host, endpoint->host, sizeof(endpoint->host));
		}
	return count;
}

/* What the kernel holds for the endpoints of this name: of the first one that it holds any for. */
static void take_held(struct name *name, const struct config *config,
		      const struct datapath_address *held, size_t count)
{
	const struct datapath_address *first = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct config_endpoint *endpoint =
			&config->upstream[held[i].upstream].endpoint[held[i].endpoint];

		if (endpoint->numeric || strcasecmp(endpoint->host, name->host))
			continue;
		if (!first) {
			name->known.at = calloc(count, sizeof(*name->known.at));
			first = &held[i];
		}
		if (name->known.at && first->upstream == held[i].upstream &&
		    first->endpoint == held[i].endpoint)
			memcpy(name->known.at[name->known.count++], held[i].addr, 16);
	}
	if (name->known.count)
		qsort(name->known.at, name->known.count, 16, compare_addresses);
}

/* From the old list to the new one: addresses, and what has been said about them */
static void take_known(struct name *to, struct name *from)
{
	to->known = from->known;
	to->failing = from->failing;
	from->known = (struct addresses){};
}

int resolve_configure(struct resolve *resolve, struct config *config,
		      const struct datapath_address *held, size_t count)
{
	struct name *names = calloc(WEIR_ENDPOINTS, sizeof(*names)), *old;
	size_t listed, olds;
	int result;

	if (!names)
		return -ENOMEM;
	listed = list_names(config, names);
	pthread_mutex_lock(&resolve->lock);
	old = resolve->name;
	olds = resolve->names;
	resolve->name = names;
	resolve->names = listed;
	result = listed ? hire(resolve) : 0;
	if (result) {
		resolve->name = old;
		resolve->names = olds;
		pthread_mutex_unlock(&resolve->lock);
		free(names);
		return result;
	}
	for (size_t i = 0; i < listed; i++) {
		struct name *before = find_name(old, olds, names[i].host);

		if (before)
			take_known(&names[i], before);
		else
			take_held(&names[i], config, held, count);
	}
	begin_round(resolve);
	pthread_mutex_unlock(&resolve->lock);
	config_unref(resolve->config);
	resolve->config = config_ref(config);
	for (size_t i = 0; i < olds; i++)
		free(old[i].known.at);
	free(old);
	tell(resolve);
	return 0;
}

void resolve_wait(struct resolve *resolve, int timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (timeout_ms % 1000) * 1000000L;
	until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&resolve->lock);
	while (!round_is_over(resolve))
		if (pthread_cond_timedwait(&resolve->changed, &resolve->lock, &until))
			break;
	pthread_mutex_unlock(&resolve->lock);
}

/* The addresses of one endpoint; name: where the answer is, NULL for a number */
static const struct addresses *addresses_of(struct resolve *resolve, size_t u, size_t e,
					    struct addresses *numeric, struct name **name)
{
	struct config_endpoint *endpoint = &resolve->config->upstream[u].endpoint[e];

	*name = NULL;
	if (endpoint->numeric) {
		*numeric = (struct addresses){&endpoint->addr, 1};
		return numeric;
	}
	*name = find_name(resolve->name, resolve->names, endpoint->host);
	return &(*name)->known;
}

static size_t list_addresses(struct resolve *resolve, struct datapath_address *out)
{
	size_t count = 0;

	for (size_t u = 0; u < upstreams(resolve->config); u++)
		for (size_t e = 0; e < resolve->config->upstream[u].endpoints; e++) {
			struct addresses numeric;
			struct name *name;
			const struct addresses *of = addresses_of(resolve, u, e, &numeric, &name);

			for (size_t i = 0; i < of->count; i++, count++) {
				if (!out)
					continue;
				out[count] =
					(struct datapath_address){(uint16_t)u, (uint16_t)e, {}};
				memcpy(out[count].addr, of->at[i], 16);
			}
		}
	return count;
}

ssize_t resolve_addresses(struct resolve *resolve, struct datapath_address **out)
{
	struct datapath_address *list;
	uint64_t times;
	size_t count;

	if (read(resolve->fd, &times, sizeof(times)) < 0) {
		/* nothing is new: then the list is as it was */
	}
	pthread_mutex_lock(&resolve->lock);
	list = calloc(list_addresses(resolve, NULL) + 1, sizeof(*list));
	count = list ? list_addresses(resolve, list) : 0;
	pthread_mutex_unlock(&resolve->lock);
	if (!list)
		return -ENOMEM;
	*out = list;
	return (ssize_t)count;
}

void resolve_status(struct resolve *resolve, size_t upstream_index, size_t endpoint_index,
		    uint32_t *addresses, bool *stale)
{
	struct addresses numeric;
	struct name *name;

	*addresses = 0;
	*stale = false;
	if (upstream_index >= upstreams(resolve->config) ||
	    endpoint_index >= resolve->config->upstream[upstream_index].endpoints)
		return;
	pthread_mutex_lock(&resolve->lock);
	*addresses =
		(uint32_t)addresses_of(resolve, upstream_index, endpoint_index, &numeric, &name)
			->count;
	*stale = name && name->failing;
	pthread_mutex_unlock(&resolve->lock);
}

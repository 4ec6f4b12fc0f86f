/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/daemon/probe.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/abi/breaker.h"
#include "user/base/clock.h"
#include "user/base/number.h"

#define RESULTS \
	1024 /* that wait for the control thread at most; more than all targets bring in a second */
#define WAIT_MS 1000 /* the longest the thread sleeps: it is woken for what is new */

/* An endpoint that is asked */
struct target {
	uint32_t number;
	struct config_probe probe;
	char url[sizeof("http://") + WEIR_ENDPOINT_NAME + CONFIG_PROBE_PATH];
	uint64_t next_ns;
	uint64_t began_ns;
	CURL *easy; /* under way, or NULL */
	char error[CURL_ERROR_SIZE];
};

struct probes {
	CURLM *multi;
	int fd;
	pthread_t thread;
	bool runs;
	uint64_t random; /* the thread's */

	pthread_mutex_t lock; /* of all that follows */
	bool stop;
	bool renewed; /* `wanted` shall take the place of the thread's own */
	struct target *wanted;
	size_t wanteds;
	struct probe_result result[RESULTS]; /* a ring */
	uint64_t put, taken;
};

/* ------------------------------------------------------------------------------------- results */

/* A control thread that is so far behind has no use for more. */
static void put_result(struct probes *probes, const struct probe_result *result)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&probes->lock);
	if (probes->put - probes->taken < RESULTS)
		probes->result[probes->put++ % RESULTS] = *result;
	pthread_mutex_unlock(&probes->lock);
	if (write(probes->fd, &one, sizeof(one)) < 0) {
		/* full only after 2^64 results: it is readable then */
	}
}

bool probes_take(struct probes *probes, struct probe_result *out)
{
	uint64_t count;
	bool any;

	if (read(probes->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&probes->lock);
	any = probes->taken != probes->put;
	if (any)
		*out = probes->result[probes->taken++ % RESULTS];
	pthread_mutex_unlock(&probes->lock);
	return any;
}

int probes_fd(const struct probes *probes)
{
	return probes->fd;
}

/* ---------------------------------------------------------------------------------- one probe */

/* Without the mark the gate would refuse it, and the answer would be our own. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	const uint32_t mark = WEIR_PROBE_MARK;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)context;
	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark))) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	return fd;
}

static size_t ignore(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

static void set_options(struct target *target)
{
	CURL *easy = target->easy;
	bool http = target->probe.type == PROBE_HTTP;

	target->error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, target->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, target);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, target->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir-probe");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(target->probe.timeout_ns / 1000000));
	/* Each probe shows that a connection can be made. */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, http ? 0L : 1L);
}

static void begin(struct probes *probes, struct target *target)
{
	target->easy = curl_easy_init();
	if (!target->easy)
		return;
	set_options(target);
	target->began_ns = clock_monotonic_ns();
	if (curl_multi_add_handle(probes->multi, target->easy)) {
		curl_easy_cleanup(target->easy);
		target->easy = NULL;
	}
}

static void give_up(struct probes *probes, struct target *target)
{
	if (!target->easy)
		return;
	curl_multi_remove_handle(probes->multi, target->easy);
	curl_easy_cleanup(target->easy);
	target->easy = NULL;
}

static void end(struct probes *probes, struct target *target, CURLcode code)
{
	struct probe_result result = {
		.number = target->number,
		.began_ns = target->began_ns,
		.ended_ns = clock_monotonic_ns(),
	};
	long status = 0;

	curl_easy_getinfo(target->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code)
		snprintf(result.why, sizeof(result.why), "%.90s",
			 target->error[0] ? target->error : curl_easy_strerror(code));
	else if (target->probe.type == PROBE_HTTP &&
		 (status < target->probe.expect_first || status > target->probe.expect_last))
		snprintf(result.why, sizeof(result.why), "status %ld", status);
	else
		result.ok = true;
	give_up(probes, target);
	put_result(probes, &result);
}

/* ------------------------------------------------------------------------------------ the thread */

/* xorshift64; only to spread probes over time */
static uint64_t below(struct probes *probes, uint64_t limit)
{
	probes->random ^= probes->random << 13;
	probes->random ^= probes->random >> 7;
	probes->random ^= probes->random << 17;
	return limit ? probes->random % limit : 0;
}

static uint64_t wait_ns(struct probes *probes, const struct config_probe *probe)
{
	uint64_t spread = probe->interval_ns / CONFIG_RATIO * probe->jitter;

	return probe->interval_ns - spread + below(probes, 2 * spread + 1);
}

/* The thread's targets: its alone, but for their coming and going */
struct list {
	struct target *at;
	size_t count;
};

static bool same_target(const struct target *a, const struct target *b)
{
	return a->number == b->number && !strcmp(a->url, b->url) &&
	       a->probe.type == b->probe.type && a->probe.interval_ns == b->probe.interval_ns &&
	       a->probe.timeout_ns == b->probe.timeout_ns && a->probe.jitter == b->probe.jitter &&
	       a->probe.expect_first == b->probe.expect_first &&
	       a->probe.expect_last == b->probe.expect_last;
}

/* What stays is asked when it would have been; what is under way is begun anew, for it holds on to where it was. */
static void renew(struct probes *probes, struct list *list)
{
	struct list wanted;
	uint64_t now = clock_monotonic_ns();

	pthread_mutex_lock(&probes->lock);
	wanted = (struct list){probes->wanted, probes->wanteds};
	probes->wanted = NULL;
	probes->renewed = false;
	pthread_mutex_unlock(&probes->lock);
	for (size_t i = 0; i < wanted.count; i++) {
		struct target *new = &wanted.at[i];

		new->next_ns = now + below(probes, new->probe.interval_ns);
		for (size_t j = 0; j < list->count; j++)
			if (same_target(new, &list->at[j]))
				new->next_ns = list->at[j].easy ? now : list->at[j].next_ns;
	}
	for (size_t i = 0; i < list->count; i++)
		give_up(probes, &list->at[i]);
	free(list->at);
	*list = wanted;
}

/* Begins what is due. Returns when the next one is. */
static uint64_t begin_due(struct probes *probes, struct list *list)
{
	uint64_t now = clock_monotonic_ns(), next = now + WAIT_MS * UINT64_C(1000000);

	for (size_t i = 0; i < list->count; i++) {
		struct target *target = &list->at[i];

		if (target->next_ns <= now) {
			if (!target->easy)
				begin(probes, target);
			target->next_ns = now + wait_ns(probes, &target->probe);
		}
		next = target->next_ns < next ? target->next_ns : next;
	}
	return next;
}

static void end_done(struct probes *probes)
{
	struct target *target;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(probes->multi, &left))) {
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&target);
		end(probes, target, code);
	}
}

static bool told(struct probes *probes, const bool *what)
{
	bool so;

	pthread_mutex_lock(&probes->lock);
	so = *what;
	pthread_mutex_unlock(&probes->lock);
	return so;
}

static void *run(void *context)
{
	struct probes *probes = context;
	struct list list = {};
	int running;

	while (!told(probes, &probes->stop)) {
		uint64_t now, next;

		if (told(probes, &probes->renewed))
			renew(probes, &list);
		next = begin_due(probes, &list);
		curl_multi_perform(probes->multi, &running);
		end_done(probes);
		now = clock_monotonic_ns();
		curl_multi_poll(probes->multi, NULL, 0,
				next > now ? (int)((next - now) / 1000000) + 1 : 0, NULL);
	}
	for (size_t i = 0; i < list.count; i++)
		give_up(probes, &list.at[i]);
	free(list.at);
	return NULL;
}

/* ------------------------------------------------------------------------------------- control */

struct probes *probes_new(void)
{
	struct probes *probes = calloc(1, sizeof(*probes));

	if (!probes)
		return NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	probes->multi = curl_multi_init();
	probes->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!probes->multi || probes->fd < 0) {
		curl_multi_cleanup(probes->multi);
		if (probes->fd >= 0)
			close(probes->fd);
		free(probes);
		return NULL;
	}
	if (getrandom(&probes->random, sizeof(probes->random), 0) < 0 || !probes->random)
		probes->random = clock_monotonic_ns();
	pthread_mutex_init(&probes->lock, NULL);
	return probes;
}

void probes_free(struct probes *probes)
{
	if (!probes)
		return;
	pthread_mutex_lock(&probes->lock);
	probes->stop = true;
	pthread_mutex_unlock(&probes->lock);
	curl_multi_wakeup(probes->multi);
	if (probes->runs)
		pthread_join(probes->thread, NULL);
	curl_multi_cleanup(probes->multi);
	close(probes->fd);
	free(probes->wanted);
	pthread_mutex_destroy(&probes->lock);
	free(probes);
}

static struct target *copy(const struct probe_target *from, size_t count)
{
	struct target *targets = calloc(count + 1, sizeof(*targets));

	for (size_t i = 0; targets && i < count; i++) {
		targets[i].number = from[i].number;
		targets[i].probe = *from[i].probe;
		snprintf(targets[i].url, sizeof(targets[i].url), "http://%s%s",
			 from[i].endpoint->name, from[i].probe->path);
	}
	return targets;
}

int probes_configure(struct probes *probes, const struct probe_target *target, size_t count)
{
	struct target *wanted;
	int result;

	if (!count && !probes->runs)
		return 0;
	wanted = copy(target, count);
	if (!wanted)
		return -ENOMEM;
	pthread_mutex_lock(&probes->lock);
	free(probes->wanted);
	probes->wanted = wanted;
	probes->wanteds = count;
	probes->renewed = true;
	pthread_mutex_unlock(&probes->lock);
	if (probes->runs) {
		curl_multi_wakeup(probes->multi);
		return 0;
	}
	result = pthread_create(&probes->thread, NULL, run, probes);
	probes->runs = !result;
	return -result;
}

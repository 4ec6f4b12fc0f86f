// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/prefix.h"
#include "user/base/words.h"
#include "user/cluster/seal.h"
#include "user/config/limit.h"
#include "user/daemon/orders_apply.h"

/* -------------------------------------------------------------------------------- for HTTP threads */

static struct snapshot *latest_snapshot(void *context)
{
	struct control *control = context;
	struct snapshot *snapshot;

	pthread_mutex_lock(&control->snapshot_lock);
	snapshot = control->snapshot ? snapshot_ref(control->snapshot) : NULL;
	pthread_mutex_unlock(&control->snapshot_lock);
	return snapshot;
}

static int call_command(void *context, const char *name, const json_t *arguments,
			const char *request_id, json_t **reply)
{
	return queue_call(((struct control *)context)->queue, name, arguments, request_id, reply);
}

static ssize_t read_feed(void *context, uint64_t *cursor, char *buffer, size_t size, int timeout_ms)
{
	return feed_read(((struct control *)context)->feed, cursor, buffer, size, timeout_ms);
}

static bool has_started(void *context)
{
	return ((struct control *)context)->started;
}

/* ------------------------------------------------------------------------------------- snapshots */

/* between: two ticks, after a change that shall show at once. Only this thread replaces the snapshot. */
static void publish(struct control *control, bool between)
{
	struct snapshot *new =
		gather_snapshot(&control->gather, between ? control->snapshot : NULL);
	struct snapshot *old;

	if (!new)
		return;
	pthread_mutex_lock(&control->snapshot_lock);
	old = control->snapshot;
	control->snapshot = new;
	pthread_mutex_unlock(&control->snapshot_lock);
	snapshot_unref(old);
}

void control_publish(struct control *control)
{
	publish(control, true);
}

/* At most each 100 ms, however many states change: a snapshot costs more than a state. */
void control_breakers(struct control *control, bool timer, bool probes)
{
	if (probes)
		breakers_on_probes(control->gather.breakers);
	if (!timer)
		return;
	breakers_on_timer(control->gather.breakers);
	if (breakers_changed(control->gather.breakers))
		publish(control, true);
}

void control_tick(struct control *control)
{
	int ended = datapath_expire_bans(control->gather.datapath, clock_monotonic_ns());

	if (ended)
		log_info("bans", "%d ban%s ended", ended, ended == 1 ? "" : "s");
	control_watch_links(control);
	upstreams_tick(control);
	publish(control, false);
	log_tick();
}

void control_watch_links(struct control *control)
{
	char changed[1024], *line, *rest = changed;

	if (!datapath_watch(control->gather.datapath, changed, sizeof(changed)))
		return;
	while ((line = strsep(&rest, "\n")))
		log_warning("datapath", "%s", line);
	publish(control, true);
}

/* ---------------------------------------------------------------------------------------- events */

static const char *protocol_name(uint8_t protocol, char buffer[8])
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		snprintf(buffer, 8, "%u", protocol);
		return buffer;
	}
}

/* The configured text of the limit that refused, or NULL */
static const char *limit_text(const struct control *control, const struct weir_event *event,
			      char buffer[WEIR_LIMIT_TEXT])
{
	const struct weir_state *names = datapath_names(control->gather.datapath);
	const struct config *config = control->config;

	if (event->limit >= 2 * WEIR_LIMITS)
		return NULL;
	for (size_t s = 0; s < config->services; s++)
		for (size_t t = 0; t < config->tiers; t++) {
			const struct config_rule *rule = &config->service[s].rule[t];
			bool group = event->limit >= WEIR_LIMITS;
			size_t i = event->limit % WEIR_LIMITS;

			if (strcmp(names->service[event->service % WEIR_SERVICES],
				   config->service[s].name) ||
			    strcmp(names->tier[event->tier % WEIR_TIERS], config->tier[t].name))
				continue;
			if (i < (group ? rule->groups : rule->limits))
				return limit_format(group ? &rule->group[i] : &rule->limit[i],
						    buffer, WEIR_LIMIT_TEXT);
		}
	return NULL;
}

static void on_event(void *context, const struct weir_event *event)
{
	struct control *control = context;
	const struct weir_state *names = datapath_names(control->gather.datapath);
	char time[CLOCK_TEXT], from[PREFIX_TEXT], to[PREFIX_TEXT], number[8],
		limit[WEIR_LIMIT_TEXT];
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:i, s:s?, s:b}",
			  "time", clock_text(clock_unix_of(event->time_ns), time), "verdict",
			  verdict_word(event->verdict), "interface",
			  names->interface[event->interface % WEIR_INTERFACES], "service",
			  names->service[event->service % WEIR_SERVICES], "tier",
			  names->tier[event->tier % WEIR_TIERS], "source",
			  prefix_text(event->saddr, 128, from, sizeof(from)), "sport", event->sport,
			  "destination", prefix_text(event->daddr, 128, to, sizeof(to)), "dport",
			  event->dport, "protocol", protocol_name(event->protocol, number), "bytes",
			  (int)event->bytes, "limit", limit_text(control, event, limit), "observed",
			  event->observed);

	feed_tell(control->feed, json);
}

void control_read_events(struct control *control)
{
	datapath_events(control->gather.datapath, on_event, control);
}

void control_serve(struct control *control)
{
	queue_serve(control->queue, control_command, control);
}

/* ---------------------------------------------------------------------------------------- reload */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* What only a restart can change is named, not ignored in silence. */
static void warn_of_fixed(const struct config *old, const struct config *new)
{
	if (!same(old->http_listen, new->http_listen) || !same(old->admin, new->admin))
		log_warning("config", "http: a new address takes effect with the next start");
	if (!same(old->pins, new->pins) || old->clients != new->clients || old->flows != new->flows)
		log_warning("config",
			    "pins, table.clients and table.flows take effect with the next "
			    "`weir detach` and start");
}

static void use_config(struct control *control, struct config *config)
{
	config_unref(control->config);
	control->config = config;
	control->gather.config = config;
}

static void change_breakers(struct control *control)
{
	int result = breakers_change(control->gather.breakers, control->config);

	if (result)
		log_error("breakers", "circuit breakers go on as they were configured: %s",
			  strerror(-result));
}

static void change_cluster(struct control *control, struct seal *seal, bool new)
{
	int result;

	if (new)
		cluster_recall_bans(control);
	result = cluster_change(control->gather.cluster, control->config, seal);

	if (result)
		log_error("cluster",
			  "cannot start the cluster's thread: %s; this node keeps even shares",
			  strerror(-result));
}

/* Reads the file again and applies it. On failure nothing has changed, and *error says why. */
static int apply_file(struct control *control, const char *path, struct config **config,
		      struct seal **seal, struct config_error *error)
{
	struct datapath_error refused = {};
	int result = config_load(path, config, error);

	if (result)
		return result;
	result = cluster_prepare(*config, seal, error);
	if (result)
		return result;
	result = datapath_change(control->gather.datapath, *config, &refused);
	if (result)
		snprintf(error->text, sizeof(error->text), "%.300s: %.200s", path, refused.text);
	return result;
}

int control_reload(struct control *control, char *why)
{
	struct gather *gather = &control->gather;
	struct config *config = NULL, *old = control->config;
	struct config_error error = {};
	struct seal *seal = NULL;
	bool is_new;
	int result;

	if (!old->path) { /* nothing is wrong with what is applied */
		snprintf(error.text, sizeof(error.text),
			 "started without a configuration file; start with -c FILE to have one to "
			 "reload");
		log_warning("config", "not reloaded: %s", error.text);
		if (why)
			snprintf(why, sizeof(error.text), "%s", error.text);
		return -ENOENT;
	}
	config_watch_note(control->watch);
	result = apply_file(control, old->path, &config, &seal, &error);
	gather->reload_ok = !result;
	if (result) {
		gather->reloads_failed++;
		snprintf(gather->reload_error, sizeof(gather->reload_error), "%.159s", error.text);
		log_error("config", "not reloaded, the old one stays: %s", error.text);
		config_unref(config);
		seal_free(seal);
		if (why)
			snprintf(why, sizeof(error.text), "%s", error.text);
	} else {
		gather->reloads_ok++;
		gather->reload_ok_time = clock_unix_seconds();
		datapath_follow(gather->datapath);
		warn_of_fixed(old, config);
		is_new = !old->cluster.enabled;
		use_config(control, config);
		change_cluster(control, seal, is_new);
		change_breakers(control);
		upstreams_change(control);
		log_info("config", "reloaded %s, generation %u", config->path,
			 datapath_generation(gather->datapath));
	}
	publish(control, true);
	return result;
}

/* --------------------------------------------------------------------------------- start and stop */

static int start_listeners(struct control *control)
{
	const struct http_ops ops = {latest_snapshot, call_command, read_feed, has_started,
				     control};
	char error[512];
	int result = http_start(control->config->http_listen,
				control->socket ? control->socket : control->config->admin, &ops,
				&control->http, error, sizeof(error));

	if (result)
		log_error("http", "%s", error);
	return result;
}

/* From here on limits are enforced. */
static void say_attached(struct datapath *datapath)
{
	struct datapath_link links[WEIR_INTERFACES];
	size_t count = datapath_links(datapath, links);

	for (size_t i = 0; i < count; i++)
		log_info("datapath", "%s: attached, %s", links[i].interface, links[i].mode);
}

static int start_datapath(struct control *control)
{
	struct gather *gather = &control->gather;
	struct datapath_error error = {};
	int result = datapath_open(control->config, &gather->datapath, &error);

	if (!result)
		result = datapath_change(gather->datapath, control->config, &error);
	if (!result) {
		say_attached(gather->datapath);
		datapath_follow(gather->datapath);
		gather->scan = scan_new(datapath_table(gather->datapath).sets);
		gather->scan_flows = scan_flows_new(datapath_flows(gather->datapath).sets);
		result = gather->scan && gather->scan_flows ? 0 : -ENOMEM;
	}
	if (result)
		log_error("datapath", "%s", error.text[0] ? error.text : strerror(-result));
	return result;
}

/* Before the addresses of endpoints: a gate is closed by the time calls are held against it. */
static int start_breakers(struct control *control)
{
	struct gather *gather = &control->gather;

	gather->breakers = breakers_new(gather->datapath, control->config, control->feed);
	if (!gather->breakers) {
		log_error("breakers", "out of memory or descriptors");
		return -ENOMEM;
	}
	gather->pause = (struct scan_pause){breakers_on_outcomes, gather->breakers};
	return 0;
}

static int start_cluster(struct control *control, struct seal *seal)
{
	cluster_recall_bans(control);
	control->gather.cluster =
		cluster_new(control->gather.datapath, control->config, seal, control->orders);
	if (control->gather.cluster)
		return 0;
	log_error("cluster", "out of memory, descriptors or threads");
	return -ENOMEM;
}

static void control_free(struct control *control)
{
	if (!control)
		return;
	http_stop(control->http);
	snapshot_unref(control->snapshot);
	scan_free(control->gather.scan);
	scan_flows_free(control->gather.scan_flows);
	resolve_free(control->gather.resolve);
	breakers_free(control->gather.breakers);
	cluster_free(control->gather.cluster);
	datapath_close(control->gather.datapath);
	order_box_free(control->orders);
	feed_free(control->feed);
	queue_free(control->queue);
	config_unref(control->config);
	pthread_mutex_destroy(&control->snapshot_lock);
	free(control->socket);
	free(control);
}

/* A start that failed takes back what it made, and leaves what an earlier daemon had. */
static void abandon(struct control *control)
{
	struct datapath_error error;

	if (control->gather.datapath && !datapath_adopted(control->gather.datapath))
		datapath_detach(control->gather.datapath, &error);
	if (control->queue)
		queue_shut(control->queue);
	if (control->feed)
		feed_shut(control->feed);
	control_free(control);
}

int control_start(struct config *config, struct seal *seal, const char *socket,
		  struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	int result = -ENOMEM;

	if (!control) {
		seal_free(seal);
		return result;
	}
	pthread_mutex_init(&control->snapshot_lock, NULL);
	control->config = config_ref(config);
	control->gather.config = config;
	control->gather.start_time = control->gather.reload_ok_time = clock_unix_seconds();
	control->gather.reload_ok = true;
	control->queue = queue_new();
	control->feed = feed_new();
	control->orders = order_box_new();
	control->socket = socket ? strdup(socket) : NULL;
	if (control->queue && control->feed && control->orders && (control->socket || !socket))
		result = start_datapath(control);
	if (!result)
		result = start_breakers(control);
	if (!result)
		result = start_cluster(control, seal);
	else
		seal_free(seal);
	if (!result)
		result = upstreams_start(control);
	if (!result)
		result = start_listeners(control);
	if (result) {
		abandon(control);
		return result;
	}
	upstreams_wait(control);
	publish(control, false);
	control->started = true;
	*out = control;
	return 0;
}

int control_finish(struct control *control)
{
	struct datapath_error error = {};
	int result = 0;

	queue_shut(control->queue);
	feed_shut(control->feed);
	cluster_free(control->gather.cluster); /* it writes to what may be detached now */
	control->gather.cluster = NULL;
	if (control->detached)
		log_info("daemon", "stopped; detached");
	else if (control->config->keep_on_exit)
		log_info("daemon", "stopped; enforcement goes on (on_exit: keep)");
	else if ((result = datapath_detach(control->gather.datapath, &error)))
		log_error("datapath", "%s", error.text);
	else
		log_info("daemon", "stopped; detached (on_exit: detach)");
	control_free(control);
	return result;
}

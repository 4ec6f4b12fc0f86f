// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the admin API can ask the control thread to do: JSON in, datapath, JSON out. */
#include <errno.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/number.h"
#include "user/base/words.h"
#include "user/daemon/commands.h"

int command_refuse(int status, const char *word, const char *message, json_t **reply)
{
	*reply = json_pack("{s:s, s:s}", "error", word, "message", message);
	return status;
}

static int take_prefix(const json_t *arguments, struct config_prefix *out, json_t **reply)
{
	const char *text = json_string_value(json_object_get(arguments, "prefix"));

	if (!text)
		return command_refuse(
			400, "invalid_request",
			"prefix is missing; send for example {\"prefix\":\"203.0.113.0/24\"}",
			reply);
	if (config_parse_prefix(text, out))
		return command_refuse(
			400, "invalid_request",
			"prefix is not an address or prefix, or has bits set beyond its length; "
			"expected for example 203.0.113.7 or 2001:db8::/32",
			reply);
	return 0;
}

static int take_seconds(const json_t *arguments, json_int_t *out, json_t **reply)
{
	const json_t *seconds = json_object_get(arguments, "seconds");

	*out = json_integer_value(seconds);
	if ((seconds && !json_is_integer(seconds)) || *out < 0 || *out > COMMAND_SECONDS_MAX)
		return command_refuse(
			400, "invalid_request",
			"seconds: expected a whole number up to 315360000, or 0 for no end", reply);
	return 0;
}

static void say_ban(const char *prefix, json_int_t seconds)
{
	if (seconds)
		log_info("bans", "%s banned for %lld s", prefix, (long long)seconds);
	else
		log_info("bans", "%s banned without end", prefix);
}

static int command_ban(struct control *control, const json_t *arguments, json_t **reply)
{
	struct datapath_ban ban = {.until_ns = UINT64_MAX, .origin = WEIR_BAN_MANUAL};
	struct order order = {.kind = ORDER_BAN};
	struct datapath_error error = {};
	json_int_t seconds;
	char text[PREFIX_TEXT];
	bool cluster;
	uint8_t asked;
	int result = take_prefix(arguments, &ban.prefix, reply);

	if (!result)
		result = take_seconds(arguments, &seconds, reply);
	if (!result)
		result = command_for_cluster(control, arguments, &cluster, reply);
	if (result)
		return result;
	if (seconds)
		order.until_ns = ban.until_ns =
			clock_monotonic_ns() + (uint64_t)seconds * NS_PER_SEC;
	if (cluster)
		ban.origin = WEIR_BAN_CLUSTER;
	asked = ban.prefix.length;
	result = datapath_ban(control->gather.datapath, &ban, &error);
	if (result < 0)
		return command_refuse(500, "internal_error", error.text, reply);
	say_ban(config_format_prefix(&ban.prefix, text, sizeof(text)), seconds);
	*reply = json_pack("{s:s, s:I, s:b, s:b}", "prefix", text, "seconds", seconds, "replaced",
			   result, "widened", ban.prefix.length < asked);
	order.prefix = ban.prefix;
	return cluster ? command_order(control, &order, reply) : 200;
}

/* For all nodes also what is not banned here: others may know of it. */
static int command_unban(struct control *control, const json_t *arguments, json_t **reply)
{
	struct order order = {.kind = ORDER_UNBAN};
	struct datapath_error error = {};
	char text[PREFIX_TEXT];
	bool cluster, lifted;
	int result = take_prefix(arguments, &order.prefix, reply);

	if (!result)
		result = command_for_cluster(control, arguments, &cluster, reply);
	if (result)
		return result;
	result = datapath_unban(control->gather.datapath, &order.prefix, &error);
	lifted = !result;
	if (result && !(cluster && result == -ENOENT))
		return command_refuse(result == -ENOENT ? 404 : 500,
				      result == -ENOENT ? "not_found" : "internal_error",
				      error.text, reply);
	config_format_prefix(&order.prefix, text, sizeof(text));
	if (lifted)
		log_info("bans", "%s no longer banned", text);
	*reply = json_pack("{s:s}", "prefix", text);
	if (!cluster)
		return 200;
	json_object_set_new(*reply, "lifted", json_boolean(lifted));
	return command_order(control, &order, reply);
}

static int command_bans(struct control *control, json_t **reply)
{
	const struct datapath_ban *bans;
	size_t count = datapath_bans(control->gather.datapath, &bans);
	uint64_t now = clock_monotonic_ns();
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT];
		uint64_t left = bans[i].until_ns > now ? (bans[i].until_ns - now) / NS_PER_SEC : 0;

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:s}", "prefix",
				  config_format_prefix(&bans[i].prefix, text, sizeof(text)),
				  "seconds_left",
				  bans[i].until_ns == UINT64_MAX ? json_null()
								 : json_integer((json_int_t)left),
				  "origin", ban_origin_word((enum weir_ban_origin)bans[i].origin)));
	}
	*reply = json_pack("{s:o}", "bans", list);
	return 200;
}

static int command_reload(struct control *control, json_t **reply)
{
	char why[512];

	if (control_reload(control, why))
		return command_refuse(400, "invalid_configuration", why, reply);
	*reply = json_pack("{s:I}", "generation",
			   (json_int_t)datapath_generation(control->gather.datapath));
	return 200;
}

static int command_detach(struct control *control, json_t **reply)
{
	struct datapath_link links[WEIR_INTERFACES];
	size_t count = datapath_links(control->gather.datapath, links);
	struct datapath_error error = {};
	json_t *list = json_array();

	if (datapath_detach(control->gather.datapath, &error)) {
		json_decref(list);
		return command_refuse(500, "internal_error", error.text, reply);
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(links[i].interface));
	log_info("datapath", "detached from everything; stopping");
	control->detached = control->stop = true;
	*reply = json_pack("{s:o}", "detached", list);
	return 200;
}

int control_command(void *context, const char *name, const json_t *arguments, json_t **reply)
{
	struct control *control = context;

	if (!strcmp(name, "ban"))
		return command_ban(control, arguments, reply);
	if (!strcmp(name, "unban"))
		return command_unban(control, arguments, reply);
	if (!strcmp(name, "bans"))
		return command_bans(control, reply);
	if (!strcmp(name, "breaker"))
		return command_breaker(control, arguments, reply);
	if (!strcmp(name, "reload"))
		return command_reload(control, reply);
	if (!strcmp(name, "detach"))
		return command_detach(control, reply);
	return command_refuse(404, "not_found", "no such command", reply);
}

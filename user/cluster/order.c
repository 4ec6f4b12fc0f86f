/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/order.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "user/base/prefix.h"

static const struct {
	const char *word;
	bool ends;
} kinds[] = {
#define X(name, word, ends) {word, ends},
	ORDER_KINDS(X)
#undef X
};

const char *order_word(enum order_kind kind)
{
	return (size_t)kind < ORDER_KIND_COUNT ? kinds[kind].word : "?";
}

bool order_may_end(enum order_kind kind)
{
	return (size_t)kind < ORDER_KIND_COUNT && kinds[kind].ends;
}

static bool is_of_prefix(enum order_kind kind)
{
	return kind == ORDER_BAN || kind == ORDER_UNBAN;
}

const char *order_subject(const struct order *order, char buffer[ORDER_SUBJECT])
{
	if (is_of_prefix(order->kind))
		return prefix_text(order->prefix.addr, order->prefix.length, buffer, ORDER_SUBJECT);
	snprintf(buffer, ORDER_SUBJECT, "%s%s%s", order->upstream, order->endpoint[0] ? "/" : "",
		 order->endpoint);
	return buffer;
}

char *order_write(const struct order *order)
{
	char prefix[ORDER_SUBJECT], *text;
	json_t *json = json_pack("{s:s, s:s}", "do", order_word(order->kind), "node", order->node);

	if (is_of_prefix(order->kind)) {
		json_object_set_new(json, "prefix", json_string(order_subject(order, prefix)));
	} else {
		json_object_set_new(json, "upstream", json_string(order->upstream));
		if (order->endpoint[0])
			json_object_set_new(json, "endpoint", json_string(order->endpoint));
	}
	if (order_may_end(order->kind))
		json_object_set_new(json, "ends", json_boolean(order->until_ns));
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static int read_kind(const json_t *json, enum order_kind *out)
{
	const char *word = json_string_value(json_object_get(json, "do"));

	for (size_t i = 0; word && i < ORDER_KIND_COUNT; i++)
		if (!strcmp(word, kinds[i].word)) {
			*out = (enum order_kind)i;
			return 0;
		}
	return -EBADMSG;
}

/* false: it is there, but no text, or does not fit */
static bool read_word(const json_t *json, const char *field, char *out, size_t size)
{
	const json_t *value = json_object_get(json, field);
	size_t length = json_string_length(value);

	if (!value)
		return true;
	if (!json_is_string(value) || length >= size)
		return false;
	memcpy(out, json_string_value(value), length + 1);
	return true;
}

static int read_subject(const json_t *json, struct order *out)
{
	const char *prefix = json_string_value(json_object_get(json, "prefix"));

	if (is_of_prefix(out->kind))
		return prefix && !config_parse_prefix(prefix, &out->prefix) ? 0 : -EBADMSG;
	if (!read_word(json, "upstream", out->upstream, sizeof(out->upstream)) ||
	    !read_word(json, "endpoint", out->endpoint, sizeof(out->endpoint)))
		return -EBADMSG;
	return out->upstream[0] ? 0 : -EBADMSG;
}

int order_read(const char *text, struct order *out, bool *ends)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct order order = {};
	int result = read_kind(json, &order.kind);

	if (!result)
		result = read_subject(json, &order);
	if (!result && !read_word(json, "node", order.node, sizeof(order.node)))
		result = -EBADMSG;
	if (!result) {
		*ends = json_is_true(json_object_get(json, "ends"));
		*out = order;
	}
	json_decref(json);
	return result;
}

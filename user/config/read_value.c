/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "user/base/cleanup.h"
#include "user/base/number.h"
#include "user/config/limit.h"
#include "user/config/match.h"
#include "user/config/prefix.h"
#include "user/config/reader.h"

/* As the kernel's dev_valid_name() has it, and printable */
int read_interface_name(struct reader *reader, const struct field *field, const struct node *node,
			void *into)
{
	bool valid;
	size_t length;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	length = strlen(node->text);
	valid = length > 0 && length < IFNAMSIZ && strcmp(node->text, ".") &&
		strcmp(node->text, "..");
	for (size_t i = 0; i < length && valid; i++)
		valid = isgraph((unsigned char)node->text[i]) && !strchr("/:", node->text[i]);
	if (!valid)
		return schema_fail(reader, node, "%s is not an interface name; expected %s",
				   quote(node->text).text, field->expected);
	memcpy(into, node->text, length + 1);
	return 0;
}

int read_log_level(struct reader *reader, const struct field *field, const struct node *node,
		   void *into)
{
	static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	int r;

	r = read_choice(reader, field, node, into);
	if (r < 0)
		return r;
	*(int *)into = levels[*(int *)into];
	return 0;
}

static int replace(struct reader *reader, const struct node *node, const char *value, char **into)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return schema_no_memory(reader, node);
	free(*into);
	*into = copy;
	return 0;
}

/* 127.0.0.1:9464 or [::1]:9464: numbers, because nothing here may wait for a name server */
static bool is_listen_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	uint8_t addr[16];
	uint64_t port;
	size_t length;

	if (!colon || colon - text >= (ptrdiff_t)sizeof(host) ||
	    number_parse(colon + 1, 1, 65535, &port) < 0)
		return false;
	length = (size_t)(colon - text);
	memcpy(host, text, length);
	host[length] = '\0';
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, addr) == 1;
	}
	return inet_pton(AF_INET, host, addr) == 1;
}

int read_listen(struct reader *reader, const struct field *field, const struct node *node,
		void *into)
{
	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (!strcmp(node->text, "off"))
		return replace(reader, node, NULL, into);
	if (!is_listen_address(node->text))
		return schema_fail(reader, node, "%s is not an address and port; expected %s",
				   quote(node->text).text, field->expected);
	return replace(reader, node, node->text, into);
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

/* field->max: longest, without the terminating zero */
int read_path(struct reader *reader, const struct field *field, const struct node *node, void *into)
{
	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (node->text[0] != '/' || has_control(node->text))
		return schema_fail(reader, node, "%s is not an absolute path; expected %s",
				   quote(node->text).text, field->expected);
	if (strlen(node->text) > field->max)
		return schema_fail(reader, node, "a path of %zu bytes is too long; expected %s",
				   strlen(node->text), field->expected);
	return replace(reader, node, node->text, into);
}

int read_node_name(struct reader *reader, const struct field *field, const struct node *node,
		   void *into)
{
	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (!*node->text || strlen(node->text) > field->max || has_control(node->text))
		return schema_fail(reader, node, "%s is not a node name; expected %s",
				   quote(node->text).text, field->expected);
	return replace(reader, node, node->text, into);
}

int read_new_clients(struct reader *reader, const struct field *field, const struct node *node,
		     void *into)
{
	struct number_rate rate;
	uint64_t *out = into;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (!strcmp(node->text, "unlimited")) {
		*out = 0;
		return 0;
	}
	if (number_parse_rate(node->text, &rate) < 0 || rate.bytes || rate.period_ns != 1000000000)
		return schema_fail(reader, node, "%s is not a rate a second; expected %s",
				   quote(node->text).text, field->expected);
	if (rate.amount < 1 || rate.amount > LIMIT_RATE_MAX)
		return schema_fail(reader, node, "%s is out of range; expected %s",
				   quote(node->text).text, field->expected);
	*out = rate.amount;
	return 0;
}

int read_prefixes(struct reader *reader, const struct field *field, const struct node *node,
		  void *into)
{
	struct config_prefixes *out = into;
	struct problem problem = {};

	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count == 0)
		return 0;
	if (node->count > WEIR_PREFIXES)
		return schema_fail(reader, node, "has %zu prefixes; expected at most %u",
				   node->count, WEIR_PREFIXES);
	out->at = calloc(node->count, sizeof(*out->at));
	if (!out->at)
		return schema_no_memory(reader, node);
	for (const struct node *child = node->first; child; child = child->next) {
		if (schema_want(reader,
				&(struct field){.expected = "a prefix such as 203.0.113.0/24"},
				child, NODE_TEXT) < 0)
			return -EINVAL;
		if (prefix_parse(child->text, &out->at[out->count], &problem) < 0)
			return schema_fail(reader, child, "%s", problem.text);
		out->count++;
	}
	return 0;
}

/* Ascending, as Prometheus wants them, and so that each is one bucket more */
int read_buckets(struct reader *reader, const struct field *field, const struct node *node,
		 void *into)
{
	const struct field bucket = {.min = field->min,
				     .max = field->max,
				     .expected = "a duration from 1us to 1h such as 2.5ms"};
	char before[DURATION_TEXT];
	struct config *config = into;

	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count == 0)
		return schema_fail(reader, node, "is empty; expected at least one bucket");
	if (node->count > WEIR_LE_MAX)
		return schema_fail(reader, node, "has %zu entries; expected at most %u",
				   node->count, WEIR_LE_MAX);
	config->buckets = 0;
	for (const struct node *child = node->first; child; child = child->next) {
		uint64_t *bound = &config->bucket_ns[config->buckets];

		if (read_duration(reader, &bucket, child, bound) < 0)
			return -EINVAL;
		if (config->buckets > 0 && bound[0] <= bound[-1])
			return schema_fail(
				reader, child,
				"%s is not longer than the one before it, %s; expected ascending "
				"durations",
				quote(child->text).text,
				number_format_duration(bound[-1], before, sizeof(before)));
		config->buckets++;
	}
	return 0;
}

static int parse_matches(struct reader *reader, const struct field *field, const struct node *node,
			 struct config_match **at, size_t *count)
{
	struct problem problem = {};

	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count > CONFIG_MATCHES_MAX)
		return schema_fail(reader, node, "has %zu entries; expected at most %u",
				   node->count, CONFIG_MATCHES_MAX);
	free(steal_ptr(*at));
	*count = 0;
	if (node->count == 0)
		return 0;
	*at = calloc(node->count, sizeof(**at));
	if (!*at)
		return schema_no_memory(reader, node);
	for (const struct node *child = node->first; child; child = child->next) {
		if (schema_want(reader, &(struct field){.expected = "a match such as tcp/80"},
				child, NODE_TEXT) < 0)
			return -EINVAL;
		if (match_parse(child->text, &(*at)[*count], &problem) < 0)
			return schema_fail(reader, child, "%s", problem.text);
		(*count)++;
	}
	return 0;
}

int read_match(struct reader *reader, const struct field *field, const struct node *node,
	       void *into)
{
	struct config_service *service = into;

	return parse_matches(reader, field, node, &service->match, &service->matches);
}

int read_protected(struct reader *reader, const struct field *field, const struct node *node,
		   void *into)
{
	struct config *config = into;

	return parse_matches(reader, field, node, &config->protected, &config->protecteds);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Upstreams: a list of named things, and their endpoints, each of them once. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/number.h"
#include "user/config/endpoint.h"
#include "user/config/reader.h"

int read_protocol(struct reader *reader, const struct field *field, const struct node *node,
		  void *into)
{
	const struct field choice = {
		.choices = field->choices, .expected = field->expected, .size = sizeof(uint32_t)};
	uint32_t udp;
	int r;

	r = read_choice(reader, &choice, node, &udp);
	if (r < 0)
		return r;
	*(uint8_t *)into = udp ? IPPROTO_UDP : IPPROTO_TCP;
	return 0;
}

int read_endpoints(struct reader *reader, const struct field *field, const struct node *node,
		   void *into)
{
	const struct field text = {.expected = "HOST:PORT such as 10.1.2.3:8443"};
	const struct config *config = reader->config;
	struct config_upstream *upstream = into;
	struct problem problem = {};
	size_t total = node->count;

	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count == 0)
		return schema_fail(reader, node, "is empty; expected at least one endpoint");
	for (size_t i = 0; i < config->upstreams; i++)
		total += config->upstream[i].endpoints;
	if (total > WEIR_ENDPOINTS)
		return schema_fail(reader, node,
				   "makes it %zu endpoints in all upstreams; expected at most %u",
				   total, WEIR_ENDPOINTS);
	upstream->endpoint = calloc(node->count, sizeof(*upstream->endpoint));
	if (!upstream->endpoint)
		return schema_no_memory(reader, node);
	for (const struct node *child = node->first; child; child = child->next) {
		if (schema_want(reader, &text, child, NODE_TEXT) < 0)
			return -EINVAL;
		if (endpoint_parse(child->text, &upstream->endpoint[upstream->endpoints],
				   &problem) < 0)
			return schema_fail(reader, child, "%s", problem.text);
		upstream->endpoints++;
	}
	return 0;
}

static const struct node *child_at(const struct node *list, size_t index)
{
	const struct node *child = list->first;

	while (index--)
		child = child->next;
	return child;
}

/* Where the endpoint was written; `list`: of upstreams */
static const struct node *endpoint_node(const struct node *list, size_t upstream, size_t endpoint)
{
	return child_at(node_get(child_at(list, upstream), "endpoints"), endpoint);
}

/*
 * Calls are told apart by address, port and protocol: of two upstreams with one endpoint the second
 * would count nothing.
 */
static int check_endpoint(struct reader *reader, const struct node *list, size_t number,
			  size_t index)
{
	const struct config_upstream *upstream = &reader->config->upstream[number], *other;
	const struct config_endpoint *endpoint = &upstream->endpoint[index];

	for (size_t i = 0; i <= number; i++) {
		other = &reader->config->upstream[i];
		for (size_t j = 0; j < (i < number ? other->endpoints : index); j++) {
			if (other->protocol != upstream->protocol ||
			    !endpoint_same(&other->endpoint[j], endpoint))
				continue;
			if (i == number)
				return schema_fail(
					reader, endpoint_node(list, number, index),
					"%s is there twice, first on line %u; expected it once",
					quote(endpoint->name).text,
					endpoint_node(list, i, j)->line);
			return schema_fail(
				reader, endpoint_node(list, number, index),
				"%s is also in upstream `%s`, on line %u; expected it in one of them",
				quote(endpoint->name).text, other->name,
				endpoint_node(list, i, j)->line);
		}
	}
	return 0;
}

static int check_protocol(struct reader *reader, const struct node *node,
			  const struct config_upstream *upstream)
{
	const struct node *connect = node_get(node, "connect_timeout");

	if (upstream->protocol != IPPROTO_UDP)
		return 0;
	if (upstream->http)
		return schema_fail(
			reader, node_get(node, "http"),
			"is true, but HTTP/1 goes over TCP and the protocol here is udp; "
			"expected false, or protocol tcp");
	if (connect)
		return schema_fail(
			reader, connect,
			"is for TCP, and the protocol here is udp, which does not connect; "
			"expected answer_timeout alone");
	return 0;
}

/* An answer after `answer_timeout` is none, so it cannot be a slow one. */
static int finish_slow(struct reader *reader, const struct node *node,
		       struct config_upstream *upstream)
{
	char slow[DURATION_TEXT], timeout[DURATION_TEXT];

	if (!node_get(node, "slow") && upstream->slow_ns > upstream->answer_timeout_ns)
		upstream->slow_ns = upstream->answer_timeout_ns;
	if (upstream->slow_ns > upstream->answer_timeout_ns)
		return schema_fail(
			reader, node_get(node, "slow"),
			"%s is longer than answer_timeout, which is %s, so no answer would "
			"be slow; expected at most %s",
			number_format_duration(upstream->slow_ns, slow, sizeof(slow)),
			number_format_duration(upstream->answer_timeout_ns, timeout,
					       sizeof(timeout)),
			timeout);
	return 0;
}

static int finish_upstream(struct reader *reader, const struct node *list, const struct node *node,
			   size_t number)
{
	struct config_upstream *upstream = &reader->config->upstream[number];
	int r;

	for (size_t i = 0; i < number; i++)
		if (!strcmp(reader->config->upstream[i].name, upstream->name))
			return named_twice(reader, node, child_at(list, i), upstream->name);
	for (size_t i = 0; i < upstream->endpoints; i++) {
		r = check_endpoint(reader, list, number, i);
		if (r < 0)
			return r;
	}
	r = check_protocol(reader, node, upstream);
	if (r < 0)
		return r;
	r = finish_slow(reader, node, upstream);
	return r < 0 ? r : finish_breaker(reader, node, upstream);
}

int read_upstreams(struct reader *reader, const struct field *field, const struct node *node,
		   void *into)
{
	const struct field entry = {
		.expected = "a mapping such as {name: api, endpoints: [\"10.1.2.3:8443\"]}"};
	struct config *config = into;
	int r;

	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count > WEIR_UPSTREAMS)
		return schema_fail(reader, node, "has %zu entries; expected at most %u",
				   node->count, WEIR_UPSTREAMS);
	if (node->count == 0)
		return 0;
	config->upstream = calloc(node->count, sizeof(*config->upstream));
	if (!config->upstream)
		return schema_no_memory(reader, node);
	for (const struct node *child = node->first; child; child = child->next) {
		size_t number = config->upstreams;

		config->upstream[number] = (struct config_upstream){
			.protocol = IPPROTO_TCP,
			.slow_ns = NS_PER_SEC,
			.connect_timeout_ns = 3 * NS_PER_SEC,
			.answer_timeout_ns = 30 * NS_PER_SEC,
		};
		config_breaker_default(&config->upstream[number].breaker);
		config->upstream[number].breaker.mode = BREAKER_OFF;
		if (schema_want(reader, &entry, child, NODE_MAP) < 0)
			return -EINVAL;
		r = schema_read(reader, field->inside, child, &config->upstream[number]);
		config->upstreams++; /* also half read: it has memory of its own */
		if (r < 0)
			return r;
		r = finish_upstream(reader, node, child, number);
		if (r < 0)
			return r;
	}
	return 0;
}

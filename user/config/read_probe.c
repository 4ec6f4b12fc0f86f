/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The probe of an upstream: its values and defaults, and what contradicts itself. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "user/base/number.h"
#include "user/config/reader.h"

void config_probe_default(struct config_probe *out)
{
	*out = (struct config_probe){
		.type = PROBE_OFF,
		.interval_ns = 5 * NS_PER_SEC,
		.timeout_ns = NS_PER_SEC,
		.jitter = 1000,
		.path = "/",
		.expect_first = 200,
		.expect_last = 399,
	};
}

int read_probe(struct reader *reader, const struct field *field, const struct node *node,
	       void *into)
{
	struct config_probe *probe = into;

	probe->type = node_get(node, "path") || node_get(node, "expect") ? PROBE_HTTP : PROBE_TCP;
	return read_mapping(reader, field, node, probe);
}

/* What a request line can carry as it stands */
static bool is_path(const char *text)
{
	if (text[0] != '/')
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

int read_probe_path(struct reader *reader, const struct field *field, const struct node *node,
		    void *into)
{
	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (strlen(node->text) >= CONFIG_PROBE_PATH)
		return schema_fail(reader, node, "has %zu bytes; expected at most %d",
				   strlen(node->text), CONFIG_PROBE_PATH - 1);
	if (!is_path(node->text))
		return schema_fail(reader, node,
				   "%s is not a path; expected %s, from its first / on and in "
				   "printable ASCII without blanks",
				   quote(node->text).text, field->expected);
	strcpy(into, node->text);
	return 0;
}

/* "200", "200..399" */
static int parse_status(const char *text, uint64_t *first, uint64_t *last)
{
	const char *dots = strstr(text, "..");
	char word[8];
	int r;

	if (!dots) {
		r = number_parse(text, 100, 599, first);
		*last = *first;
		return r;
	}
	if ((size_t)(dots - text) >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, (size_t)(dots - text));
	word[dots - text] = '\0';
	r = number_parse(word, 100, 599, first);
	return r < 0 ? r : number_parse(dots + 2, *first, 599, last);
}

int read_probe_status(struct reader *reader, const struct field *field, const struct node *node,
		      void *into)
{
	struct config_probe *probe = into;
	uint64_t first = 0, last = 0;
	int r;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	r = parse_status(node->text, &first, &last);
	if (r < 0)
		return schema_fail(reader, node, "%s is %s; expected %s", quote(node->text).text,
				   r == -ERANGE ? "out of range" : "not a status", field->expected);
	probe->expect_first = (uint16_t)first;
	probe->expect_last = (uint16_t)last;
	return 0;
}

static int check_type(struct reader *reader, const struct node *node,
		      const struct config_probe *probe)
{
	const struct node *http = node_get(node, "path");

	if (!http)
		http = node_get(node, "expect");
	if (http && probe->type == PROBE_TCP)
		return schema_fail(reader, http,
				   "is for HTTP, and the type here is tcp; expected type: http");
	return 0;
}

int finish_probe(struct reader *reader, const struct node *node, struct config_upstream *upstream)
{
	const struct node *map = node_get(node, "probe");
	struct config_probe *probe = &upstream->probe;
	char interval[DURATION_TEXT];

	if (!map)
		return 0;
	if (upstream->protocol != IPPROTO_TCP && probe->type != PROBE_OFF)
		return schema_fail(reader, map,
				   "is for TCP, and the protocol here is udp; expected none");
	if (!node_get(map, "timeout") && probe->timeout_ns > probe->interval_ns)
		probe->timeout_ns = probe->interval_ns;
	if (probe->timeout_ns > probe->interval_ns)
		return schema_fail(reader, node_get(map, "timeout"),
				   "%s is longer than interval, which is %s; expected at most that",
				   quote(node_get(map, "timeout")->text).text,
				   number_format_duration(probe->interval_ns, interval,
							  sizeof(interval)));
	return check_type(reader, map, probe);
}

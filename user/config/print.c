/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The model as a file. Everything is written out, defaults as well: it says what is in force. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <syslog.h>

#include "user/base/number.h"
#include "user/base/words.h"
#include "user/config/limit.h"
#include "user/config/match.h"
#include "user/config/print.h"

/* Line breaks of YAML that are no control characters of ASCII: folded into blanks, were they written as they are */
static const struct {
	const char *text, *escape;
} breaks[] = {
	{"\xc2\x85", "\\N"},	 /* U+0085, next line */
	{"\xe2\x80\xa8", "\\L"}, /* U+2028, line separator */
	{"\xe2\x80\xa9", "\\P"}, /* U+2029, paragraph separator */
};

/* How many bytes of `text` were written as an escape */
static size_t print_break(const char *text, FILE *out)
{
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		if (!strncmp(text, breaks[i].text, strlen(breaks[i].text))) {
			fputs(breaks[i].escape, out);
			return strlen(breaks[i].text);
		}
	return 0;
}

void print_text(const char *text, FILE *out)
{
	fputc('"', out);
	while (*text) {
		size_t skip = print_break(text, out);

		if (skip == 0) {
			if (*text == '"' || *text == '\\')
				fputc('\\', out);
			if (*text == '$')
				fputc('$', out);
			fputc(*text, out);
			skip = 1;
		}
		text += skip;
	}
	fputc('"', out);
}

static void print_prefixes(const char *indent, const char *name,
			   const struct config_prefixes *prefixes, FILE *out)
{
	char text[PREFIX_TEXT];

	if (prefixes->count == 0)
		return;
	fprintf(out, "%s%s:\n", indent, name);
	for (size_t i = 0; i < prefixes->count; i++)
		fprintf(out, "%s  - \"%s\"\n", indent,
			config_format_prefix(&prefixes->at[i], text, sizeof(text)));
}

static void print_matches(const char *indent, const char *name, const struct config_match *match,
			  size_t count, FILE *out)
{
	char text[WEIR_MATCH_TEXT];

	fprintf(out, "%s%s: [", indent, name);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? ", " : "", match_format(&match[i], text, sizeof(text)));
	fputs("]\n", out);
}

/* A limit of a cluster has a field more than its line can say. */
static void print_limit(const struct config_limit *limit, FILE *out)
{
	char text[WEIR_LIMIT_TEXT];

	if (!limit->cluster) {
		fprintf(out, "        - %s\n", limit_format(limit, text, sizeof(text)));
		return;
	}
	fprintf(out,
		"        - {rate: %llu/%s, unit: %s, burst: %llu, scope: cluster, on_outage: %s}\n",
		(unsigned long long)limit->amount, limit_period_word(limit->period_ns),
		unit_word(limit->unit), (unsigned long long)limit->burst,
		outage_word(limit->on_outage));
}

static void print_limits(const struct config *config, const struct config_service *service,
			 bool group, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < config->tiers; i++) {
		const struct config_rule *rule = &service->rule[i];
		const struct config_limit *limit = group ? rule->group : rule->limit;
		size_t count = group ? rule->groups : rule->limits;

		if (count == 0)
			continue;
		if (!any)
			fprintf(out, "    %s:\n", group ? "group_limits" : "limits");
		any = true;
		fprintf(out, "      \"%s\":\n", config->tier[i].name);
		for (size_t j = 0; j < count; j++)
			print_limit(&limit[j], out);
	}
}

static void print_service(const struct config *config, const struct config_service *service,
			  FILE *out)
{
	fprintf(out, "  - name: \"%s\"\n", service->name);
	if (service->matches > 0)
		print_matches("    ", "match", service->match, service->matches, out);
	print_prefixes("    ", "destinations", &service->destinations, out);
	fprintf(out, "    mode: %s\n", service->observe ? "observe" : "enforce");
	fprintf(out, "    on_limit: %s\n", service->reject ? "reject" : "drop");
	fprintf(out, "    client_prefix: {ipv4: %u, ipv6: %u}\n", service->client_ipv4,
		service->client_ipv6);
	fprintf(out, "    parent_prefix: {ipv4: %u, ipv6: %u}\n", service->parent_ipv4,
		service->parent_ipv6);
	if (service->new_clients > 0)
		fprintf(out, "    new_clients: %llu/s\n", (unsigned long long)service->new_clients);
	else
		fputs("    new_clients: unlimited\n", out);
	fprintf(out, "    latency: %s\n", service->latency ? "true" : "false");
	print_limits(config, service, false, out);
	print_limits(config, service, true, out);
}

static void print_duration(const char *before, uint64_t ns, const char *after, FILE *out)
{
	char text[DURATION_TEXT];

	fprintf(out, "%s%s%s", before, number_format_duration(ns, text, sizeof(text)), after);
}

static void print_upstream(const struct config_upstream *upstream, FILE *out)
{
	bool tcp = upstream->protocol == IPPROTO_TCP;

	fprintf(out, "  - name: \"%s\"\n    endpoints: [", upstream->name);
	for (size_t i = 0; i < upstream->endpoints; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", upstream->endpoint[i].name);
	fprintf(out, "]\n    protocol: %s\n", tcp ? "tcp" : "udp");
	fprintf(out, "    http: %s\n", upstream->http ? "true" : "false");
	print_duration("    slow: ", upstream->slow_ns, "\n", out);
	if (tcp)
		print_duration("    connect_timeout: ", upstream->connect_timeout_ns, "\n", out);
	print_duration("    answer_timeout: ", upstream->answer_timeout_ns, "\n", out);
	print_breaker(&upstream->breaker, out);
	print_probe(&upstream->probe, out);
}

static void print_latency(const struct config *config, FILE *out)
{
	if (config->upstreams > 0)
		fputs("upstreams:\n", out);
	for (size_t i = 0; i < config->upstreams; i++)
		print_upstream(&config->upstream[i], out);
	fprintf(out, "latency:\n  enabled: %s\n  buckets: [", config->latency ? "true" : "false");
	for (size_t i = 0; i < config->buckets; i++)
		print_duration(i ? ", " : "", config->bucket_ns[i], "", out);
	fputs("]\n", out);
}

static void print_interfaces_and_tiers(const struct config *config, FILE *out)
{
	static const char *const attach[] = {"auto", "native", "generic", "tc"};

	fputs("interfaces:\n", out);
	for (size_t i = 0; i < config->interfaces; i++) {
		fputs("  - name: ", out);
		print_text(config->interface[i].name, out);
		fprintf(out, "\n    attach: %s\n", attach[config->interface[i].attach]);
	}
	fputs("tiers:\n", out);
	for (size_t i = 0; i < config->tiers; i++) {
		fprintf(out, "  - name: \"%s\"\n", config->tier[i].name);
		print_prefixes("    ", "prefixes", &config->tier[i].prefixes, out);
		if (config->tier[i].unlimited)
			fputs("    unlimited: true\n", out);
	}
}

static void print_host(const struct config *config, FILE *out)
{
	static const char *const formats[] = {"auto", "text", "json"};

	fputs("http:\n  listen: ", out);
	print_text(config->http_listen ? config->http_listen : "off", out);
	fputs("\n  admin: ", out);
	print_text(config->admin, out);
	fprintf(out, "\ntable: {clients: %llu, flows: %llu}\nnode: ",
		(unsigned long long)config->clients, (unsigned long long)config->flows);
	print_text(config->node, out);
	fputs("\npins: ", out);
	print_text(config->pins, out);
	fprintf(out, "\non_exit: %s\n", config->keep_on_exit ? "keep" : "detach");
	fprintf(out, "log: {format: %s, level: %s}\n", formats[config->log_format],
		config->log_level == LOG_ERR	   ? "error"
		: config->log_level == LOG_WARNING ? "warning"
		: config->log_level == LOG_INFO	   ? "info"
						   : "debug");
}

int config_print(const struct config *config, FILE *out)
{
	print_interfaces_and_tiers(config, out);
	print_cluster(&config->cluster, out);
	fputs("services:\n", out);
	for (size_t i = 0; i < config->services; i++)
		print_service(config, &config->service[i], out);
	print_latency(config, out);
	print_prefixes("", "deny", &config->deny, out);
	print_prefixes("", "allow", &config->allow, out);
	print_matches("", "protected_ports", config->protected, config->protecteds, out);
	print_host(config, out);
	return ferror(out) ? -EIO : 0;
}

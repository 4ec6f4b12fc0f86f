/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/metrics.h"

#include <errno.h>

#include "user/metrics/writer.h"

static const struct metrics_family family[] = {
#define X(emitter, source_, name_, type_, unit_, help_, ...) \
	{.name = name_,                                      \
	 .type = METRICS_##type_,                            \
	 .unit = unit_,                                      \
	 .help = help_,                                      \
	 .label = {__VA_ARGS__},                             \
	 .source = offsetof(struct metrics_input, source_),  \
	 .emit = metrics_emit_##emitter},
	METRICS_FAMILIES(X)
#undef X
};

#define FAMILIES (sizeof(family) / sizeof(family[0]))

const struct snapshot_cluster *metrics_cluster(const struct snapshot *snapshot)
{
	return snapshot && snapshot->cluster.enabled ? &snapshot->cluster : NULL;
}

int metrics_write(enum metrics_format format, const struct metrics_input *input, struct buffer *out)
{
	struct metrics_writer writer = {.out = out, .format = format};

	for (size_t i = 0; i < FAMILIES; i++) {
		writer.family = &family[i];
		if (!*(const void *const *)((const char *)input + family[i].source))
			continue;
		family[i].emit(&writer, input);
		metrics_end_family(&writer);
	}
	buffer_release(&writer.body);
	if (format == METRICS_OPENMETRICS)
		buffer_text(out, "# EOF\n");
	return out->failed ? -ENOMEM : 0;
}

const char *metrics_content_type(enum metrics_format format)
{
	static const char *const type[] = {
		[METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
		[METRICS_OPENMETRICS] =
			"application/openmetrics-text; version=1.0.0; charset=utf-8",
		[METRICS_PROTOBUF] =
			"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
	};

	return type[format];
}

static void document_family(const struct metrics_family *row, struct buffer *out)
{
	static const char *const type[] = {"counter", "gauge", "histogram"};

	buffer_format(out, "| `%s` | %s | ", row->name, type[row->type]);
	for (size_t i = 0; row->label[i]; i++)
		buffer_format(out, "%s`%s`", i ? ", " : "", row->label[i]);
	buffer_format(out, " | %s | %s |\n", row->unit, row->help);
}

int metrics_document(struct buffer *out)
{
	static const char *const action[] = {"passes", "dropped",
					     "dropped, TCP answered with a RST"};

	buffer_text(out,
		    "| name | type | labels | unit | meaning |\n| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < FAMILIES; i++)
		document_family(&family[i], out);

	buffer_text(
		out,
		"\nVerdicts (label `verdict`; those that do not pass are also the values of `reason`):\n\n");
	buffer_text(out, "| verdict | the packet | why |\n| --- | --- | --- |\n");
#define X(name, does, text, help) \
	buffer_format(out, "| `%s` | %s | %s |\n", text, action[WEIR_ACTION_##does], help);
	WEIR_VERDICTS(X)
#undef X
	return out->failed ? -ENOMEM : 0;
}

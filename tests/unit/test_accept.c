/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/http/accept.h"

#define PROTOBUF \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

static void accept_headers_are_weighed(void **state)
{
	/* clang-format off */
	static const struct {
		const char *accept;
		enum metrics_format format;
	} row[] = {
		{NULL, METRICS_TEXT},
		{"", METRICS_TEXT},
		{"*/*", METRICS_TEXT},
		{"text/html, application/json", METRICS_TEXT},
		{"application/openmetrics-text", METRICS_OPENMETRICS},
		{"APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", METRICS_OPENMETRICS},
		{"application/openmetrics-text; version=0.0.1", METRICS_TEXT},
		{"application/openmetrics-text; version=2.0.0, */*;q=0.1", METRICS_TEXT},
		{"application/openmetrics-text;q=0", METRICS_TEXT},
		{"application/openmetrics-text;q=nan", METRICS_TEXT},
		{"application/openmetrics-text;q=0.5, text/plain;q=0.6", METRICS_TEXT},
		{"application/openmetrics-text;q=0.6, text/plain;q=0.5", METRICS_OPENMETRICS},
		{"application/openmetrics-text;q=0.6, text/*;q=0.9, text/plain;q=0.1", METRICS_OPENMETRICS},
		{"text/plain , application/openmetrics-text ; q = 1", METRICS_OPENMETRICS},
		{"application/openmetrics-text;version=1.0.0;q=0.1, application/openmetrics-text;q=1, text/plain;q=0.5", METRICS_TEXT},
		{PROTOBUF, METRICS_PROTOBUF},
		{"Application/VND.google.protobuf ; Encoding=\"delimited\" ; PROTO=\"io.prometheus.client.MetricFamily\"", METRICS_PROTOBUF},
		{"application/vnd.google.protobuf", METRICS_TEXT},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", METRICS_TEXT},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", METRICS_TEXT},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text", METRICS_TEXT},
		{"application/vnd.google.protobuf;proto=com.example.Other;encoding=delimited", METRICS_TEXT},
		{PROTOBUF ";q=0", METRICS_TEXT},
		{PROTOBUF ";q=0.5, text/plain;q=0.6", METRICS_TEXT},
		{PROTOBUF ";q=0.6, application/openmetrics-text;q=0.7", METRICS_OPENMETRICS},
		{PROTOBUF ";q=0.7, application/openmetrics-text;q=0.6, text/plain;q=0.1", METRICS_PROTOBUF},
		{"text/plain, application/openmetrics-text, " PROTOBUF, METRICS_PROTOBUF},
		{PROTOBUF ";q=0.6, application/openmetrics-text;q=0.5, */*;q=0.8", METRICS_TEXT},
		/* Prometheus 2.42 with native histograms, 3.x with them; then without */
		{PROTOBUF ",application/openmetrics-text;version=1.0.0;q=0.8,"
		 "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_PROTOBUF},
		{PROTOBUF ";escaping=allow-utf-8;q=0.7,"
		 "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
		 "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", METRICS_PROTOBUF},
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_OPENMETRICS},
		{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		 "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		 "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", METRICS_OPENMETRICS},
		{";;,=,,;q=,/", METRICS_TEXT},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (accept_format(row[i].accept) != row[i].format)
			fail_msg("Accept: %s", row[i].accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_headers_are_weighed),
	};

	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}

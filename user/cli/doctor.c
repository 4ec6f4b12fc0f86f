/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/doctor/doctor.h"

#include <jansson.h>
#include <unistd.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/reader.h"
#include "user/cli/render.h"
#include "user/cli/session.h"

static json_t *check_json(const struct report_check *check)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "name", check->name, "status",
				 report_word(check->status), "message", check->message, "fix",
				 check->fix);

	if (json && check->interface[0])
		json_object_set_new(json, "interface", json_string(check->interface));
	return json;
}

static json_t *report_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->checks; i++)
		json_array_append_new(list, check_json(&report->check[i]));
	return json_pack("{s:s, s:o}", "status", report_word(report_worst(report)), "checks", list);
}

static int print(const json_t *json, const struct cli_options *options)
{
	struct client_error error = {0};
	struct page page = session_page();
	int result;

	if (options->json) {
		json_dumpf(json, stdout, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);
		putchar('\n');
		return CLI_OK;
	}
	/* What to do must not be cut: a line too long wraps */
	page.width = page.height = 0;
	result = render_doctor(json, &page, error.text, sizeof(error.text));
	return result ? session_failed("doctor", result, &error) : CLI_OK;
}

int cli_doctor(const struct cli_options *options)
{
	const struct doctor_options doctor = {
		.config_path = options->config,
		.default_path = CLI_DEFAULT_CONFIG,
		.interfaces = options->interface,
		.interfaces_count = options->interfaces,
	};
	_cleanup_json_ json_t *json = NULL;
	struct report report;
	int result;

	if (doctor_examine(&doctor, &report)) {
		fprintf(stderr, "weir doctor: out of memory\n");
		return CLI_FAILED;
	}
	json = report_json(&report);
	result = print(json, options);
	if (!result && report_worst(&report) == REPORT_FAIL)
		result = CLI_FAILED;
	report_clear(&report);
	return result;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words after `weir`: commands, options, help. Completion and man page keep up with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/abi/types.h"
#include "tests/unit/capture.h"
#include "user/cli/cli.h"
#include "user/cli/client.h"
#include "user/cli/command.h"
#include "user/cli/completion.h"
#include "user/cluster/redis_worker.h"
#include "user/daemon/daemon.h"
#include "user/datapath/datapath.h"
#include "user/doctor/doctor.h"

#define MAN_PAGE "docs/man/weir.8"
#define BASH_COMPLETION "scripts/completion/weir.bash"
#define NS_PER_MS 1000000ULL

/* In place of the daemon and the datapath: they say how they were called. */
int daemon_run(const struct daemon_options *options)
{
	printf("config=%s interfaces=%zu", options->config_path ? options->config_path : "-",
	       options->interfaces_count);
	for (size_t i = 0; i < options->interfaces_count; i++)
		printf(" %s", options->interfaces[i]);
	printf(" log=%s level=%s socket=%s\n", options->log_format ? options->log_format : "-",
	       options->log_level ? options->log_level : "-",
	       options->socket ? options->socket : "-");
	return 0;
}

int datapath_detach_pins(const char *pins, char *error, size_t size)
{
	if (strstr(pins, "broken")) {
		snprintf(error, size, "%s: not a bpf file system", pins);
		return -EINVAL;
	}
	return strstr(pins, "empty") ? 0 : 3;
}

const char *datapath_libbpf_version(void)
{
	return "v1.1";
}

int doctor_examine(const struct doctor_options *options, struct report *out)
{
	printf("config=%s interfaces=%zu\n", options->config_path ? options->config_path : "-",
	       options->interfaces_count);
	*out = (struct report){0};
	return 0;
}

static struct captured weir(const char *words)
{
	char line[512];

	snprintf(line, sizeof(line), "weir %s", words);
	return capture(cli_main, line);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void assert_refused(const char *words, const char *why)
{
	struct captured outcome = weir(words);

	assert_int_equal(outcome.code, CLI_USAGE);
	assert_string_equal(outcome.out, "");
	assert_contains(outcome.err, why);
}

static struct cli_options parsed(const char *name, const char *words)
{
	static char copy[512]; /* what the options point into, until the next are parsed */
	char *argv[32] = {(char *)name};
	struct cli_options options;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	cli_parse(cli_find_command(name), argc, argv, &options);
	return options;
}

static void times_are_seconds_or_have_a_unit(void **state)
{
	assert_int_equal(parsed("top", "--interval 2").interval_ns, 2000 * NS_PER_MS);
	assert_int_equal(parsed("top", "--interval=0.5").interval_ns, 500 * NS_PER_MS);
	assert_int_equal(parsed("top", "-n 250ms").interval_ns, 250 * NS_PER_MS);
	assert_int_equal(parsed("ban", "::1 --for 10m").for_seconds, 600);
	assert_int_equal(parsed("ban", "::1 --for 90").for_seconds, 90);
	assert_int_equal(parsed("ban", "::1 -f 7d").for_seconds, 7 * 86400);
	assert_int_equal(parsed("ban", "::1").for_seconds, 0);
}

static void times_that_make_no_sense_are_refused(void **state)
{
	static const char *const word[] = {"0",	    "-1",
					   "10x",   "m",
					   "1e3",   "0x10",
					   "1h30m", "99999999999999999999999999999999",
					   "50ms",  "2h"};
	char words[64];

	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++) {
		snprintf(words, sizeof(words), "top --interval=%s", word[i]);
		assert_refused(words, "--interval:");
	}
	assert_refused("ban 192.0.2.1 --for 999ms", "a second or more");
	assert_refused("ban 192.0.2.1 --for 0", "a second or more");
}

static void an_option_means_the_same_long_and_short(void **state)
{
	assert_string_equal(parsed("top", "-b refused").by, "refused");
	assert_string_equal(parsed("top", "--by=refused").by, "refused");
	assert_int_equal(parsed("top", "-l 256").limit, 256);
	assert_string_equal(parsed("top", "-S web").service, "web");
	assert_string_equal(parsed("top", "-s /x").socket, "/x");
	assert_true(parsed("status", "-j").json);
	assert_true(parsed("top", "--once").once);
	assert_int_equal(parsed("events", "--count 3").count, 3);
	assert_string_equal(parsed("unban", "-j -- 192.0.2.1").operand, "192.0.2.1");
	assert_true(parsed("top", "-F").flows);
	assert_string_equal(parsed("top", "-F -U api").upstream, "api");
	assert_string_equal(parsed("top", "-F --sort bytes").sort, "bytes");
}

static void latency_takes_any_number_of_names(void **state)
{
	struct cli_options options = parsed("latency", "web --once api -- dns");

	assert_int_equal(options.operand_count, 3);
	assert_string_equal(options.operands[0], "web");
	assert_string_equal(options.operands[1], "api");
	assert_string_equal(options.operands[2], "dns");
	assert_int_equal(parsed("latency", "--once").operand_count, 0);
	assert_int_equal(parsed("latency", "web").operand_count, 1);
	assert_int_equal(parsed("latency", "1 2 3 4 5 6 7 8").operand_count, 8);
}

static void wrong_words_are_refused_with_the_reason(void **state)
{
	assert_refused("", "a command is missing");
	assert_refused("frob", "there is no command 'frob'");
	assert_refused("--socket /x status", "options come after the command");
	assert_refused("help frob", "there is no command 'frob'");
	assert_refused("ban", "PREFIX is missing");
	assert_refused("check", "FILE is missing");
	assert_refused("ban 192.0.2.1 192.0.2.2", "takes one PREFIX");
	assert_refused("status web", "takes no argument");
	assert_refused("status --once", "unrecognized option");
	assert_refused("top --by size", "none of: refused passed total");
	assert_refused("top --by", "requires an argument");
	assert_refused("top --by passed-total", "none of");
	assert_refused("top --by pass", "none of");
	assert_refused("top --sort rate", "--sort sorts flows: add --flows");
	assert_refused("top --upstream api", "--upstream chooses flows: add --flows");
	assert_refused("top --flows --by total", "--sort rate or --sort bytes");
	assert_refused("top --flows --sort size", "none of: rate bytes");
	assert_refused("latency 1 2 3 4 5 6 7 8 9", "at most 8 names");
	assert_refused("latency --by total", "unrecognized option");
	assert_refused("top --limit 0", "from 1 to 256");
	assert_refused("top --limit 257", "from 1 to 256");
	assert_refused("top --limit 1e2", "from 1 to 256");
	assert_refused("events --count -1", "whole number");
	assert_refused("run --log xml", "none of: text json");
	assert_refused("run --log-level loud", "none of");
	assert_refused("help --completion fish", "none of: bash");
	assert_refused("ban 300.1.2.3", "no address or prefix");
	assert_refused("unban web", "no address or prefix");
}

static void run_takes_a_configuration_or_interfaces(void **state)
{
	assert_string_equal(weir("run").out, "config=/etc/weir/weir.yaml interfaces=0 log=- "
					     "level=- socket=-\n");
	assert_string_equal(weir("run -c /w.yaml --log json --log-level debug -s /s").out,
			    "config=/w.yaml interfaces=0 log=json level=debug socket=/s\n");
	assert_string_equal(weir("run -i eth0 --interface=eth1").out,
			    "config=- interfaces=2 eth0 eth1 log=- level=- socket=-\n");
	assert_refused("run -c /w.yaml -i eth0", "either --config or --interface");
	assert_refused("run -i sixteen-letters0", "cannot be the name of an interface");
	assert_refused("run -i a/b", "cannot be the name of an interface");
	assert_refused("run -i1 -i2 -i3 -i4 -i5 -i6 -i7 -i8 -i9 -i10 -i11 -i12 -i13 -i14 -i15 "
		       "-i16 -i17",
		       "at most 16");
}

static void the_socket_is_the_options_then_the_environments_then_the_default(void **state)
{
	unsetenv("WEIR_SOCKET");
	assert_string_equal(client_socket_path(NULL), "/run/weir/weir.sock");
	setenv("WEIR_SOCKET", "", 1);
	assert_string_equal(client_socket_path(NULL), "/run/weir/weir.sock");
	setenv("WEIR_SOCKET", "/tmp/x.sock", 1);
	assert_string_equal(client_socket_path(NULL), "/tmp/x.sock");
	assert_string_equal(client_socket_path("/tmp/y.sock"), "/tmp/y.sock");
	unsetenv("WEIR_SOCKET");
}

static void detach_works_on_pins_that_are_surely_meant(void **state)
{
	struct captured outcome = weir("detach --pins /x");

	assert_int_equal(outcome.code, CLI_OK);
	assert_string_equal(outcome.out, "no daemon was asked; removed 3 objects from /x\n");
	outcome = weir("detach --pins /empty");
	assert_string_equal(outcome.out, "no daemon was asked; nothing is pinned under /empty\n");
	outcome = weir("detach --pins /x --json");
	assert_string_equal(outcome.out, "{\"pins_removed\":3}\n");
	outcome = weir("detach --pins /broken");
	assert_int_equal(outcome.code, CLI_FAILED);
	assert_string_equal(outcome.err, "weir detach: /broken: not a bpf file system\n");
	/* Named both: the daemon first, then the pins */
	outcome = weir("detach --pins /x --socket /nonexistent/weir.sock");
	assert_string_equal(outcome.out, "no daemon answers; removed 3 objects from /x\n");
	/* Its socket named, its pins not: they may be anybody's */
	outcome = weir("detach --socket /nonexistent/weir.sock");
	assert_int_equal(outcome.code, CLI_FAILED);
	assert_string_equal(outcome.out, "");
	assert_contains(outcome.err, "add --pins PATH");
}

static void help_is_there_for_weir_and_each_command(void **state)
{
	struct captured overview = weir("help");
	char words[64], summary[256];

	assert_int_equal(overview.code, CLI_OK);
	assert_string_equal(weir("--help").out, overview.out);
	assert_string_equal(weir("-h").out, overview.out);
	for (size_t i = 0; i < cli_commands; i++) {
		snprintf(summary, sizeof(summary), "%s", cli_command[i].summary);
		assert_contains(overview.out, summary);
		snprintf(words, sizeof(words), "help %s", cli_command[i].name);
		struct captured help = weir(words);

		assert_int_equal(help.code, CLI_OK);
		assert_contains(help.out, summary);
		snprintf(words, sizeof(words), "%s --help", cli_command[i].name);
		assert_string_equal(weir(words).out, help.out);
		snprintf(words, sizeof(words), "%s -h", cli_command[i].name);
		assert_string_equal(weir(words).out, help.out);
	}
}

static void version_names_all_that_a_report_needs(void **state)
{
	struct captured outcome = weir("--version");
	char hiredis[64], layout[64];

	assert_int_equal(outcome.code, CLI_OK);
	assert_contains(outcome.out, "weir ");
	assert_contains(outcome.out, "\nrevision ");
	assert_contains(outcome.out, "\nlibbpf v1.1\n");
	snprintf(layout, sizeof(layout), ", %s TLS\nlayout %d\nkernel ",
		 redis_has_tls() ? "with" : "without", WEIR_LAYOUT);
	assert_contains(outcome.out, layout);
	snprintf(hiredis, sizeof(hiredis), "\nhiredis %s, ", redis_library_version());
	assert_contains(outcome.out, hiredis);
	outcome = weir("version --json");
	assert_contains(outcome.out, "\"libbpf\":\"v1.1\"");
	snprintf(hiredis, sizeof(hiredis), "\"hiredis\":\"%s\"", redis_library_version());
	assert_contains(outcome.out, hiredis);
	assert_contains(outcome.out,
			redis_has_tls() ? "\"redis_tls\":true" : "\"redis_tls\":false");
}

static void output_that_does_not_arrive_is_a_failure(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		char *argv[] = {"weir", "help", NULL};

		if (!freopen("/dev/full", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(99);
		_exit(cli_main(2, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CLI_FAILED);
}

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text;
	size_t length;

	if (!file) {
		fail_msg("cannot open %s: %s (tests run in the root of the repository)", path,
			 strerror(errno));
		return NULL;
	}
	text = calloc(1, 1 << 16);
	assert_non_null(text);
	length = fread(text, 1, (1 << 16) - 1, file);
	assert_true(length < (1 << 16) - 1);
	fclose(file);
	return text;
}

static void the_bash_completion_is_up_to_date(void **state)
{
	char *kept = read_whole(BASH_COMPLETION), *made = NULL;
	size_t length;
	FILE *out = open_memstream(&made, &length);

	assert_non_null(out);
	completion_bash(out);
	fclose(out);
	if (strcmp(kept, made))
		fail_msg("to do: build/weir help --completion bash > " BASH_COMPLETION);
	free(kept);
	free(made);
}

/* The text between two marks, cut out; the mark must be there. */
static char *part(const char *text, const char *from, const char *to)
{
	const char *start = strstr(text, from), *end;

	if (!start)
		fail_msg(MAN_PAGE ": no \"%s\"", from);
	end = strstr(start + strlen(from), to);
	assert_non_null(end);
	return strndup(start, (size_t)(end - start));
}

/* "Fl -name" as a whole word. */
static int has_option(const char *text, const char *name)
{
	char mark[64];
	size_t length = (size_t)snprintf(mark, sizeof(mark), "Fl -%s", name);

	for (; (text = strstr(text, mark)); text += length)
		if (text[length] == ' ' || text[length] == '\n')
			return 1;
	return 0;
}

static void the_man_page_has_each_command_with_exactly_its_options(void **state)
{
	char *page = read_whole(MAN_PAGE), mark[64];

	for (size_t i = 0; i < cli_commands; i++) {
		const struct cli_command *command = &cli_command[i];
		char *entry;

		snprintf(mark, sizeof(mark), ".It Xo\n.Cm %s\n", command->name);
		entry = part(page, mark, ".Xc");
		for (size_t number = 0; number < CLI_OPTION_COUNT; number++) {
			int wanted = !!(command->options & 1u << number);

			if (has_option(entry, cli_option[number].name) != wanted)
				fail_msg(MAN_PAGE ", %s: --%s %s", command->name,
					 cli_option[number].name,
					 wanted ? "is missing" : "is no option of it");
		}
		free(entry);
	}
	free(page);
}

static void the_man_page_explains_each_option_with_its_letter(void **state)
{
	char *page = read_whole(MAN_PAGE), mark[96], letter[16] = "";
	char *options = part(page, ".Sh OPTIONS", ".Sh SIGNALS");

	for (size_t number = 0; number < CLI_OPTION_COUNT; number++) {
		const struct cli_option *option = &cli_option[number];

		snprintf(letter, sizeof(letter), option->key ? "Fl %c , " : "", option->key);
		snprintf(mark, sizeof(mark), ".It %sFl -%s%s%s\n", letter, option->name,
			 option->argument ? " Ar " : "", option->argument ? option->argument : "");
		if (!strstr(options, mark))
			fail_msg(MAN_PAGE ", OPTIONS: no line \"%s\"", mark);
	}
	free(options);
	free(page);
}

static void list_has_each_command_and_option_once(void **state)
{
	struct captured outcome = weir("help --list");
	size_t lines = 0, expected = cli_commands;

	for (const char *at = outcome.out; (at = strchr(at, '\n')); at++)
		lines++;
	for (size_t i = 0; i < cli_commands; i++)
		expected += (size_t)__builtin_popcount(cli_command[i].options);
	assert_int_equal(lines, expected);
	assert_contains(outcome.out, "\nban --for\n");
}

static void no_command_has_two_options_of_one_letter(void **state)
{
	for (size_t i = 0; i < CLI_OPTION_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(cli_option[i].key && cli_option[i].key == cli_option[j].key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_seconds_or_have_a_unit),
		cmocka_unit_test(times_that_make_no_sense_are_refused),
		cmocka_unit_test(an_option_means_the_same_long_and_short),
		cmocka_unit_test(latency_takes_any_number_of_names),
		cmocka_unit_test(wrong_words_are_refused_with_the_reason),
		cmocka_unit_test(run_takes_a_configuration_or_interfaces),
		cmocka_unit_test(the_socket_is_the_options_then_the_environments_then_the_default),
		cmocka_unit_test(detach_works_on_pins_that_are_surely_meant),
		cmocka_unit_test(help_is_there_for_weir_and_each_command),
		cmocka_unit_test(version_names_all_that_a_report_needs),
		cmocka_unit_test(output_that_does_not_arrive_is_a_failure),
		cmocka_unit_test(the_bash_completion_is_up_to_date),
		cmocka_unit_test(the_man_page_has_each_command_with_exactly_its_options),
		cmocka_unit_test(the_man_page_explains_each_option_with_its_letter),
		cmocka_unit_test(list_has_each_command_and_option_once),
		cmocka_unit_test(no_command_has_two_options_of_one_letter),
	};

	unsetenv("WEIR_SOCKET");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

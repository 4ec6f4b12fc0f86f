/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/log.h"
#include "user/base/log_repeats.h"

#define TEXT ((struct log_style){})
#define JSON ((struct log_style){.json = true})

/* Standard error, caught in memory */
struct capture {
	int memory;
	int saved;
};

static struct capture capture_start(void)
{
	struct capture capture = {memfd_create("log", MFD_CLOEXEC), dup(STDERR_FILENO)};

	assert_true(capture.memory >= 0 && capture.saved >= 0);
	/* Files and pipes keep writers apart by themselves; memory only when it is appended to. */
	assert_int_equal(fcntl(capture.memory, F_SETFL, O_APPEND), 0);
	assert_int_equal(dup2(capture.memory, STDERR_FILENO), STDERR_FILENO);
	return capture;
}

/* What was written; for free(). */
static char *capture_end(struct capture *capture)
{
	off_t length = lseek(capture->memory, 0, SEEK_END);
	char *text = calloc(1, (size_t)length + 1);

	assert_int_equal(dup2(capture->saved, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(pread(capture->memory, text, (size_t)length, 0), length);
	close(capture->saved);
	close(capture->memory);
	return text;
}

static void assert_like(const char *text, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, text, 0, NULL, 0))
		fail_msg("%s\nis not like\n%s", text, pattern);
	regfree(&regex);
}

static void assert_member(const json_t *line, const char *name, const char *value)
{
	assert_string_equal(json_string_value(json_object_get(line, name)), value);
}

#define log_request(level, component, id, ...)                             \
	do {                                                               \
		assert_null(log_set_request(id));                          \
		log_write(level, component, __VA_ARGS__);                  \
		assert_ptr_equal(log_set_request(NULL), (const void *)id); \
	} while (0)

static void text_lines_are_short(void **state)
{
	struct capture capture = capture_start();
	char *text;

	(void)state;
	log_setup(TEXT, LOG_DEBUG);
	log_error("datapath", "no %s", "link");
	log_warning("http", "slow");
	log_info("control", "up");
	log_debug("table", "scan of %d", 7);
	log_request(LOG_INFO, "http", "r-1", "GET /");
	text = capture_end(&capture);
	assert_like(text, "^[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} ERROR datapath: no link\n"
			  "[0-9:.]{12} WARN  http: slow\n"
			  "[0-9:.]{12} INFO  control: up\n"
			  "[0-9:.]{12} DEBUG table: scan of 7\n"
			  "[0-9:.]{12} INFO  http: \\[r-1\\] GET /\n$");
	free(text);
}

static void json_lines_hold_their_members(void **state)
{
	struct capture capture = capture_start();
	json_t *line;
	char *text;

	(void)state;
	log_setup(JSON, LOG_INFO);
	log_request(LOG_WARNING, "http", "r\"1", "a \"quoted\" \\ line\nand\ttab \x1b[2J %s",
		    "\xc3\xa4 \xff \xf0\x9f\x98\x80");
	text = capture_end(&capture);
	assert_like(
		text,
		"^\\{\"ts\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z\","
		"\"level\":\"warning\",");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	assert_int_equal(json_object_size(line), 5);
	assert_member(line, "component", "http");
	assert_member(line, "request_id", "r\"1");
	assert_member(
		line, "msg",
		"a \"quoted\" \\ line\nand\ttab \x1b[2J \xc3\xa4 \xef\xbf\xbd \xf0\x9f\x98\x80");
	json_decref(line);
	free(text);
}

static void without_a_request_there_is_no_id(void **state)
{
	struct capture capture = capture_start();
	char *text;

	(void)state;
	log_setup(JSON, LOG_INFO);
	log_info("control", "up");
	text = capture_end(&capture);
	assert_null(strstr(text, "request_id"));
	free(text);
}

/* What a client chose must not look like a line of ours. */
static void text_cannot_forge_a_line(void **state)
{
	struct capture capture = capture_start();
	char *text;

	(void)state;
	log_setup(TEXT, LOG_INFO);
	log_request(LOG_INFO, "http", "x\n00:00:00.000 ERROR a: b", "%s", "\r\x1b[1A\x7f");
	text = capture_end(&capture);
	assert_like(text, "^[0-9:.]{12} INFO  http: \\[x\\\\x0a00:00:00.000 ERROR a: b\\] "
			  "\\\\x0d\\\\x1b\\[1A\\\\x7f\n$");
	free(text);
}

/* What turns the reading direction or begins a command to a terminal without a byte below 0x20 */
static void controls_beyond_ascii_are_escaped(void **state)
{
	static const char message[] = "a\xc2\x9b"
				      "2J b\xe2\x80\xae"
				      "c\xe2\x81\xa6"
				      "d\xe2\x80\xa8"
				      "e \xc2\xa0 \xe2\x80\xa7 \xe2\x82\xac";
	struct capture capture = capture_start();
	json_t *line;
	char *text;

	(void)state;
	log_setup(TEXT, LOG_INFO);
	log_info("http", "%s", message);
	log_setup(JSON, LOG_INFO);
	log_info("http", "%s", message);
	text = capture_end(&capture);
	assert_non_null(strstr(text,
			       "http: a\\x9b2J b\\u202ec\\u2066d\\u2028e \xc2\xa0 \xe2\x80\xa7 "
			       "\xe2\x82\xac\n"));
	assert_non_null(strstr(text, "\"a\\u009b2J b\\u202ec\\u2066d\\u2028e \xc2\xa0 "));
	line = json_loads(strchr(text, '\n'), JSON_REJECT_DUPLICATES, NULL);
	assert_member(line, "msg", message);
	json_decref(line);
	free(text);
}

static void the_journal_gets_priorities_and_no_time(void **state)
{
	struct capture capture = capture_start();
	char *text;

	(void)state;
	log_setup((struct log_style){.journal = true}, LOG_DEBUG);
	log_error("a", "one\n<0>two");
	log_warning("a", "three");
	log_request(LOG_INFO, "a", "r-1", "four");
	log_debug("a", "five");
	log_setup((struct log_style){.journal = true, .json = true}, LOG_DEBUG);
	log_error("a", "six");
	text = capture_end(&capture);
	assert_like(
		text,
		"^<3>a: one\\\\x0a<0>two\n<4>a: three\n<6>a: \\[r-1\\] four\n<7>a: five\n"
		"<3>\\{\"ts\":\"[-0-9T:.]+Z\",\"level\":\"error\",\"component\":\"a\",\"msg\":\"six\"\\}\n$");
	free(text);
}

static void only_the_journals_own_stream_is_the_journal(void **state)
{
	struct capture capture = capture_start();
	bool unset, other, same, without_device;
	char stream[64];
	struct stat at;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	unset = log_is_journal();
	assert_int_equal(fstat(STDERR_FILENO, &at), 0);
	snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)at.st_dev,
		 (unsigned long)at.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	other = log_is_journal();
	snprintf(stream, sizeof(stream), "%lu", (unsigned long)at.st_dev);
	setenv("JOURNAL_STREAM", stream, 1);
	without_device = log_is_journal();
	snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)at.st_dev,
		 (unsigned long)at.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	same = log_is_journal();
	unsetenv("JOURNAL_STREAM");
	free(capture_end(&capture));
	assert_false(unset || other || without_device);
	assert_true(same);
}

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int count = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		count++;
	return count;
}

static void repeats_are_told_at_the_end_but_what_requests_cause_is_all_written(void **state)
{
	struct capture capture = capture_start();
	uint64_t before = log_count(LOG_ERR);
	char *text;

	(void)state;
	log_setup(TEXT, LOG_INFO);
	for (int i = 0; i < 100; i++) {
		log_error("repeats", "down");
		log_request(LOG_INFO, "repeats", "r-1", "banned");
	}
	log_tick();
	assert_int_equal(log_count(LOG_ERR) - before, LOG_REPEATS_BURST);
	log_flush();
	log_flush();
	text = capture_end(&capture);
	assert_int_equal(log_count(LOG_ERR) - before, LOG_REPEATS_BURST + 1);
	assert_int_equal(count_of(text, ": down\n"), LOG_REPEATS_BURST);
	assert_int_equal(count_of(text, "[r-1] banned\n"), 100);
	assert_like(
		text,
		"ERROR repeats: down \\(repeated 90 times, the last [0-9]+\\.[0-9] s ago\\)\n$");
	free(text);
}

static void any_length_and_any_byte_stay_one_valid_line(void **state)
{
	static const char bytes[] = {'a',	 '\n',	     '"',	 (char)0xff,
				     (char)0xc3, (char)0xed, (char)0xf4, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		for (size_t length = 1; length < 20000; length = length * 5 / 4 + 1) {
			char *message = malloc(length + 1), *text;
			struct capture capture = capture_start();
			json_t *line;

			memset(message, bytes[i], length);
			message[length] = '\0';
			log_setup(JSON, LOG_INFO);
			log_request(LOG_INFO, message, message, "%s", message);
			text = capture_end(&capture);
			line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
			assert_non_null(line);
			assert_int_equal(json_object_size(line), 5);
			assert_true(strlen(text) <= 4096);
			assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
			json_decref(line);
			free(message);
			free(text);
		}
	}
}

static void a_message_that_was_cut_says_so(void **state)
{
	struct capture capture = capture_start();
	char message[5000], *text;

	(void)state;
	memset(message, 'a', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	log_setup(TEXT, LOG_INFO);
	log_info("control", "%s", message);
	text = capture_end(&capture);
	assert_like(text, "aaa\\.\\.\\.\n$");
	free(text);
}

static void levels_are_suppressed_and_counted(void **state)
{
	static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	uint64_t before[4];

	(void)state;
	for (size_t least = 0; least < 4; least++) {
		struct capture capture = capture_start();
		char *text;

		log_setup(TEXT, levels[least]);
		for (size_t i = 0; i < 4; i++)
			before[i] = log_count(levels[i]);
		for (size_t i = 0; i < 4; i++)
			log_write(levels[i], "a", "b");
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(log_count(levels[i]) - before[i], i <= least);
		text = capture_end(&capture);
		assert_int_equal(strlen(text), (least + 1) * strlen("00:00:00.000 ERROR a: b\n"));
		free(text);
	}
}

static void errno_is_left_alone(void **state)
{
	struct capture capture = capture_start();
	char *text;

	(void)state;
	log_setup(TEXT, LOG_INFO);
	errno = ENOTDIR;
	log_error("a", "%m");
	assert_int_equal(errno, ENOTDIR);
	text = capture_end(&capture);
	assert_non_null(strstr(text, "a: Not a directory\n"));
	free(text);
}

static void a_closed_standard_error_hurts_nobody(void **state)
{
	int saved = dup(STDERR_FILENO);

	(void)state;
	close(STDERR_FILENO);
	log_error("a", "into nothing");
	dup2(saved, STDERR_FILENO);
	close(saved);
}

#define THREADS 4
#define LINES 2000

static void *writer(void *name)
{
	for (int i = 0; i < LINES; i++)
		log_info(name, "%d %0*d", i, i % 300, 7);
	return NULL;
}

static void lines_of_threads_do_not_interleave(void **state)
{
	static char names[THREADS][2] = {"a", "b", "c", "d"};
	struct capture capture = capture_start();
	uint64_t before = log_count(LOG_INFO);
	pthread_t threads[THREADS];
	unsigned int lines = 0;
	char *text;

	(void)state;
	log_setup(JSON, LOG_INFO);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, writer, names[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	text = capture_end(&capture);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		json_t *json;

		*end = '\0';
		json = json_loads(line, 0, NULL);
		assert_non_null(json);
		json_decref(json);
	}
	assert_int_equal(lines, THREADS * LINES);
	assert_int_equal(log_count(LOG_INFO) - before, THREADS * LINES);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines_are_short),
		cmocka_unit_test(json_lines_hold_their_members),
		cmocka_unit_test(without_a_request_there_is_no_id),
		cmocka_unit_test(text_cannot_forge_a_line),
		cmocka_unit_test(controls_beyond_ascii_are_escaped),
		cmocka_unit_test(the_journal_gets_priorities_and_no_time),
		cmocka_unit_test(only_the_journals_own_stream_is_the_journal),
		cmocka_unit_test(
			repeats_are_told_at_the_end_but_what_requests_cause_is_all_written),
		cmocka_unit_test(any_length_and_any_byte_stay_one_valid_line),
		cmocka_unit_test(a_message_that_was_cut_says_so),
		cmocka_unit_test(levels_are_suppressed_and_counted),
		cmocka_unit_test(errno_is_left_alone),
		cmocka_unit_test(a_closed_standard_error_hurts_nobody),
		cmocka_unit_test(lines_of_threads_do_not_interleave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

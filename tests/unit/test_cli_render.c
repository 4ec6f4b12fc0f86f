/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's answers (as in docs/api.md) against golden text, and answers no daemon would give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spoil.h"
#include "user/cli/client.h"
#include "user/cli/render.h"

/* The time and the packets of `web` are filled in, so that two of them make a rate. */
static const char status_format[] =
	"{'status':'%s','version':'0.1.0','revision':'4f2c1aa','node':'edge-1',"
	"'time':'2026-01-02T03:04:%02d.678Z','started':'2026-01-01T03:04:05.178Z',"
	"'uptime_seconds':86400.5,'age_seconds':%s,'generation':3,'epoch':17,"
	"'reload':{'ok':%s,'last_success':'2026-01-02T01:00:00.000Z','succeeded':3,'failed':%d},"
	"'interfaces':["
	"{'name':'eth0','index':2,'mode':'native','attached':true,'program_id':1061},"
	"{'name':'eth1','index':0,'mode':'absent','attached':false,'program_id':0}],"
	"'services':["
	"{'name':'other','mode':'enforce','clients':0,'clients_limited':0,'under_pressure':false,"
	"'passed':{'packets':0,'bytes':0},'refused':{'packets':0,'bytes':0},'observed':0,'tiers':[]},"
	"{'name':'web','mode':'enforce','clients':812,'clients_limited':4,'under_pressure':false,"
	"'passed':{'packets':%d,'bytes':90210444},'refused':{'packets':%d,'bytes':59460},"
	"'observed':0,'tiers':[{'name':'anonymous','passed':{'packets':1,'bytes':1},"
	"'refused':{'packets':991,'bytes':59460},'observed':0,'verdicts':{},'limits':["
	"{'name':'100/min connections','unit':'connections','rate':1.66,'burst':100,'group':false,"
	"'refusals':991},"
	"{'name':'5000/s packets','unit':'packets','rate':5000,'burst':100,'group':true,"
	"'refusals':0}]}]},"
	"{'name':'dns','mode':'observe','clients':30211,'clients_limited':19,'under_pressure':true,"
	"'passed':{'packets':9000000,'bytes':1},'refused':{'packets':0,'bytes':0},'observed':4422,"
	"'tiers':[]}],"
	"'table':{'entries':31040,'capacity':1048576,'scan_seconds':0.0021,'inserts':4711,"
	"'evictions_idle':12,'evictions_active':0,'contention':3},"
	"'upstreams':[{'name':'api','endpoints':["
	"{'name':'10.1.2.3:8443','calls':1239,'failures':32,'results':{},'http':null,"
	"'connected':20,'connections':3,'addresses':1,'stale':false},"
	"{'name':'api.example:443','calls':0,'failures':0,'results':{},'http':null,"
	"'connected':0,'connections':0,'addresses':2,'stale':true}]}],"
	"'flows':{'enabled':true,'entries':1234,'capacity':131072,'inserts':5000,"
	"'evictions_idle':60,'evictions_active':0,'retransmissions':8,'samples_discarded':{}},"
	"'bans':2,'events':{'lost':0,'muted':0},'programs':[],"
	"'components':["
	"{'name':'datapath','status':'degraded','message':'1 of 2 interfaces attached',"
	"'check_duration_ms':0.04},"
	"{'name':'disk','status':'healthy','message':'81 %% free','check_duration_ms':0.01}]}";

static const char top_text[] =
	"{'time':'2026-01-02T03:04:05.678Z','age_seconds':0.42,'by':'refused','clients':["
	"{'client':'203.0.113.7','service':'web','tier':'anonymous','state':'ok','parent':false,'watched':false,"
	"'passed':5120,'refused':77,'passed_per_second':12.5,'refused_per_second':1.5},"
	"{'client':'2001:db8:7:42::/64','service':'dns','tier':'partner','state':'ok','parent':false,'watched':true,"
	"'passed':123456,'refused':0,'passed_per_second':4321,'refused_per_second':0},"
	"{'client':'198.51.100.0/24','service':'dns','tier':'anonymous','state':'ok','parent':true,'watched':true,"
	"'passed':10,'refused':4,'passed_per_second':0.5,'refused_per_second':0},"
	"{'client':'192.0.2.9','service':'web','tier':'anonymous','state':'banned','parent':false,'watched':true,"
	"'passed':0,'refused':900,'passed_per_second':0,'refused_per_second':0}]}";

static const char bans_text[] =
	"{'bans':[{'prefix':'203.0.113.0/24','seconds_left':593,'origin':'manual'},"
	"{'prefix':'2001:db8:bad::/48','seconds_left':null,'origin':'escalation'}]}";

static const char event_text[] =
	"{'time':'2026-01-02T03:04:05.678Z','verdict':'limited','interface':'eth0','service':'web',"
	"'tier':'anonymous','source':'203.0.113.7','sport':1234,'destination':'198.51.100.1',"
	"'dport':80,'protocol':'tcp','bytes':60,'limit':'100/min connections','observed':false}";

static json_t *status_at(int second, int passed, int refused)
{
	char text[8192];

	assert_true((size_t)snprintf(text, sizeof(text), status_format, "degraded", second, "0.42",
				     "true", 0, passed, refused) < sizeof(text));
	return quoted(text);
}

static json_t *troubled_status(void)
{
	char text[8192];

	snprintf(text, sizeof(text), status_format, "unhealthy", 5, "61.5", "false", 2, 1, 1);
	return quoted(text);
}

/* Everything that is rendered goes through here: text out, or the error. */
static struct {
	char text[16384];
	char error[1024];
	int result;
} got;

static struct page start(size_t width, size_t height, bool colour)
{
	memset(&got, 0, sizeof(got));
	return (struct page){.out = fmemopen(got.text, sizeof(got.text), "w"),
			     .width = width,
			     .height = height,
			     .colour = colour};
}

static void finish(struct page *page, int result)
{
	fclose(page->out);
	got.result = result;
	assert_true(result == 0 || result == -EPROTO);
	assert_true((result == 0) == (got.error[0] == '\0'));
	if (result)
		assert_string_equal(got.text, "");
}

static void show_status(const json_t *status, size_t width, bool colour)
{
	struct page page = start(width, 0, colour);

	finish(&page, render_status(status, &page, got.error, sizeof(got.error)));
}

static void show_bans(const json_t *bans, size_t width)
{
	struct page page = start(width, 0, false);

	finish(&page, render_bans(bans, &page, got.error, sizeof(got.error)));
}

static void show_top(const struct top_view *view, size_t width, size_t height, bool colour)
{
	struct page page = start(width, height, colour);

	finish(&page, render_top(view, &page, got.error, sizeof(got.error)));
}

static void show_event(const json_t *event, struct render_events *events, size_t width)
{
	struct page page = start(width, 0, false);

	finish(&page, render_event(event, events, &page, got.error, sizeof(got.error)));
}

static void assert_shown(const char *expected)
{
	assert_string_equal(got.error, "");
	assert_string_equal(got.text, expected);
}

static void assert_has(const char *part)
{
	if (!strstr(got.text, part))
		fail_msg("no \"%s\" in:\n%s%s", part, got.text, got.error);
}

/* No line is wider than the page, none but the last is cut off by its height. */
static void assert_fits(size_t width, size_t height)
{
	size_t lines = 0;

	for (const char *line = got.text; *line; lines++) {
		size_t length = strcspn(line, "\n");

		if (width && length > width)
			fail_msg("a line of %zu on a page of %zu:\n%s", length, width, got.text);
		line += length + (line[length] == '\n');
	}
	if (height && lines > height)
		fail_msg("%zu lines on a page of %zu:\n%s", lines, height, got.text);
}

static void status_shows_all_there_is(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 120345, 991);

	show_status(status, 0, false);
	assert_shown(
		"weir 0.1.0 (4f2c1aa) on edge-1: degraded, up 1d00h\n"
		"configuration  generation 3, applied 2h04m ago\n"
		"clients        31,040 of 1,048,576, 3.0 % of the table; scan 2ms\n"
		"flows          1,234 of 131,072, 0.9 % of the table\n"
		"bans           2\n"
		"\n"
		"COMPONENT  HEALTH    MESSAGE\n"
		"datapath   degraded  1 of 2 interfaces attached\n"
		"disk       healthy   81 % free\n"
		"\n"
		"INTERFACE  MODE    STATE         PROGRAM\n"
		"eth0       native  attached         1061\n"
		"eth1       absent  not attached        -\n"
		"\n"
		"SERVICE  MODE     CLIENTS  LIMITED     PASSED  REFUSED  SHARE  WOULD REFUSE  "
		"PRESSURE\n"
		"other    enforce        0        0          0        0\n"
		"web      enforce      812        4    120,345      991  0.8 %\n"
		"dns      observe   30,211       19  9,000,000        0  0.0 %         4,422  new "
		"clients\n"
		"\n"
		"SERVICE  TIER       LIMIT                FOR           REFUSED BY IT\n"
		"web      anonymous  100/min connections  each client             991\n"
		"web      anonymous  5000/s packets       all together              0\n"
		"\n"
		"UPSTREAM  ENDPOINT         CALLS  FAILED  SHARE  OPEN  ADDRESSES  NAME\n"
		"api       10.1.2.3:8443    1,239      32  2.6 %     3          1\n"
		"api       api.example:443      0       0            0          2  "
		"stale: does not resolve any more\n");
}

static void status_says_what_is_wrong(void **state)
{
	_cleanup_json_ json_t *status = troubled_status();

	json_object_set_new(json_object_get(status, "table"), "evictions_active", json_integer(3));
	json_object_set_new(json_object_get(status, "events"), "lost", json_integer(1007));
	json_object_set_new(json_object_get(status, "flows"), "evictions_active", json_integer(4));
	show_status(status, 0, false);
	assert_has("unhealthy, up 1d00h\n");
	assert_has("ago, 2 refused since the start\n");
	assert_has("the last reload was refused");
	assert_has("3 active clients were forgotten for lack of room");
	assert_has("1,007 lost");
	assert_has("4 active flows were forgotten for lack of room: raise table.flows\n");
	assert_has("these figures are 1m02s old: the daemon is stuck\n");
	json_object_set_new(json_object_get(status, "flows"), "enabled", json_false());
	show_status(status, 0, false);
	assert_has("\nflows          not followed: latency is not enabled\n");
}

static void status_has_a_line_for_the_cluster(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1);
	json_t *cluster = quoted("{'mode':'shared','nodes':3,'redis_up':true,'redis_state':'ok'}");

	json_object_set_new(status, "cluster", json_null());
	show_status(status, 0, false);
	assert_null(strstr(got.text, "\ncluster "));
	json_object_set_new(status, "cluster", cluster);
	show_status(status, 0, true);
	assert_has("\ncluster        3 nodes, shares: shared; Redis is up\nbans  ");
	json_object_set_new(cluster, "mode", json_string("outage"));
	json_object_set_new(cluster, "nodes", json_integer(1));
	json_object_set_new(cluster, "redis_up", json_false());
	json_object_set_new(cluster, "redis_state", json_string("timeout"));
	show_status(status, 0, true);
	assert_has(
		"\033[33mcluster        1 node, shares: outage; Redis timeout: `weir cluster` says more"
		"\033[0m\n");
	json_object_del(cluster, "nodes");
	show_status(status, 0, false);
	assert_int_equal(got.result, -EPROTO);
}

static void colours_are_used_only_when_wanted(void **state)
{
	_cleanup_json_ json_t *status = troubled_status();

	show_status(status, 0, false);
	assert_null(strchr(got.text, '\033'));
	show_status(status, 0, true);
	assert_has("\033[31mweir 0.1.0 (4f2c1aa) on edge-1: unhealthy, up 1d00h\033[0m\n");
	assert_has("\033[33mapi       api.example:443      0 ");
	assert_has("\033[33mdatapath   degraded  1 of 2 interfaces attached\033[0m\n");
}

static void bans_show_how_long_they_hold(void **state)
{
	_cleanup_json_ json_t *bans = quoted(bans_text), *none = quoted("{'bans':[]}");

	show_bans(bans, 0);
	assert_shown("PREFIX             ENDS IN  ORIGIN\n"
		     "203.0.113.0/24       9m53s  manual\n"
		     "2001:db8:bad::/48    never  escalation\n");
	show_bans(bans, 20);
	assert_shown("PREFIX\n203.0.113.0/24\n2001:db8:bad::/48\n");
	show_bans(none, 0);
	assert_shown("no bans\n");
}

static void top_shows_rates_between_two_answers(void **state)
{
	_cleanup_json_ json_t *before = status_at(5, 120345, 991),
			      *status = status_at(7, 125345, 1001);
	_cleanup_json_ json_t *top = quoted(top_text);
	struct top_view view = {.before = before, .status = status, .top = top};
	json_t *dns = json_array_get(json_object_get(status, "services"), 2);

	json_object_set_new(dns, "observed", json_integer(4422 + 22));
	show_top(&view, 0, 0, false);
	assert_shown(
		"weir on edge-1: degraded, up 1d00h; 31,040 of 1,048,576 clients, 2 bans; "
		"by refused\n"
		"SERVICE  MODE     CLIENTS  LIMITED  PASSED/s  REFUSED/s  SHARE  WOULD REFUSE/s  "
		"PRESSURE\n"
		"other    enforce        0        0         0          0\n"
		"web      enforce      812        4     2.50k          5  0.2 %\n"
		"dns      observe   30,211       19         0          0                     11  new "
		"clients\n"
		"\n"
		"CLIENT              SERVICE  TIER       PASSED/s  REFUSED/s   PASSED  REFUSED"
		"  STATE\n"
		"203.0.113.7         web      anonymous      12.5       1.50    5,120       77\n"
		"2001:db8:7:42::/64  dns      partner       4.32k          0  123,456        0"
		"  watched\n"
		"198.51.100.0/24     dns      anonymous      0.50          0       10        4"
		"  parent\n"
		"192.0.2.9           web      anonymous         0          0        0      900"
		"  banned\n");
}

static void top_shows_no_rates_it_cannot_know(void **state)
{
	_cleanup_json_ json_t *before = status_at(5, 120345, 991), *status = status_at(7, 5, 1);
	_cleanup_json_ json_t *top = quoted(top_text);
	struct top_view view = {.status = status, .top = top, .service = "web"};

	show_top(&view, 0, 0, false);
	assert_has("\nweb      enforce      812        4         -          -\n");
	assert_null(strstr(got.text, "\ndns  "));
	view.before = before; /* counters that went back: the pins were made anew */
	show_top(&view, 0, 0, false);
	assert_has("\nweb      enforce      812        4         -          -\n");
	view.before = status; /* the same figures twice */
	show_top(&view, 0, 0, false);
	assert_has("\nweb      enforce      812        4         -          -\n");
}

static void top_marks_who_is_refused(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1), *top = quoted(top_text);
	struct top_view view = {.status = status, .top = top, .notice = "went away"};

	show_top(&view, 0, 0, true);
	assert_has("\n\033[31mwent away\033[0m\n");
	assert_has("\n\033[31mdns ");
	assert_has("\n\033[33m203.0.113.7 ");
	assert_has("\n2001:db8:7:42::/64 ");
	assert_has("\n\033[31m192.0.2.9 ");
}

static void top_fits_any_terminal(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1), *top = quoted(top_text);
	struct top_view view = {.status = status, .top = top};

	for (size_t width = 1; width < 120; width++) {
		for (size_t height = 1; height < 20; height++) {
			view.notice = height & 1 ? "the daemon went away" : NULL;
			show_top(&view, width, height, false);
			assert_int_equal(got.result, 0);
			assert_fits(width, height);
		}
	}
}

static void status_and_bans_fit_any_width(void **state)
{
	_cleanup_json_ json_t *status = troubled_status(), *bans = quoted(bans_text);

	for (size_t width = 1; width < 120; width++) {
		show_status(status, width, false);
		assert_fits(width, 0);
		show_bans(bans, width);
		assert_fits(width, 0);
	}
}

static void a_sentence_loses_its_end_before_a_column_is_left_out(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1);

	show_status(status, 40, false);
	assert_has("\ndatapath   degraded  1 of 2 interfaces ~\n");
	show_status(status, 30, false);
	assert_has("\ndatapath   degraded\n");
}

static void an_idle_host_has_no_clients(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1);
	_cleanup_json_ json_t *top = quoted("{'by':'total','clients':[]}");
	struct top_view view = {.status = status, .top = top};

	show_top(&view, 0, 0, false);
	assert_has("\nno client has sent anything since the last scan\n");
}

static void events_are_aligned(void **state)
{
	struct render_events events = RENDER_EVENTS_START;
	_cleanup_json_ json_t *event = quoted(event_text);
	struct page page = start(0, 0, false);

	render_events_title(&events, &page);
	finish(&page, 0);
	assert_shown("TIME          VERDICT         SERVICE   TIER       PROTO  SOURCE             "
		     "    DESTINATION            INTERFACE  LIMIT\n");
	show_event(event, &events, 0);
	assert_shown("03:04:05.678  limited         web       anonymous  tcp    203.0.113.7:1234   "
		     "    198.51.100.1:80        eth0       100/min connections\n");
	/* A wider one moves the columns, and they stay there */
	json_object_set_new(event, "source", json_string("2001:db8:7:1:2:3:4:5"));
	json_object_set_new(event, "limit", json_null());
	json_object_set_new(event, "observed", json_true());
	show_event(event, &events, 0);
	assert_shown("03:04:05.678  limited (observed)  web       anonymous  tcp    "
		     "[2001:db8:7:1:2:3:4:5]:1234  198.51.100.1:80        eth0\n");
	json_object_set_new(event, "source", json_string("192.0.2.1"));
	json_object_set_new(event, "sport", json_integer(0));
	json_object_set_new(event, "observed", json_false());
	show_event(event, &events, 0);
	assert_shown("03:04:05.678  limited             web       anonymous  tcp    "
		     "192.0.2.1                    198.51.100.1:80        eth0\n");
	show_event(event, &events, 40);
	assert_fits(40, 0);
}

static void what_the_daemon_says_cannot_steer_the_terminal(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1), *event = quoted(event_text);
	struct render_events events = RENDER_EVENTS_START;

	json_object_set_new(status, "node", json_string("\033]0;owned\007"));
	show_status(status, 0, false);
	assert_has("on ?]0;owned?: degraded");
	json_object_set_new(event, "service", json_string("a\nb\033[2J"));
	show_event(event, &events, 0);
	assert_has("a?b?[2J");
}

static void try_status(const json_t *answer)
{
	show_status(answer, 80, true);
}

static void try_bans(const json_t *answer)
{
	show_bans(answer, 80);
}

static void try_top(const json_t *answer)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1);
	struct top_view view = {.status = status, .top = answer};

	show_top(&view, 80, 24, true);
}

static void try_top_status(const json_t *answer)
{
	_cleanup_json_ json_t *top = quoted(top_text), *good = status_at(4, 1, 1);
	struct top_view view = {.before = good, .status = answer, .top = top};

	show_top(&view, 80, 24, true);
	view = (struct top_view){.before = answer, .status = good, .top = top};
	show_top(&view, 80, 24, true);
}

static void try_event(const json_t *answer)
{
	struct render_events events = RENDER_EVENTS_START;

	show_event(answer, &events, 80);
}

static void an_answer_spoilt_anywhere_gives_an_error_never_a_crash(void **state)
{
	_cleanup_json_ json_t *status = status_at(5, 1, 1), *top = quoted(top_text);
	_cleanup_json_ json_t *bans = quoted(bans_text), *event = quoted(event_text);

	spoil(status, try_status);
	spoil(status, try_top_status);
	spoil(top, try_top);
	spoil(bans, try_bans);
	spoil(event, try_event);
	try_status(NULL);
	try_top(NULL);
	try_top_status(NULL);
	try_bans(NULL);
	try_event(NULL);
}

/* What a reader of the answer needs is an error when it is not there; the rest may come and go. */
static void count_needed(const json_t *whole, json_t *part, try_answer *try, size_t *needed)
{
	_cleanup_json_ json_t *fields = json_copy(part); /* for deleting while walking */
	const char *key;
	json_t *value;

	json_object_foreach(fields, key, value) {
		count_needed(whole, value, try, needed);
		json_object_del(part, key);
		try(whole);
		*needed += got.result == -EPROTO;
		if (got.result && !strstr(got.error, key))
			fail_msg("\"%s\" is missing, but: %s", key, got.error);
		json_object_set(part, key, value);
	}
	for (size_t i = 0; i < json_array_size(part); i++)
		count_needed(whole, json_array_get(part, i), try, needed);
}

static void a_missing_field_is_named(void **state)
{
	_cleanup_json_ json_t *top = quoted(top_text), *bans = quoted(bans_text);
	_cleanup_json_ json_t *event = quoted(event_text);
	size_t needed = 0;

	count_needed(bans, bans, try_bans, &needed);
	assert_int_equal(needed, 1 + 2 * 2); /* seconds_left may be missing: no end */
	needed = 0;
	count_needed(event, event, try_event, &needed);
	assert_int_equal(needed, 13 - 2); /* bytes is not shown, limit may be missing */
	needed = 0;
	count_needed(top, top, try_top, &needed);
	assert_int_equal(needed, 2 + 4 * 10);
	json_object_set_new(top, "clients", json_string("none"));
	try_top(top);
	assert_string_equal(got.error,
			    "the daemon's answer cannot be read: \"clients\" is a string, expected "
			    "an array; are `weir` and the daemon of the same version?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_shows_all_there_is),
		cmocka_unit_test(status_says_what_is_wrong),
		cmocka_unit_test(status_has_a_line_for_the_cluster),
		cmocka_unit_test(colours_are_used_only_when_wanted),
		cmocka_unit_test(bans_show_how_long_they_hold),
		cmocka_unit_test(top_shows_rates_between_two_answers),
		cmocka_unit_test(top_shows_no_rates_it_cannot_know),
		cmocka_unit_test(top_marks_who_is_refused),
		cmocka_unit_test(top_fits_any_terminal),
		cmocka_unit_test(status_and_bans_fit_any_width),
		cmocka_unit_test(a_sentence_loses_its_end_before_a_column_is_left_out),
		cmocka_unit_test(an_idle_host_has_no_clients),
		cmocka_unit_test(events_are_aligned),
		cmocka_unit_test(what_the_daemon_says_cannot_steer_the_terminal),
		cmocka_unit_test(an_answer_spoilt_anywhere_gives_an_error_never_a_crash),
		cmocka_unit_test(a_missing_field_is_named),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

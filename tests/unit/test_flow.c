/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The state machine of a flow, as tables: what passes, and what it tells. A line is
 *
 *   TIME DIRECTION FLAGS [LENGTH] [MODIFIERS] [: NEWS]     "35 > PA 100 : trip 25, connected"
 *   is STATE                                              what the flow is now
 *   daemon                                                takes what is being measured, as for a timeout
 *
 * TIME in us, ">" by the initiator, "<" by the responder, FLAGS of SFRPA or "-". Both ends count their sequence numbers
 * and acknowledge all that the other has sent, so a line says only what is special:
 *
 *   seq-N ack-N   that much before where it would be; seq+N ack+N: after
 *   isn           begins at another sequence number
 *   GET, HTTP     what the payload begins with
 *
 * NEWS that are not said must not be there.
 */
#include <ctype.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/flow.h"
#include "tests/lib/random.h"

#define LINES 32
#define BEGIN_NS (3600 * 1000000000ULL)
/* What must not be read is this */
#define POISON_NS 0x4141414141414141ULL

static const char *const state_names[] = {
#define X(name, text) text,
	WEIR_FLOW_STATES(X)
#undef X
};

enum { SERVICE, UPSTREAM, UDP_SERVICE, UDP_UPSTREAM };

struct spec {
	const char *what;
	int kind;
	const char *lines[LINES];
};

struct wire {
	struct weir_flow flow;
	bool upstream, udp;
	bool plainly; /* by weir_flow_plain() where it can be; the news must be the same */
	u32 next[2];  /* of the initiator, of the responder */
	u64 timeout_ns;
};

/* ------------------------------------------------------------------------------------ a segment */

static void step(struct weir_flow *flow, const struct weir_segment *s, struct weir_flow_news *news)
{
	for (int try = 0; try < WEIR_FLOW_TRIES; try++)
		if (weir_flow_step(flow, s, news))
			break;
}

/* As the program does it: quiet, plain, or what the step asks for and the step. False: nothing begins with this. */
static bool deliver(struct wire *wire, struct weir_segment *s, struct weir_flow_news *news)
{
	struct weir_flow *flow = &wire->flow;

	memset(news, 0, sizeof(*news));
	s->udp = wire->udp;
	s->timeout_ns = wire->timeout_ns;
	if (flow->state == WEIR_FLOW_FREE) {
		if (!s->by_initiator || !weir_flow_begins(s))
			return false;
		flow->mode = weir_flow_begin(flow, s, wire->upstream).word;
		return true;
	}
	if (weir_flow_quiet(flow, s))
		return true;
	if (wire->plainly && weir_flow_is_plain(flow, s, weir_flow_mode(flow))) {
		assert_true(weir_flow_plain(flow, s, weir_flow_mode(flow), news));
		return true;
	}
	if (!weir_flow_needs_clock(flow, s))
		s->now = POISON_NS;
	if (!weir_flow_needs_payload(flow, s))
		s->begins = WEIR_BEGINS_ANYHOW;
	step(flow, s, news);
	assert_true(flow->queued <= WEIR_FLOW_QUEUE && (flow->marks & WEIR_FLOW_HEAD) < 3);
	if (flow->state == WEIR_FLOW_CLOSED)
		assert_true(!flow->since && !flow->queued);
	return true;
}

static u8 flags_of(const char *text)
{
	static const char names[] = "FSRPA";
	u8 flags = 0;

	for (; *text; text++)
		if (strchr(names, *text))
			flags |= (u8)(1U << (strchr(names, *text) - names));
	return flags;
}

static void parse_word(struct wire *wire, struct weir_segment *s, const char *word)
{
	u32 *mine = &wire->next[!s->by_initiator];

	if (isdigit((unsigned char)*word))
		s->length = (u32)atoi(word);
	else if (!strncmp(word, "seq", 3))
		s->seq = *mine + (u32)atoi(word + 3);
	else if (!strncmp(word, "ack", 3))
		s->ack += (u32)atoi(word + 3);
	else if (!strcmp(word, "isn"))
		s->seq = *mine += 0x1b2c3d4e;
	else if (!strcmp(word, "GET"))
		s->begins = WEIR_BEGINS_REQUEST;
	else if (!strcmp(word, "HTTP"))
		s->begins = WEIR_BEGINS_ANSWER;
	else
		fail_msg("what is '%s'?", word);
}

/* "35 > PA 100 seq-1" */
static void parse_segment(struct wire *wire, char *text, struct weir_segment *s)
{
	char *save = NULL, *time = strtok_r(text, " ", &save), *way = strtok_r(NULL, " ", &save);
	char *flags = strtok_r(NULL, " ", &save), *word;
	u32 end;

	memset(s, 0, sizeof(*s));
	assert_true(time && way && flags);
	s->now = BEGIN_NS + (u64)atoll(time) * 1000;
	s->by_initiator = *way == '>';
	s->tcp_flags = flags_of(flags);
	s->seq = wire->next[!s->by_initiator];
	s->ack = s->tcp_flags & WEIR_FLAG_ACK ? wire->next[s->by_initiator] : 0;
	while ((word = strtok_r(NULL, " ", &save)))
		parse_word(wire, s, word);
	end = s->seq + s->length + !!(s->tcp_flags & WEIR_FLAG_SYN) +
	      !!(s->tcp_flags & WEIR_FLAG_FIN);
	if (weir_after(end, wire->next[!s->by_initiator]))
		wire->next[!s->by_initiator] = end;
}

static void tell(char *line, const char *format, ...)
{
	size_t used = strlen(line);
	va_list list;

	if (used)
		used += (size_t)sprintf(line + used, ", ");
	va_start(list, format);
	vsprintf(line + used, format, list);
	va_end(list);
}

/* "trip 25, connected"; times to the microsecond: a queue keeps them in 64 ns */
static const char *describe(const struct weir_flow_news *news)
{
	static const struct {
		u32 event;
		const char *text;
	} events[] = {
		{WEIR_NEWS_CONNECTED, "connected"}, {WEIR_NEWS_REFUSED, "refused"},
		{WEIR_NEWS_RESET, "reset"},	    {WEIR_NEWS_CLOSED, "closed"},
		{WEIR_NEWS_RETRANSMITTED, "again"}, {WEIR_NEWS_AMBIGUOUS, "ambiguous"},
		{WEIR_NEWS_PIPELINED, "too many"},  {WEIR_NEWS_FORGOTTEN, "forgotten"},
	};
	static char line[256];

	*line = 0;
	if (news->events & WEIR_NEWS_HANDSHAKE)
		tell(line, "trip %llu", (unsigned long long)(news->handshake_ns + 500) / 1000);
	if (news->events & WEIR_NEWS_RESPONSE)
		tell(line, "response %llu", (unsigned long long)(news->response_ns + 500) / 1000);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (news->events & events[i].event)
			tell(line, "%s", events[i].text);
	if (news->unanswered)
		tell(line, "unanswered %u", news->unanswered);
	return line;
}

/* ------------------------------------------------------------------------------------- a table */

static int run_line(struct wire *wire, const struct spec *spec, const char *line)
{
	struct weir_flow_news news = {};
	struct weir_segment s;
	const char *got, *expected = "";
	char text[160], *colon;

	if (!strncmp(line, "is ", 3)) {
		got = state_names[wire->flow.state];
		expected = line + 3;
	} else if (!strcmp(line, "daemon")) {
		got = weir_flow_take(&wire->flow) ? "" : "nothing to take";
	} else {
		snprintf(text, sizeof(text), "%s", line);
		colon = strstr(text, " : ");
		if (colon) {
			*colon = 0;
			expected = strstr(line, " : ") + 3;
		}
		parse_segment(wire, text, &s);
		got = deliver(wire, &s, &news) ? describe(&news) : "nothing begins";
	}
	if (!strcmp(got, expected))
		return 0;
	printf("# %s: \"%s\" told \"%s\"\n", spec->what, line, got);
	return 1;
}

static int run_from(const struct spec *spec, bool plainly, u32 asks, u32 answers)
{
	struct wire wire = {.plainly = plainly, .next = {asks, answers}, .timeout_ns = 1000000000};
	int wrong = 0;

	wire.upstream = spec->kind == UPSTREAM || spec->kind == UDP_UPSTREAM;
	wire.udp = spec->kind >= UDP_SERVICE;
	for (int i = 0; i < LINES && spec->lines[i]; i++)
		wrong += run_line(&wire, spec, spec->lines[i]);
	return wrong;
}

/* Each also where sequence numbers wrap, before, in and behind the first bytes */
static void run(const struct spec *specs, size_t count)
{
	static const u32 from[] = {1000,       0xffffffff, 0xfffffff0, 0xffffff00,
				   0x7fffffff, 0x80000000, 0};
	int wrong = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t a = 0; a < sizeof(from) / sizeof(from[0]); a++)
			for (size_t b = 0; b < sizeof(from) / sizeof(from[0]) && !wrong; b++)
				wrong += run_from(&specs[i], true, from[a], from[b]) +
					 run_from(&specs[i], false, from[a], from[b]);
	assert_int_equal(wrong, 0);
}

#define RUN(specs) run(specs, sizeof(specs) / sizeof(specs[0]))

/* An open service's or upstream's flow, at 100 us */
#define SERVICE_OPEN "0 > S", "40 < SA", "100 > A : trip 60, connected", "is open"
#define UPSTREAM_OPEN "0 > S", "90 < SA : trip 90, connected", "100 > A", "is open"

/* ------------------------------------------------------------------------------------ handshake */

static void handshakes(void **state)
{
	static const struct spec specs[] = {
		{"a service's round trip is from our SYN-ACK leaving to the ACK of it",
		 SERVICE,
		 {"0 > S", "is connecting", "40 < SA", "is accepted",
		  "100 > A : trip 60, connected", "is open"}},
		{"an upstream's connect time is from our SYN to its SYN-ACK",
		 UPSTREAM,
		 {"0 > S", "250 < SA : trip 250, connected", "is accepted", "260 > A", "is open"}},
		{"the ACK of the handshake may carry the first request",
		 SERVICE,
		 {"0 > S", "40 < SA", "100 > PA 200 : trip 60, connected", "is open",
		  "500 < PA 100 : response 400"}},
		{"a SYN sent twice gives no sample",
		 SERVICE,
		 {"0 > S", "9 > S seq-1 : again, ambiguous", "40 < SA", "100 > A : connected",
		  "is open"}},
		{"a SYN sent three times is discarded once",
		 UPSTREAM,
		 {"0 > S", "1000 > S seq-1 : again, ambiguous", "3000 > S seq-1 : again",
		  "3100 < SA : connected", "3110 > A", "is open"}},
		{"a SYN-ACK sent twice gives no sample",
		 SERVICE,
		 {"0 > S", "40 < SA", "1040 < SA seq-1 : again, ambiguous",
		  "1100 > A : connected"}},
		{"a SYN-ACK sent again with another cookie can still be acknowledged",
		 SERVICE,
		 {"0 > S", "40 < SA", "1040 < SA isn : again, ambiguous", "1100 > A : connected",
		  "is open"}},
		{"an upstream's second SYN-ACK comes too late to spoil the sample",
		 UPSTREAM,
		 {"0 > S", "50 < SA : trip 50, connected", "90 < SA seq-1 : again", "100 > A",
		  "is open", "120 < SA seq-1 : again", "is open"}},
		{"a SYN-ACK that acknowledges something else is not for us",
		 UPSTREAM,
		 {"0 > S", "50 < SA ack+1", "51 < SA ack-1", "52 < SA ack+100000", "is connecting",
		  "60 < SA isn : trip 60, connected"}},
		{"an ACK that does not acknowledge the SYN-ACK opens nothing",
		 SERVICE,
		 {"0 > S", "40 < SA", "50 > A ack-1", "51 > A ack+1", "52 > A ack+70000",
		  "is accepted", "100 > A : trip 60, connected"}},
		{"a RST refuses a SYN",
		 UPSTREAM,
		 {"0 > S", "30 < RA : refused, closed", "is closed"}},
		{"a RST that does not acknowledge the SYN refuses nothing",
		 UPSTREAM,
		 {"0 > S", "30 < RA ack+1", "31 < R", "is connecting"}},
		{"a RST after the timeout that the daemon has counted is not counted again",
		 UPSTREAM,
		 {"0 > S", "daemon", "5000000 < RA : closed"}},
		{"a SYN-ACK after that still connects",
		 UPSTREAM,
		 {"0 > S", "daemon", "5000000 < SA : connected", "5000010 > A", "is open"}},
		{"a RST by the client ends the handshake",
		 SERVICE,
		 {"0 > S", "40 < SA", "80 > R : closed", "is closed"}},
		{"a SYN with another sequence number is another connection",
		 UPSTREAM,
		 {"0 > S", "500 > S isn : forgotten", "540 < SA : trip 40, connected"}},
		{"nothing begins with a SYN-ACK, a RST, a FIN or an ACK",
		 SERVICE,
		 {"0 > SA : nothing begins", "1 > RA : nothing begins", "2 > FA : nothing begins",
		  "3 > A : nothing begins", "4 > FA 100 : nothing begins", "5 > S",
		  "is connecting"}},
		{"a handshake in which both send a SYN is let be",
		 UPSTREAM,
		 {"0 > S", "10 < S", "20 > SA seq-1", "is connecting"}},
	};

	(void)state;
	RUN(specs);
}

static void fast_open(void **state)
{
	static const struct spec specs[] = {
		{"data on a SYN that is acknowledged is a request",
		 SERVICE,
		 {"0 > S 100", "40 < SA", "90 < PA 500 : response 90",
		  "100 > A ack-500 : trip 60, connected", "is open", "110 < PA 500"}},
		{"it may be answered after the handshake",
		 SERVICE,
		 {"0 > S 100", "40 < SA", "100 > A : trip 60, connected",
		  "900 < PA 500 : response 900"}},
		{"data on a SYN that is not acknowledged is sent again, and counts then",
		 SERVICE,
		 {"0 > S 100", "40 < SA ack-100", "100 > PA 100 seq-100 : trip 60, connected",
		  "300 < PA 50 : response 200"}},
		{"a SYN sent again without its data is the same",
		 SERVICE,
		 {"0 > S 100", "1000 > S seq-101 : again, ambiguous", "1040 < SA ack-100",
		  "1100 > PA 100 seq-100 : connected", "1300 < PA 50 : response 200"}},
		{"an upstream's answer to it",
		 UPSTREAM,
		 {"0 > S 100", "50 < SA : trip 50, connected", "60 > A",
		  "350 < PA 9 : response 350"}},
		{"a RST refuses SYN and data, or the SYN",
		 UPSTREAM,
		 {"0 > S 100", "50 < RA ack-100 : refused, closed"}},
	};

	(void)state;
	RUN(specs);
}

/* ---------------------------------------------------------------------------- request and answer */

static void responses(void **state)
{
	static const struct spec specs[] = {
		{"from the request to the first byte of its answer",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 < A", "700 < PA 900 : response 500"}},
		{"of an upstream the same",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "700 < PA 900 : response 500"}},
		{"an answer of many segments gives one sample",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "300 < A 1400 : response 100", "301 < A 1400",
		  "302 < PA 1400", "303 < A 1400", "304 > A", "305 < PA 1400", "306 < PA 20"}},
		{"a request of many segments counts from its last byte",
		 SERVICE,
		 {SERVICE_OPEN, "200 > A 1400", "300 > A 1400", "400 > PA 100", "450 < A",
		  "900 < PA 10 : response 500"}},
		{"each request of a connection gives one",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "300 < PA 90 : response 100", "1000 > PA 80",
		  "1200 < PA 90 : response 200", "5000 > PA 80", "5300 < PA 90 : response 300"}},
		{"an answer that does not acknowledge the request is not its answer",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 < PA 50 ack-80", "211 < PA 50 ack-1",
		  "300 < PA 90 : response 100"}},
		{"who speaks first answers nobody",
		 SERVICE,
		 {SERVICE_OPEN, "150 < PA 40", "160 > A", "200 > PA 80",
		  "300 < PA 90 : response 100"}},
		{"a request sent again does not restart the clock",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "400 > PA 80 seq-80", "401 > PA 40 seq-40",
		  "700 < PA 90 : response 500"}},
		{"a request sent again after its answer is not another",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "300 < PA 90 : response 100", "400 > PA 80 seq-80",
		  "500 < PA 20"}},
		{"an answer sent again gives no sample",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "300 < PA 90 : response 100", "400 < PA 90 seq-90",
		  "500 > PA 80", "501 < PA 90 seq-90", "800 < PA 10 : response 300"}},
		{"a keepalive probe is no request, its answer none",
		 SERVICE,
		 {SERVICE_OPEN, "200 > A seq-1", "210 < A", "300 > A 1 seq-1", "310 < A",
		  "400 < A seq-1", "410 > A", "500 > PA 80", "510 > A 1 seq-1", "520 < A 1 seq-1",
		  "600 < PA 90 : response 100"}},
		{"a window probe is no answer, an update of the window none",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 < A", "220 < A seq-1", "230 < A", "240 > A",
		  "900 < PA 90 : response 700"}},
		{"a segment that overlaps what is known counts for what is new",
		 SERVICE,
		 {SERVICE_OPEN, "200 > A 80", "300 > PA 100 seq-40", "600 < PA 5 : response 300"}},
		{"the rest of a request that has been answered is no other",
		 SERVICE,
		 {SERVICE_OPEN, "200 > A 1400", "300 < PA 40 : response 100", "310 > A 1400",
		  "320 > PA 1400", "400 < PA 10", "500 > PA 80", "600 < PA 10 : response 100"}},
		{"what the daemon has given up on is not counted any more",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "daemon", "31000000 < PA 5", "32000000 > PA 80",
		  "32000100 < PA 5 : response 100"}},
		{"urgent and unpushed data are data",
		 SERVICE,
		 {SERVICE_OPEN, "200 > A 80", "400 < A 5 : response 200"}},
	};

	(void)state;
	RUN(specs);
}

static void pipelines(void **state)
{
	static const struct spec specs[] = {
		{"three requests sent at once give three samples",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > PA 80", "220 > PA 80",
		  "300 < PA 90 : response 100", "400 < PA 90 : response 190",
		  "500 < PA 90 : response 280", "600 < PA 90"}},
		{"answers of several segments begin behind a PSH",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > PA 80", "300 < A 1400 : response 100",
		  "310 < A 1400", "320 < PA 100", "400 < A 1400 : response 190", "410 < PA 5",
		  "420 < PA 5"}},
		{"a request that is received after the answer before it is under way waits for its own",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "300 < A 1400 : response 100", "310 > PA 80",
		  "320 < A 1400", "330 < PA 10", "510 < PA 90 : response 200"}},
		{"an answer that acknowledges only the first leaves the second the oldest",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "210 > PA 80", "300 < PA 90 ack-80 : response 100",
		  "400 < PA 90 : response 190"}},
		{"which the daemon may then give up on",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "210 > PA 80", "300 < PA 90 ack-80 : response 100",
		  "daemon", "400 < PA 90"}},
		{"four are kept apart",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > PA 80", "220 > PA 80", "230 > PA 80",
		  "300 < PA 9 : response 100", "301 < PA 9 : response 91",
		  "302 < PA 9 : response 82", "303 < PA 9 : response 73", "304 < PA 9"}},
		{"a fifth goes with the fourth, and is said",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > PA 80", "220 > PA 80", "230 > PA 80",
		  "240 > PA 80 : too many", "300 < PA 9 : response 100", "301 < PA 9 : response 91",
		  "302 < PA 9 : response 82", "303 < PA 9 : response 63", "304 < PA 9"}},
		{"a pipelined request of several segments counts from its last byte",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > A 80", "220 > PA 80",
		  "300 < PA 9 : response 100", "400 < PA 9 : response 180"}},
		{"the ring of the queue goes round",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 8", "210 > PA 8", "220 > PA 8",
		  "300 < PA 9 ack-16 : response 100", "310 > PA 8",
		  "400 < PA 9 ack-16 : response 190", "410 > PA 8",
		  "500 < PA 9 ack-16 : response 280", "510 > PA 8", "520 > PA 8",
		  "600 < PA 9 ack-24 : response 290", "700 < PA 9 ack-16 : response 290",
		  "800 < PA 9 ack-8 : response 290", "900 < PA 9 : response 380"}},
		{"what an answer acknowledged with its request is forgotten at the next",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > PA 80", "300 < PA 90 : response 100",
		  "9000 > PA 80", "9300 < PA 9 : response 300"}},
		{"an upload in writes is one request",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 200", "210 > PA 8000", "220 > PA 8000", "300 > PA 8000",
		  "400 > PA 8000", "900 < PA 90 : response 500", "910 < PA 90", "1000 > PA 80",
		  "1100 < PA 9 : response 100"}},
	};

	(void)state;
	RUN(specs);
}

static void http(void **state)
{
	static const struct spec specs[] = {
		{"a POST in two writes is one request, counted from the second",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 200", "300 > PA 500", "900 < PA 90 HTTP : response 600",
		  "910 < PA 90", "920 < PA 90", "2000 > PA 200", "2100 > PA 500",
		  "2500 < PA 90 HTTP : response 400", "2600 < PA 900"}},
		{"a POST in nine writes too",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 200", "210 > PA 10", "220 > PA 10", "230 > PA 10",
		  "240 > PA 10 : too many", "250 > PA 10 : too many",
		  "900 < PA 90 HTTP : response 650", "910 < PA 90"}},
		{"pipelined requests are told from bodies",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 200 GET", "210 > PA 90", "220 > PA 200 GET",
		  "300 < PA 90 HTTP : response 90", "310 < PA 90",
		  "400 < PA 90 HTTP : response 180", "410 < PA 90"}},
		{"a request that comes between pipelined answers waits for its own",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80 GET", "210 > PA 80 GET",
		  "300 < PA 90 HTTP : response 100", "310 > PA 80 GET",
		  "400 < PA 90 HTTP : response 190", "410 > PA 80 GET",
		  "500 < PA 90 HTTP : response 190", "600 < PA 90 HTTP : response 190"}},
		{"an answer in several writes is one",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80 GET", "210 > PA 80 GET",
		  "300 < PA 90 HTTP : response 100", "310 < PA 90", "320 < PA 90",
		  "400 < PA 90 HTTP : response 190", "410 < PA 90"}},
	};

	(void)state;
	RUN(specs);
}

/* ------------------------------------------------------------------------------------------- end */

static void ends(void **state)
{
	static const struct spec specs[] = {
		{"closed by both",
		 SERVICE,
		 {SERVICE_OPEN, "200 > FA", "is open", "210 < A", "220 < FA : closed", "is closed",
		  "230 > A"}},
		{"a half-closed connection still gets its answer, once",
		 SERVICE,
		 {SERVICE_OPEN, "200 > FPA 80", "210 < A", "is open", "700 < A 1400 : response 500",
		  "710 < PA 10", "720 < FA : closed"}},
		{"the answer may carry the FIN",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "300 < FPA 90 : response 100", "310 > A", "is open",
		  "320 > FA : closed"}},
		{"a request on a connection that the responder has half closed is none it can answer",
		 SERVICE,
		 {SERVICE_OPEN, "200 < FA", "300 > PA 80", "310 > FA : closed", "is closed"}},
		{"a FIN sent again ends nothing twice",
		 SERVICE,
		 {SERVICE_OPEN, "200 > FA", "400 > FA seq-1", "is open", "500 < FA : closed",
		  "700 < FA seq-1", "is closed"}},
		{"a FIN from elsewhere ends nothing",
		 SERVICE,
		 {SERVICE_OPEN, "200 < FA", "210 > FA seq+9000000 ack+1", "is open"}},
		{"a RST while a request is under way is a failure of the upstream's",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "300 < RA : reset, closed", "is closed"}},
		{"a RST without one is not",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "300 < PA 90 : response 100", "400 < RA : closed"}},
		{"a RST by us is not",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "300 > RA : closed"}},
		{"a RST after what the daemon has counted is not counted again",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "daemon", "300 < RA : closed"}},
		{"a RST from elsewhere ends nothing",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "300 < R seq-9000000", "301 < R seq+9000000",
		  "is open", "400 < PA 9 seq-9000000 : response 200"}},
		{"late packets of a closed flow do nothing",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > RA : closed", "300 < PA 90", "310 > PA 80",
		  "320 < A", "330 < RA", "340 < SA", "350 > FA", "is closed"}},
		{"a SYN on a closed flow starts it over",
		 SERVICE,
		 {SERVICE_OPEN, "200 > RA : closed", "300 > S isn", "is connecting", "340 < SA isn",
		  "400 > A : trip 60, connected", "500 > PA 8", "600 < PA 8 : response 100"}},
		{"a SYN on an open flow of a service is believed when our SYN-ACK answers it",
		 SERVICE,
		 {SERVICE_OPEN, "200 > S isn", "is open", "240 < SA isn", "is accepted",
		  "300 > A : trip 60, connected", "is open", "400 > PA 80",
		  "500 < PA 80 : response 100"}},
		{"a spoofed SYN does an open flow no harm",
		 SERVICE,
		 {SERVICE_OPEN, "200 > PA 80", "210 > S seq+77777777", "211 < A",
		  "700 > A seq-77777778"}},
		{"our SYN on an open flow starts it over",
		 UPSTREAM,
		 {UPSTREAM_OPEN, "200 > PA 80", "300 > S isn : forgotten",
		  "350 < SA isn : trip 50, connected"}},
	};

	(void)state;
	RUN(specs);
}

/* ------------------------------------------------------------------------------- older connections */

static void picked_up(void **state)
{
	static const struct spec specs[] = {
		{"a connection older than Weir is picked up at its first request",
		 SERVICE,
		 {"0 > PA 80", "is connecting", "100 < PA 90 : response 100", "is accepted",
		  "110 > A", "is open", "200 > PA 80", "500 < PA 90 : response 300"}},
		{"of an upstream the same, and a reset is one",
		 UPSTREAM,
		 {"0 > PA 80", "100 < PA 90 : response 100", "200 > PA 80", "is open",
		  "300 < RA : reset, closed"}},
		{"a stale connection of a pool is reset at once",
		 UPSTREAM,
		 {"0 > PA 80", "10 < R : reset, closed"}},
		{"its request may take many segments",
		 UPSTREAM,
		 {"0 > A 1400", "50 > A 1400", "100 > PA 8", "150 > PA 8 seq-8",
		  "400 < PA 9 : response 300", "410 > A", "is open"}},
		{"an ACK of half the answer opens it",
		 SERVICE,
		 {"0 > PA 80", "100 < A 1400 : response 100", "101 < A 1400", "102 > A ack-1400",
		  "is open", "103 < PA 90", "200 > PA 80", "300 < PA 9 : response 100"}},
		{"an answer with a FIN",
		 SERVICE,
		 {"0 > PA 80", "100 < FPA 90 : response 100", "110 > FA : closed", "is closed"}},
		{"ACKs alone are no answer",
		 SERVICE,
		 {"0 > PA 80", "10 < A", "20 > A", "is connecting", "30 > PA 80 ack+5",
		  "is connecting"}},
		{"a handshake that went by another way is given up at the first data",
		 SERVICE,
		 {"0 > S", "100 > PA 80 ack+1000", "is connecting", "300 < PA 9 : response 200",
		  "310 > A", "is open"}},
		{"the handshake of a new connection on it",
		 SERVICE,
		 {"0 > PA 80", "500 > S isn", "540 < SA isn", "600 > A : trip 60, connected",
		  "is open"}},
	};

	(void)state;
	RUN(specs);
}

/* ------------------------------------------------------------------------------------------- UDP */

static void datagrams(void **state)
{
	static const struct spec specs[] = {
		{"datagram to datagram",
		 UDP_SERVICE,
		 {"0 > - 30", "is connecting", "70 < - 90 : response 70", "is accepted",
		  "100 < - 90", "200 > - 30", "is open", "500 < - 9 : response 300"}},
		{"first in, first out",
		 UDP_UPSTREAM,
		 {"0 > - 30", "10 > - 30", "20 > - 30", "100 < - 9 : response 100",
		  "110 < - 9 : response 100", "120 < - 9 : response 100", "130 < - 9"}},
		{"four at once, a fifth is said",
		 UDP_SERVICE,
		 {"0 > -", "1 > -", "2 > -", "3 > -", "4 > - : too many", "100 < - : response 100",
		  "101 < - : response 100", "102 < - : response 100", "103 < - : response 100",
		  "104 < -"}},
		{"what has waited too long is not answered any more",
		 UDP_UPSTREAM,
		 {"0 > -", "2000000 > - : unanswered 1", "2000100 < - : response 100"}},
		{"nor what waits behind it",
		 UDP_UPSTREAM,
		 {"0 > -", "10 > -", "900000 > -", "1500000 > - : unanswered 2",
		  "1500100 < - : response 600100", "1500200 < - : response 200"}},
		{"an answer passes over those",
		 UDP_UPSTREAM,
		 {"0 > -", "10 > -", "900000 > -", "1500000 < - : response 1500000, unanswered 1",
		  "1500001 < - : response 600001"}},
		{"what the daemon has given up on makes way for the next",
		 UDP_UPSTREAM,
		 {"0 > -", "10 > -", "daemon", "100 < - : response 90", "200 > -",
		  "300 < - : response 100"}},
		{"who only talks is not open",
		 UDP_SERVICE,
		 {"0 > -", "10 > -", "20 > -", "is connecting"}},
	};

	(void)state;
	RUN(specs);
}

/* ---------------------------------------------------------------------------------------- random */

#define STEPS 10000000

struct walk {
	struct random random;
	struct wire wire;
	u64 now, requests, responses, syns, handshakes, opened;
	bool heard; /* the initiator has acknowledged something the responder sent */
};

static u32 about(struct random *random, u32 next)
{
	switch (random_below(random, 8)) {
	case 0:
		return next - (u32)random_below(random, 3000);
	case 1:
		return next + (u32)random_below(random, 3000);
	case 2:
		return (u32)random_u64(random);
	default:
		return next;
	}
}

static void random_segment(struct walk *walk, struct weir_segment *s)
{
	static const u8 flags[] = {0x10, 0x10, 0x10, 0x18, 0x18, 0x18,
				   0x18, 0x11, 0x02, 0x12, 0x04, 0x14};
	struct random *random = &walk->random;
	u64 which = random_below(random, 160);

	memset(s, 0, sizeof(*s));
	walk->now += random_below(random, 100000);
	s->now = walk->now;
	s->by_initiator = (u8)random_below(random, 2);
	s->tcp_flags = walk->wire.udp ? 0 : which < 12 ? flags[which] : flags[which % 7];
	s->length = random_below(random, 2) ? (u32)random_below(random, 1500) : 0;
	s->seq = about(random, walk->wire.next[!s->by_initiator]);
	s->ack = about(random, walk->wire.next[s->by_initiator]);
	s->begins = (u8)random_below(random, 3);
}

static void one_step(struct walk *walk)
{
	struct wire *wire = &walk->wire;
	struct weir_flow_news news;
	struct weir_segment s;
	u64 now;
	u32 end;

	random_segment(walk, &s);
	now = s.now;
	end = s.seq + s.length + !!(s.tcp_flags & (WEIR_FLAG_SYN | WEIR_FLAG_FIN));
	walk->requests += s.by_initiator && (s.length || wire->udp); /* a datagram may be empty */
	walk->syns += !!(s.tcp_flags & WEIR_FLAG_SYN);
	deliver(wire, &s, &news);
	if (end - wire->next[!s.by_initiator] < 100000 || (s.tcp_flags & WEIR_FLAG_SYN))
		wire->next[!s.by_initiator] = end;
	walk->responses += !!(news.events & WEIR_NEWS_RESPONSE);
	walk->handshakes += !!(news.events & WEIR_NEWS_HANDSHAKE);
	walk->opened += wire->flow.state == WEIR_FLOW_OPEN;
	/* Nothing lasts longer than the walk, so neither is any time of it negative. */
	assert_true(news.response_ns <= now - BEGIN_NS && news.handshake_ns <= now - BEGIN_NS);
	assert_true(wire->flow.since <= now);
	assert_true(wire->flow.state > WEIR_FLOW_FREE ? wire->flow.state < WEIR_FLOW_STATE_COUNT
						      : !wire->flow.mode);
	assert_true(walk->responses <= walk->requests && walk->handshakes <= walk->syns);
}

static void whatever_comes_there_is_no_more_answered_than_asked(void **state)
{
	struct walk walk = {.random = random_begin(), .now = BEGIN_NS};

	(void)state;
	for (u64 i = 0; i < STEPS; i++) {
		if (i % 1000 == 0) {
			memset(&walk.wire, 0, sizeof(walk.wire));
			walk.wire.plainly = random_below(&walk.random, 2);
			walk.wire.upstream = random_below(&walk.random, 2);
			walk.wire.udp = !random_below(&walk.random, 8);
			walk.wire.timeout_ns = 1000000;
			walk.wire.next[0] = (u32)random_u64(&walk.random);
			walk.wire.next[1] = (u32)random_u64(&walk.random);
		}
		one_step(&walk);
	}
	printf("# %llu requests, %llu answered; %llu handshakes; open for %llu of %d steps\n",
	       (unsigned long long)walk.requests, (unsigned long long)walk.responses,
	       (unsigned long long)walk.handshakes, (unsigned long long)walk.opened, STEPS);
	/* It has been everywhere. */
	assert_true(walk.responses > STEPS / 100 && walk.handshakes > 100 &&
		    walk.opened > STEPS / 10);
}

/* Whoever spoofs its address sends what it likes, and never sees what the responder sends. */
static void who_does_not_hear_the_responder_is_never_open(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct wire wire = {.next = {0, (u32)random_u64(&random)}};
		struct weir_flow_news news;
		struct weir_segment s = {.tcp_flags = WEIR_FLAG_SYN, .by_initiator = 1};

		for (u64 step = 0; step < 12; step++) {
			deliver(&wire, &s, &news);
			assert_int_not_equal(wire.flow.state, WEIR_FLOW_OPEN);
			memset(&s, 0, sizeof(s));
			s.now = BEGIN_NS + step;
			s.by_initiator = step % 3 != 0;
			s.seq = s.by_initiator ? wire.flow.ask_next : wire.next[1];
			s.ack = s.by_initiator ? (u32)random_u64(&random) : wire.flow.ask_next;
			/* The responder answers a SYN, and what is not of a connection with an ACK, never with data. */
			s.tcp_flags = s.by_initiator   ? WEIR_FLAG_ACK | WEIR_FLAG_PSH
				      : wire.next[1]++ ? WEIR_FLAG_SYN | WEIR_FLAG_ACK
						       : WEIR_FLAG_ACK;
			s.length = s.by_initiator ? (u32)random_below(&random, 1000) : 0;
			/* One in 2^32 guesses right. */
			if (s.by_initiator && s.ack == wire.flow.answer_next)
				s.ack++;
		}
	}
}

/* ----------------------------------------------------------------------------------------- races */

#define RACES 300000

struct race {
	struct weir_flow flow;
	atomic_uint asked, answered_bytes;
	atomic_bool over;
	atomic_ullong responses;
	u64 requests, taken, mine;
};

/* As the program does it, while others change the flow */
static void pass(struct weir_flow *flow, const struct weir_segment *s, struct weir_flow_news *news)
{
	union weir_flow_mode mode;

	if (weir_flow_quiet(flow, s))
		return;
	mode = weir_flow_mode(flow);
	if (!weir_flow_is_plain(flow, s, mode) || !weir_flow_plain(flow, s, mode, news))
		step(flow, s, news);
}

static void *ask_on(void *argument)
{
	struct race *race = argument;
	u32 seq = race->flow.ask_next;

	/* However late the other threads are scheduled */
	for (u32 i = 0; i < RACES || !atomic_load(&race->responses); i++) {
		struct weir_segment s = {
			.now = BEGIN_NS + i, .seq = seq, .length = 10, .by_initiator = 1};
		struct weir_flow_news news = {};

		s.ack = atomic_load(&race->answered_bytes);
		s.tcp_flags = WEIR_FLAG_ACK | (i % 3 ? WEIR_FLAG_PSH : 0);
		pass(&race->flow, &s, &news);
		race->requests++;
		if (i % 1000 == 999) /* the others may not be scheduled at all meanwhile */
			race->mine += !!weir_flow_take(&race->flow);
		seq += 10;
		atomic_store(&race->asked, seq);
	}
	atomic_store(&race->over, true);
	return NULL;
}

static void *answer_on(void *argument)
{
	struct race *race = argument;
	u32 seq = race->flow.answer_next;

	for (u32 i = 0; !atomic_load(&race->over); i++) {
		struct weir_segment s = {.now = BEGIN_NS + i, .seq = seq, .length = 20};
		struct weir_flow_news news = {};

		s.ack = atomic_load(&race->asked);
		s.tcp_flags = WEIR_FLAG_ACK | (i % 5 ? WEIR_FLAG_PSH : 0);
		pass(&race->flow, &s, &news);
		race->responses += !!(news.events & WEIR_NEWS_RESPONSE);
		seq += 20;
		atomic_store(&race->answered_bytes, seq);
	}
	return NULL;
}

static void *give_up_on(void *argument)
{
	struct race *race = argument;

	while (!atomic_load(&race->over))
		race->taken += !!weir_flow_take(&race->flow);
	return NULL;
}

static void no_request_is_counted_twice_by_processors_that_race(void **state)
{
	void *(*const threads[])(void *) = {ask_on, answer_on, give_up_on};
	static struct race race;
	pthread_t thread[3];

	(void)state;
	race.flow.mode =
		(union weir_flow_mode){.state = WEIR_FLOW_OPEN,
				       .flags = WEIR_FLOW_ASK_PUSHED | WEIR_FLOW_ANSWER_PUSHED}
			.word;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, threads[i], &race), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	printf("# %llu requests, %llu answered, %llu given up\n", (unsigned long long)race.requests,
	       (unsigned long long)race.responses, (unsigned long long)race.taken);
	assert_true(race.responses + race.taken + race.mine <= race.requests);
	assert_true(race.responses > 0 && race.taken + race.mine > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes),
		cmocka_unit_test(fast_open),
		cmocka_unit_test(responses),
		cmocka_unit_test(pipelines),
		cmocka_unit_test(http),
		cmocka_unit_test(ends),
		cmocka_unit_test(picked_up),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(whatever_comes_there_is_no_more_answered_than_asked),
		cmocka_unit_test(who_does_not_hear_the_responder_is_never_open),
		cmocka_unit_test(no_request_is_counted_twice_by_processors_that_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

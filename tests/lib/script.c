/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/lib/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKS_BEGIN 1000
#define ANSWERS_BEGIN 5000
#define FIN 0x01
#define SYN 0x02
#define ACK 0x10

void script_begin(struct script *script, u64 flows, u16 port, bool before)
{
	*script = (struct script){.flows = flows, .port = port};
	/* Where the first lap stands; script_add() moves it on, and the laps with it */
	script->line[0].seq = ASKS_BEGIN + !before;
	script->line[0].ack = ANSWERS_BEGIN + !before;
}

static u8 flags_of(const char *letters)
{
	static const char names[] = "FSRPAU";
	u8 flags = 0;

	for (; *letters; letters++) {
		const char *at = strchr(names, *letters);

		if (at)
			flags |= (u8)(1 << (at - names));
	}
	return flags;
}

/* Bytes of the sequence that a line takes */
static u32 taken_by(const struct script_line *line)
{
	return line->length + !!(line->flags & SYN) + !!(line->flags & FIN);
}

/* What the initiator (asks) or the responder has taken of its sequence in the lines before `end` */
static u32 taken_before(const struct script *script, bool asks, u32 end)
{
	u32 sum = 0;

	for (u32 i = 0; i < end; i++)
		if (script->line[i].asks == asks)
			sum += taken_by(&script->line[i]);
	return sum;
}

/* The numbers that a side begins with, from line 0, which knows them both */
static u32 begin_of(const struct script *script, bool asks)
{
	const struct script_line *first = &script->line[0];
	bool mine = script->lines == 0 || first->asks;

	return asks == mine ? first->seq : first->ack;
}

void script_add(struct script *script, const char *text)
{
	u32 begin[2] = {begin_of(script, false), begin_of(script, true)};
	char who[8] = "", flags[8] = "";
	unsigned int length = 0;
	struct script_line line = {};

	if (script->lines == SCRIPT_LINES || sscanf(text, "%7s %7s %u", who, flags, &length) < 2) {
		fprintf(stderr, "no line of a script: %s\n", text);
		abort();
	}
	line.asks = !strcmp(who, "ask");
	line.flags = flags_of(flags);
	line.length = (u16)length;
	line.seq = begin[line.asks] + taken_before(script, line.asks, script->lines);
	line.ack = begin[!line.asks] + taken_before(script, !line.asks, script->lines);
	script->line[script->lines++] = line;
	for (u32 i = 0; i < script->lines; i++) {
		struct script_line *each = &script->line[i];

		each->seq_lap = taken_before(script, each->asks, script->lines);
		each->ack_lap = taken_before(script, !each->asks, script->lines);
	}
}

void script_frame(struct frame *frame, bool ipv6, bool udp)
{
	if (frame_build(frame, "%s/%s/data n=1400", ipv6 ? "ip6" : "ip4", udp ? "udp" : "tcp"))
		abort();
}

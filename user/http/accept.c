/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/accept.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct piece {
	const char *at;
	size_t length;
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Takes what is before the separator off the front of text, blanks trimmed. False at the end. */
static bool next(struct piece *text, char separator, struct piece *out)
{
	const char *end = text->at ? memchr(text->at, separator, text->length) : NULL;
	size_t length = end ? (size_t)(end - text->at) : text->length;

	if (!text->at)
		return false;
	*out = (struct piece){text->at, length};
	*text = end ? (struct piece){end + 1, text->length - length - 1} : (struct piece){0};
	while (out->length && is_blank(out->at[0])) {
		out->at++;
		out->length--;
	}
	while (out->length && is_blank(out->at[out->length - 1]))
		out->length--;
	return true;
}

static bool is(struct piece piece, const char *word)
{
	return piece.length == strlen(word) && !strncasecmp(piece.at, word, piece.length);
}

/* 0 to 1000; what cannot be read counts as 0: not wanted */
static int thousandths(struct piece value)
{
	char text[8];
	double q;
	char *end;

	if (!value.length || value.length >= sizeof(text))
		return 0;
	memcpy(text, value.at, value.length);
	text[value.length] = '\0';
	q = strtod(text, &end);
	return *end || !(q >= 0 && q <= 1) ? 0 : (int)(q * 1000 + 0.5);
}

struct wish {
	int q;		 /* thousandths */
	int specificity; /* of the range it comes from; 0: none matched */
};

/* A media range with those parameters that formats differ in; where one is missing it is empty */
struct range {
	struct piece media, version, proto, encoding;
	int q;
};

static struct piece unquoted(struct piece piece)
{
	return piece.length > 1 && piece.at[0] == '"'
		       ? (struct piece){piece.at + 1, piece.length - 2}
		       : piece;
}

static void read_range(struct piece text, struct range *out)
{
	struct piece parameter;

	*out = (struct range){.q = 1000};
	next(&text, ';', &out->media);
	while (next(&text, ';', &parameter)) {
		struct piece name;

		if (!next(&parameter, '=', &name))
			continue;
		if (!parameter.at)
			parameter = (struct piece){"", 0};
		if (is(name, "q"))
			out->q = thousandths(parameter);
		else if (is(name, "version"))
			out->version = unquoted(parameter);
		else if (is(name, "proto"))
			out->proto = unquoted(parameter);
		else if (is(name, "encoding"))
			out->encoding = unquoted(parameter);
	}
}

static void consider(struct wish *wish, int specificity, int q)
{
	if (specificity < wish->specificity || (specificity == wish->specificity && q <= wish->q))
		return;
	*wish = (struct wish){q, specificity};
}

/* One range of the header: what it says about each format it matches */
static void consider_range(const struct range *range, struct wish wish[METRICS_FORMATS])
{
	int specificity = range->version.length ? 4 : 3;

	if (is(range->media, "application/vnd.google.protobuf")) {
		/* Of any other message, or written otherwise, there is none */
		if (is(range->proto, "io.prometheus.client.MetricFamily") &&
		    is(range->encoding, "delimited"))
			consider(&wish[METRICS_PROTOBUF], 4, range->q);
	} else if (is(range->media, "application/openmetrics-text")) {
		if (!range->version.length || is(range->version, "1.0.0"))
			consider(&wish[METRICS_OPENMETRICS], specificity, range->q);
	} else if (is(range->media, "text/plain")) {
		if (!range->version.length || is(range->version, "0.0.4"))
			consider(&wish[METRICS_TEXT], specificity, range->q);
	} else if (is(range->media, "text/*")) {
		consider(&wish[METRICS_TEXT], 2, range->q);
	} else if (is(range->media, "*/*")) {
		consider(&wish[METRICS_TEXT], 1, range->q);
	}
}

enum metrics_format accept_format(const char *accept)
{
	struct piece rest = {accept, accept ? strlen(accept) : 0}, piece;
	enum metrics_format best = METRICS_TEXT;
	struct wish wish[METRICS_FORMATS] = {0};

	while (next(&rest, ',', &piece)) {
		struct range range;

		read_range(piece, &range);
		consider_range(&range, wish);
	}
	/* Formats are in the order of what they say: of two wanted alike, the one that says more */
	for (int format = METRICS_TEXT + 1; format < METRICS_FORMATS; format++)
		if (wish[format].q && wish[format].q >= wish[best].q)
			best = (enum metrics_format)format;
	return best;
}

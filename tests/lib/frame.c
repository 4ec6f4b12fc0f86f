/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/lib/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
	struct frame *frame;
	size_t type_at;	    /* where the type of the next layer goes: two bytes; 0: nowhere */
	size_t protocol_at; /* the same, one byte */
	size_t length_from; /* what the IP length counts from; 0: do not set it */
	size_t length_at;
	bool ipv4;
	char *fields[16];
	size_t count;
};

/* ------------------------------------------------------------------------------------- checksums */

uint32_t frame_sum(uint32_t sum, const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	return sum;
}

uint16_t frame_checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t frame_transport_checksum(const struct frame *frame, uint8_t protocol)
{
	const uint8_t *ip = frame->at + frame->l3;
	size_t size = frame->size - frame->l4;
	uint32_t sum = protocol + (uint32_t)size;

	sum = ip[0] >> 4 == 4 ? frame_sum(sum, ip + 12, 8) : frame_sum(sum, ip + 8, 32);
	return frame_checksum(frame_sum(sum, frame->at + frame->l4, size));
}

/* ---------------------------------------------------------------------------------------- fields */

static const char *field(const struct builder *b, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < b->count; i++)
		if (!strncmp(b->fields[i], name, length) &&
		    (b->fields[i][length] == '=' || !b->fields[i][length]))
			return b->fields[i][length] ? b->fields[i] + length + 1 : "1";
	return NULL;
}

static uint32_t number(const struct builder *b, const char *name, uint32_t otherwise)
{
	const char *text = field(b, name);

	return text ? (uint32_t)strtoul(text, NULL, 0) : otherwise;
}

static void store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* ---------------------------------------------------------------------------------------- layers */

/* Room for a header of this type; its bytes are zero. */
static uint8_t *push(struct builder *b, uint32_t ethertype, int protocol, size_t size)
{
	struct frame *frame = b->frame;
	uint8_t *at = frame->at + frame->size;

	if (size > FRAME_MAX - frame->size)
		abort();
	if (b->type_at && ethertype)
		store16(frame->at + b->type_at, ethertype);
	if (b->protocol_at && protocol >= 0)
		frame->at[b->protocol_at] = (uint8_t)protocol;
	b->type_at = b->protocol_at = 0;
	memset(at, 0, size);
	frame->size += size;
	return at;
}

static void push_tag(struct builder *b, uint32_t ethertype)
{
	uint8_t *at = push(b, ethertype, -1, 4);

	store16(at, number(b, "id", 7));
	b->type_at = (size_t)(at - b->frame->at) + 2;
}

static int push_ipv4(struct builder *b)
{
	const char *src = field(b, "src"), *dst = field(b, "dst");
	uint32_t options = number(b, "opt", 0), ihl = number(b, "ihl", 5 + options / 4);
	struct frame *frame = b->frame;
	uint8_t *at;

	frame->l3 = frame->size;
	at = push(b, 0x0800, 4, 20 + options);
	at[0] = (uint8_t)(number(b, "ver", 4) << 4 | ihl);
	store16(at + 6, number(b, "off", 0) | (field(b, "mf") ? 0x2000 : 0) |
				(field(b, "df") ? 0x4000 : 0));
	at[8] = (uint8_t)number(b, "ttl", 64);
	if (inet_pton(AF_INET, src ? src : "192.0.2.1", at + 12) != 1 ||
	    inet_pton(AF_INET, dst ? dst : "198.51.100.80", at + 16) != 1)
		return -EINVAL;
	memset(at + 20, 1, options); /* no operation */
	b->protocol_at = frame->l3 + 9;
	store16(at + 2, number(b, "len", 0));
	b->length_at = field(b, "len") ? 0 : frame->l3 + 2;
	b->length_from = frame->l3;
	b->ipv4 = true;
	return 0;
}

static int push_ipv6(struct builder *b)
{
	const char *src = field(b, "src"), *dst = field(b, "dst");
	struct frame *frame = b->frame;
	uint8_t *at;

	frame->l3 = frame->size;
	at = push(b, 0x86dd, 41, 40);
	at[0] = (uint8_t)(number(b, "ver", 6) << 4);
	at[6] = 59; /* no next header, unless one follows */
	at[7] = (uint8_t)number(b, "ttl", 64);
	if (inet_pton(AF_INET6, src ? src : "2001:db8::1", at + 8) != 1 ||
	    inet_pton(AF_INET6, dst ? dst : "2001:db8:ffff::80", at + 24) != 1)
		return -EINVAL;
	b->protocol_at = frame->l3 + 6;
	store16(at + 4, number(b, "len", 0));
	b->length_at = field(b, "len") ? 0 : frame->l3 + 4;
	b->length_from = frame->l3 + 40;
	return 0;
}

static void push_extension(struct builder *b, int protocol)
{
	uint32_t more = number(b, "len", 0), unit = protocol == 51 ? 4 : 8;
	uint8_t *at = push(b, 0, protocol, 8 + (protocol == 44 ? 0 : more * unit));

	at[0] = 59;
	at[1] = (uint8_t)more;
	if (protocol == 44) {
		store16(at + 2, number(b, "off", 0) << 3 | (field(b, "mf") ? 1 : 0));
		store16(at + 6, 0xbeef);
	} else if (protocol == 60 || protocol == 0) {
		/* PadN over it all */
		at[2] = 1;
		at[3] = (uint8_t)(4 + more * 8);
	}
	b->protocol_at = (size_t)(at - b->frame->at);
}

static uint8_t tcp_flags(const char *text)
{
	static const char names[] = "FSRPAU";
	uint8_t flags = 0;

	for (; *text; text++)
		flags |= (uint8_t)(1U << (strchr(names, *text) - names));
	return flags;
}

static uint8_t *push_transport(struct builder *b, int protocol, size_t size)
{
	b->frame->l4 = b->frame->size;
	return push(b, 0, protocol, size);
}

static void push_tcp(struct builder *b)
{
	uint32_t doff = number(b, "doff", 5), seq = htonl(number(b, "seq", 0x1234));
	uint32_t ack = htonl(number(b, "ack", 0));
	const char *flags = field(b, "flags");
	uint8_t *at = push_transport(b, 6, doff > 5 ? doff * 4 : 20);

	store16(at, number(b, "sport", 40000));
	store16(at + 2, number(b, "dport", 80));
	memcpy(at + 4, &seq, 4);
	memcpy(at + 8, &ack, 4);
	at[12] = (uint8_t)(doff << 4);
	at[13] = tcp_flags(flags ? flags : "S");
	store16(at + 14, number(b, "win", 64240));
}

static void push_udp(struct builder *b)
{
	uint8_t *at = push_transport(b, 17, 8);

	store16(at, number(b, "sport", 40000));
	store16(at + 2, number(b, "dport", 53));
}

static void push_arp(struct builder *b)
{
	static const uint8_t request[8] = {0, 1, 8, 0, 6, 4, 0, 1};

	memcpy(push(b, 0x0806, -1, 28), request, sizeof(request));
}

static int push_layer(struct builder *b, const char *name)
{
	static const struct {
		const char *name;
		int protocol;
	} extensions[] = {{"hop", 0}, {"route", 43}, {"frag", 44}, {"ah", 51}, {"dest", 60}};

	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (!strcmp(name, extensions[i].name))
			return push_extension(b, extensions[i].protocol), 0;
	if (!strcmp(name, "vlan"))
		push_tag(b, 0x8100);
	else if (!strcmp(name, "qinq"))
		push_tag(b, 0x88a8);
	else if (!strcmp(name, "ether"))
		push(b, number(b, "type", 0x88b5), -1, 46);
	else if (!strcmp(name, "arp"))
		push_arp(b);
	else if (!strcmp(name, "ip4"))
		return push_ipv4(b);
	else if (!strcmp(name, "ip6"))
		return push_ipv6(b);
	else if (!strcmp(name, "tcp"))
		push_tcp(b);
	else if (!strcmp(name, "udp"))
		push_udp(b);
	else if (!strcmp(name, "icmp"))
		push_transport(b, 1, 8)[0] = (uint8_t)number(b, "type", 8);
	else if (!strcmp(name, "icmp6"))
		push_transport(b, 58, 8)[0] = (uint8_t)number(b, "type", 128);
	else if (!strcmp(name, "igmp"))
		push_transport(b, 2, 8)[0] = (uint8_t)number(b, "type", 0x16);
	else if (!strcmp(name, "proto"))
		push_transport(b, (int)number(b, "n", 253), 0);
	else if (!strcmp(name, "data"))
		push(b, 0, -1, number(b, "n", 0));
	else
		return -EINVAL;
	return 0;
}

/* ----------------------------------------------------------------------------------------- whole */

static void fill_checksums(struct builder *b)
{
	struct frame *frame = b->frame;
	uint8_t *ip = frame->at + frame->l3, *l4 = frame->at + frame->l4;
	uint8_t protocol = frame->l4 ? frame->at[b->protocol_at] : 0;

	if (b->length_at)
		store16(frame->at + b->length_at, (uint32_t)(frame->size - b->length_from));
	if (frame->l4 && protocol == 6) {
		store16(l4 + 16, frame_transport_checksum(frame, 6));
	} else if (frame->l4 && protocol == 17) {
		store16(l4 + 4, (uint32_t)(frame->size - frame->l4));
		store16(l4 + 6, frame_transport_checksum(frame, 17));
		if (!l4[6] && !l4[7])
			store16(l4 + 6, 0xffff);
	} else if (frame->l4 && protocol == 58) {
		store16(l4 + 2, frame_transport_checksum(frame, 58));
	} else if (frame->l4 && (protocol == 1 || protocol == 2)) {
		store16(l4 + 2, frame_checksum(frame_sum(0, l4, frame->size - frame->l4)));
	}
	if (b->ipv4)
		store16(ip + 10, frame_checksum(frame_sum(0, ip, (ip[0] & 15U) * 4U)));
}

static void change_whole(struct builder *b)
{
	struct frame *frame = b->frame;
	uint32_t pad = number(b, "pad", (uint32_t)frame->size);
	const char *mac = field(b, "mac");
	uint32_t cut;

	if (mac && !strcmp(mac, "bcast"))
		memset(frame->at, 0xff, 6);
	if (mac && !strcmp(mac, "back"))
		frame->at[5] = 1, frame->at[11] = 2;
	if (pad > frame->size && pad <= FRAME_MAX) {
		memset(frame->at + frame->size, (int)number(b, "fill", 0), pad - frame->size);
		frame->size = pad;
	}
	cut = number(b, "cut", (uint32_t)frame->size);
	if (cut < frame->size)
		frame->size = cut;
}

/* "name field field" into its name and the builder's fields */
static char *split_fields(struct builder *b, char *text)
{
	char *save = NULL, *name = strtok_r(text, " ", &save), *word;

	b->count = 0;
	while ((word = strtok_r(NULL, " ", &save)) && b->count < 16)
		b->fields[b->count++] = word;
	return name ? name : text;
}

static int build(struct builder *b, char *text)
{
	char *whole = strchr(text, '|'), *save = NULL;
	size_t transport_protocol = 0;

	if (whole)
		*whole++ = 0;
	for (char *layer = strtok_r(text, "/", &save); layer; layer = strtok_r(NULL, "/", &save)) {
		char *name = split_fields(b, layer);

		if (push_layer(b, name) < 0) {
			fprintf(stderr, "frame: no such layer, or a bad field: %s\n", name);
			return -EINVAL;
		}
		if (b->protocol_at)
			transport_protocol = b->protocol_at;
	}
	b->protocol_at = transport_protocol;
	fill_checksums(b);
	b->count = 0;
	if (whole) {
		/* The first word is a field too. */
		char *word = strtok_r(whole, " ", &save);

		for (; word && b->count < 16; word = strtok_r(NULL, " ", &save))
			b->fields[b->count++] = word;
	}
	change_whole(b);
	return 0;
}

int frame_build(struct frame *frame, const char *format, ...)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	struct builder b = {.frame = frame, .type_at = 12};
	char text[512];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -EINVAL;
	memset(frame, 0, sizeof(*frame));
	memcpy(frame->at, macs, sizeof(macs));
	store16(frame->at + 12, 0x88b5);
	frame->size = 14;
	return build(&b, text);
}

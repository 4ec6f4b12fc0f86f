/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as a frame, in a heap buffer of their exact size so that a single byte read too many is
 * seen. What passes must hold together; a tag in front must change nothing; a SYN is answered with sums that are right.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/core/reset.h"
#include "tests/lib/frame.h"

static void die(const char *why)
{
	fprintf(stderr, "%s\n", why);
	abort();
}

static enum weir_verdict parse(const u8 *at, size_t size, struct weir_packet *packet)
{
	u8 *exact = malloc(size ? size : 1);
	enum weir_verdict verdict;

	memcpy(exact, at, size);
	memset(packet, 0, sizeof(*packet));
	verdict = weir_parse(exact, exact + size, packet);
	free(exact);
	return packet->length > size ? weir_cut_short(packet) : verdict;
}

static void check_passed(const struct weir_packet *packet, size_t size)
{
	if (packet->l3 < 14 || packet->l3 > 26 || packet->l4 < packet->l3 + 20 ||
	    packet->l4 > size || packet->length > size)
		die("offsets beyond the frame");
	if (packet->later_fragment && (packet->sport || packet->dport || packet->syn))
		die("a later fragment with a transport header");
	if (packet->later_fragment && !packet->fragment)
		die("a later fragment that is none");
	if ((packet->sport || packet->dport) && packet->protocol != 6 && packet->protocol != 17)
		die("ports without a transport that has them");
	if (packet->syn && packet->protocol != 6)
		die("a SYN without TCP");
}

static void check_tagged(const u8 *data, size_t size, enum weir_verdict verdict,
			 const struct weir_packet *packet)
{
	struct weir_packet tagged;
	u8 *more = malloc(size + 4);

	memcpy(more, data, 12);
	memcpy(more + 12, "\x81\0\0\7", 4);
	memcpy(more + 16, data + 12, size - 12);
	if (parse(more, size + 4, &tagged) != verdict)
		die("another verdict with a tag");
	if (tagged.dport != packet->dport || tagged.protocol != packet->protocol ||
	    tagged.l4 != packet->l4 + 4 || memcmp(tagged.source, packet->source, 16))
		die("another packet with a tag");
	free(more);
}

static void check_reset(const u8 *data, const struct weir_packet *packet)
{
	struct frame answer = {.l3 = packet->l3, .l4 = packet->l4};
	u32 length = weir_reset_length(packet);

	if (!length)
		return;
	memcpy(answer.at, data, length);
	answer.size = length;
	if (packet->ipv6)
		weir_make_reset_ipv6(answer.at + packet->l3, 0);
	else
		weir_make_reset_ipv4(answer.at + packet->l3, 0);
	if (frame_transport_checksum(&answer, 6))
		die("a wrong TCP checksum");
	if (!packet->ipv6 && frame_checksum(frame_sum(0, answer.at + packet->l3, 20)))
		die("a wrong IPv4 checksum");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_packet packet;
	enum weir_verdict verdict;

	if (size > FRAME_MAX)
		return 0;
	verdict = parse(data, size, &packet);
	if (verdict != WEIR_PASSED && verdict != WEIR_CONTROL &&
	    (verdict < WEIR_BAD_ETHERNET || verdict > WEIR_BAD_TRANSPORT))
		die("a verdict that is not the parser's");
	if (verdict != WEIR_PASSED)
		return 0;
	check_passed(&packet, size);
	if (packet.l3 < 26)
		check_tagged(data, size, verdict, &packet);
	check_reset(data, &packet);
	return 0;
}

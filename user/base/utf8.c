/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/utf8.h"

static int in(unsigned char byte, unsigned char low, unsigned char high)
{
	return byte >= low && byte <= high;
}

/* The second byte has a smaller range after E0, ED, F0 and F4: no overlong forms, no surrogates. */
static int second(unsigned char first, unsigned char byte)
{
	switch (first) {
	case 0xe0:
		return in(byte, 0xa0, 0xbf);
	case 0xed:
		return in(byte, 0x80, 0x9f);
	case 0xf0:
		return in(byte, 0x90, 0xbf);
	case 0xf4:
		return in(byte, 0x80, 0x8f);
	default:
		return in(byte, 0x80, 0xbf);
	}
}

size_t utf8_character(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length;

	if (byte[0] < 0x80)
		return 1;
	if (in(byte[0], 0xc2, 0xdf))
		length = 2;
	else if (in(byte[0], 0xe0, 0xef))
		length = 3;
	else if (in(byte[0], 0xf0, 0xf4))
		length = 4;
	else
		return 0;

	if (!second(byte[0], byte[1]))
		return 0;
	for (size_t i = 2; i < length; i++)
		if (!in(byte[i], 0x80, 0xbf))
			return 0;
	return length;
}

int utf8_valid(const char *text)
{
	while (*text) {
		size_t length = utf8_character(text);

		if (!length)
			return 0;
		text += length;
	}
	return 1;
}

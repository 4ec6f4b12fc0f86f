/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Something that no message may show, whatever mistake is made around it or in it. */
#pragma once

/* Fifteen characters, no four in a row of which are in any word of ours */
#define HIDDEN "Qx7Zk9Wv3Jm8Yq2"

/* Fails if four characters of it that follow each other are in `message`; `about` says of what. */
void assert_hidden(const char *about, const char *message);

/* Calls `try` with the text less each character, and with each delimiter before and in place of it. Returns how often. */
unsigned int for_each_mistake(const char *text, void (*try)(const char *text));

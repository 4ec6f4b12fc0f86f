/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A netlink socket that becomes readable when an interface comes, goes or changes (rtnetlink(7)). */
#pragma once

int links_open(void); /* a descriptor, or -1 and errno */
